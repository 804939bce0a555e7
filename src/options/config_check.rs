//! The check of all roles of a configuration file.
//!
//! A run reads the values of its own role, and stops at the first one that is refused. Here each reader
//! is called by itself, so that all mistakes are found, also in tables that no role uses, with the values
//! of the file only: neither what was typed nor a variable counts.

use std::sync::Arc;

use crate::config::{
    Config, Excerpt, ExecTable, FileValue, Mistake, MistakeKind, Mistakes, RoleTable, TableKind,
    UnusedTables,
};
use crate::options::access_key::session_and_secret;
use crate::options::command_line::parse;
use crate::options::fallback::FallbackSettings;
use crate::options::session;
use crate::options::settings::Settings;
use crate::options::table::config_file::ROLE_AWS_PROFILE;
use crate::options::table::identity::CERTIFICATE;
use crate::options::table::session::{ENDPOINT, PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};
use crate::options::table::{KeyLocation, OptionSpec, Origin};
use crate::options::{
    access_key, fallback, identity, role_chain, secrets_endpoint, session_plan, transport,
};
use crate::output::usage::UsageError;
use crate::secrets::variables::GivenVariables;
use roles_anywhere_client::arn::{ProfileArn, RoleArn, TrustAnchorArn};
use roles_anywhere_client::ports::Environment;

/// The command whose options are those of a role.
pub const COMMAND: &str = "credential-process";

/// A reader of options.
type Reader = fn(&Settings<'_>) -> Result<(), UsageError>;

const READERS: &[Reader] = &[
    |settings| identity::source(settings).map(drop),
    |settings| identity::password(settings).map(drop),
    |settings| identity::permissions(settings).map(drop),
    |settings| session::arn::<TrustAnchorArn>(settings.required(&TRUST_ANCHOR_ARN)?).map(drop),
    |settings| session::arn::<ProfileArn>(settings.required(&PROFILE_ARN)?).map(drop),
    |settings| session::arn::<RoleArn>(settings.required(&ROLE_ARN)?).map(drop),
    |settings| session::duration(settings).map(drop),
    |settings| session::role_session_name(settings).map(drop),
    |settings| session::check_endpoint(settings, settings.in_file(&ENDPOINT)?),
    |settings| settings.region().map(drop),
    |settings| transport::timeout(settings).map(drop),
    |settings| transport::options(settings, &[]).map(drop),
    |settings| match settings.in_file(&ROLE_AWS_PROFILE)? {
        Some(setting) => session_plan::profile(setting).map(drop),
        None => Ok(()),
    },
    |settings| access_key::refresh_after(settings).map(drop),
    one_account,
    // What the values mean together: Regions, partitions and endpoints.
    |settings| session_and_secret(settings).map(drop),
];

/// Returns the mistakes in the values of all tables. Of `settings`, only what a message may show counts.
pub fn check(config: &Config, settings: &Settings<'_>) -> Result<(), Mistakes> {
    let words = [settings.program, COMMAND].map(str::to_owned);
    let (_, typed) = parse(settings.commands, &words)
        .map_err(|_| Mistakes::new(config.file().clone(), Vec::new()))?;
    let environment = &Environment::default();
    let of_file = Settings { typed: &typed, environment, roles: &[], ..*settings };
    let mut mistakes = Vec::new();
    for role in config.roles() {
        let (errors, faults) = errors_and_faults(config, role, &of_file);
        mistakes.extend(errors.into_iter().map(|error| mistake(error, role.location())));
        mistakes.extend(faults);
    }
    for UnusedTables { role, identity } in config.unused_tables() {
        let (errors, faults) = errors_and_faults(config, &role, &of_file);
        let of_table = errors.into_iter().filter_map(|error| match (error, &identity) {
            (UsageError::Missing { options, .. }, Some(identity)) => {
                let key = options.contains(&&CERTIFICATE).then_some(CERTIFICATE.id())?;
                let kind =
                    MistakeKind::Missing { key, table: TableKind::Identity, names: Vec::new() };
                Some(Mistake::at_key(identity, kind))
            }
            (error, identity) => {
                is_of_values(&error, identity.as_deref()).then(|| mistake(error, role.location()))
            }
        });
        mistakes.extend(of_table);
        mistakes.extend(faults);
    }
    mistakes.extend(same_profiles(config));
    mistakes.extend(config.execs().flat_map(exec_mistakes));
    mistakes.extend(secrets_mistakes(config, &of_file));
    match mistakes.is_empty() {
        true => Ok(()),
        false => Err(Mistakes::new(config.file().clone(), mistakes)),
    }
}

/// Returns the mistakes in `[secrets]`.
fn secrets_mistakes(config: &Config, settings: &Settings<'_>) -> Vec<Mistake> {
    let Some(secrets) = config.secrets() else { return Vec::new() };
    let errors = secrets_endpoint::errors_in_file(settings, secrets);
    let of_values = errors.into_iter().map(|error| mistake(error, secrets.location()));
    of_values.chain(secrets.path_mistakes()).collect()
}

/// Returns the mistakes in the variables and files of a program.
fn exec_mistakes(exec: &ExecTable) -> Vec<Mistake> {
    let mut given = GivenVariables::default();
    given.add_exec_table(exec);
    let Err(mistakes) = given.wanted() else { return Vec::new() };
    let in_file = mistakes.all().iter().filter_map(|mistake| {
        let (KeyLocation { line, column, .. }, name) = mistake.in_config_file()?;
        let kind = MistakeKind::Variable(mistake.without_place().into());
        let excerpt = Excerpt::Key(name.map(Into::into));
        Some(Mistake { line: *line, column: *column, excerpt, kind })
    });
    in_file.collect()
}

/// Refuses a trust anchor, a profile and a role of different accounts, for which AWS makes no session. A
/// command line may have such ARNs: it is AWS that refuses them there.
fn one_account(settings: &Settings<'_>) -> Result<(), UsageError> {
    let trust_anchor = session::arn::<TrustAnchorArn>(settings.required(&TRUST_ANCHOR_ARN)?)?;
    let profile = session::arn::<ProfileArn>(settings.required(&PROFILE_ARN)?)?;
    let role = session::arn::<RoleArn>(settings.required(&ROLE_ARN)?)?;
    let mut others = vec![
        (settings.origin(&PROFILE_ARN), profile.account().to_owned()),
        (settings.origin(&ROLE_ARN), role.account().to_owned()),
    ];
    for FallbackSettings { trust_anchor, profile, .. } in fallback::of_role(settings)? {
        let origins = (trust_anchor.origin.clone(), profile.origin.clone());
        others
            .push((origins.0, session::arn::<TrustAnchorArn>(trust_anchor)?.account().to_owned()));
        others.push((origins.1, session::arn::<ProfileArn>(profile)?.account().to_owned()));
    }
    match others.into_iter().find(|(_, account)| account != trust_anchor.account()) {
        None => Ok(()),
        Some((other, _)) => Err(UsageError::Conflict {
            first: settings.origin(&TRUST_ANCHOR_ARN).into(),
            second: other.into(),
            why: "use ARNs of one account: a role of another account is reached with `assume`",
        }),
    }
}

/// Returns the roles whose profile is that of a role before them.
fn same_profiles(config: &Config) -> Vec<Mistake> {
    let mut earlier: Vec<FileValue<'_>> = Vec::new();
    let mut mistakes = Vec::new();
    for (role, value) in config.roles().filter_map(|role| Some((role, role.aws_profile()?))) {
        let origin =
            |value: &FileValue<'_>| Origin::File(&ROLE_AWS_PROFILE, Arc::clone(value.location));
        match earlier.iter().find(|other| other.value == value.value) {
            Some(other) => {
                let error = session_plan::same_profile(origin(other), origin(&value));
                mistakes.push(mistake(error, role.location()));
            }
            None => earlier.push(value),
        }
    }
    mistakes
}

/// Returns whether an error is about values that are wrong whatever a role adds to them: two defaults
/// that do not go together are no mistake if every role replaces one of them.
fn is_of_values(error: &UsageError, identity: Option<&KeyLocation>) -> bool {
    match error {
        UsageError::Missing { .. } | UsageError::Regions { .. } | UsageError::Partitions { .. } => {
            false
        }
        UsageError::Conflict { .. } => {
            let table = |location: &KeyLocation| Arc::clone(&location.table);
            identity.map(table) == error.file_location().map(table)
        }
        _ => true,
    }
}

/// Returns what is wrong with the values of a role, and the mistakes in its paths.
fn errors_and_faults(
    config: &Config,
    role: &RoleTable,
    settings: &Settings<'_>,
) -> (Vec<UsageError>, Vec<Mistake>) {
    let (layers, faults) = config.layers_for_check(role);
    let mut errors = errors(&Settings { layers: Some(layers), ..*settings });
    if !faults.is_empty() {
        // A path that cannot be expanded is missing for the reader of its option.
        errors.retain(|error| !matches!(error, UsageError::Missing { .. }));
    }
    (errors, faults)
}

/// Returns what is wrong with the values of one role, each once.
fn errors(settings: &Settings<'_>) -> Vec<UsageError> {
    let rows = TableKind::Identity.keys().chain(TableKind::Role.keys());
    let values = rows.map(|option: &'static OptionSpec| settings.in_file(option).map(drop));
    let meanings = READERS.iter().map(|read| read(settings));
    let mut errors: Vec<UsageError> = Vec::new();
    let mut missing = Vec::new();
    let lists =
        role_chain::errors_in_file(settings).into_iter().chain(fallback::errors_in_file(settings));
    for error in values.chain(meanings).filter_map(Result::err).chain(lists) {
        match error {
            UsageError::Missing { options, .. } => missing.extend(options),
            error if !errors.contains(&error) => errors.push(error),
            _ => {}
        }
    }
    if !missing.is_empty() {
        missing.dedup();
        let mut named: Vec<&'static OptionSpec> = Vec::new();
        for option in missing {
            if !named.contains(&option) {
                named.push(option);
            }
        }
        errors.push(settings.missing(&named));
    }
    errors
}

/// Returns the mistake of an error, which is at the role's heading if it is about no key.
fn mistake(error: UsageError, role: &KeyLocation) -> Mistake {
    let location = error.file_location().unwrap_or(role).clone();
    Mistake::at_key(&location, MistakeKind::Value(Box::new(error)))
}

#[cfg(test)]
mod tests;
