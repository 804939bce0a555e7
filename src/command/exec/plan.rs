//! The options of `exec`.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::command::exec::aws_files::AwsFiles;
use crate::command::exec::values::ProgramValues;
use crate::command::exec::{CredentialSource, ExecPlan, ExecRoles, ProgramCommand, served};
use crate::config::ExecTable;
use crate::follow::program_action::ProgramAction;
use crate::options::access_key::{refuse_refresh_without_secret, session_and_secret};
use crate::options::arguments::all_typed;
use crate::options::cache::cache;
use crate::options::on_rotate::{OnRotate, on_rotate};
use crate::options::process_command::ProcessCommand;
use crate::options::program_variables::app;
use crate::options::reference_reader::ReferenceReader;
use crate::options::reference_roles::ReferenceRoles;
use crate::options::secrets_endpoint::offline_copies;
use crate::options::session::SessionOptions;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::shared_credentials::config_file;
use crate::options::table::OptionSpec;
use crate::options::table::access_key::FROM_SECRET;
use crate::options::table::masking::{MASK, MASK_SHORT};
use crate::options::table::on_rotate::ON_ROTATE;
use crate::options::table::other_programs::{POSIX_SHELL, SHELL};
use crate::options::table::program::{COMMAND, EXEC_ROLE_VARIABLE, KEEP_AWS_FILES, NESTED, STATIC};
use crate::options::table::program_variables::{APP, CREDENTIALS};
use crate::options::table::shared_credentials::HOME;
use crate::output::usage::UsageError;
use crate::secrets::masking::ShortValues;
use roles_anywhere_client::http::Endpoint;
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::text::disclosure::{Sensitivity, shown};
use roles_anywhere_client::text::path;

/// Returns the plan.
pub(super) fn plan(settings: &Settings<'_>) -> Result<ExecPlan, UsageError> {
    refuse_nested(settings)?;
    if let Some(plan) = served::plan(settings)? {
        return Ok(plan);
    }
    refuse_refresh_without_secret(settings)?;
    let (session, secret) = session_and_secret(settings)?;
    settings.flag(&APP)?;
    let table = settings.config.map(|config| app(settings, config)).transpose()?.flatten();
    let values = ProgramValues::plan(settings, table)?;
    let can_refer = values.can_refer(settings)?;
    let endpoint = secret.as_ref().map(|secret| secret.at.endpoint.clone());
    let (roles, session) = roles(settings, session, (can_refer, endpoint))?;
    let role = session.provider.role();
    let name = settings.layers.map(|layers| layers.role().name().as_str());
    let is_static = settings.is_on(&STATIC)?;
    let source = match (secret.map(Box::new), is_static) {
        (None, false) => CredentialSource::Endpoint,
        (None, true) => CredentialSource::Variables,
        (Some(secret), true) => CredentialSource::Secret { secret, process: None },
        (Some(secret), false) => {
            let process = ProcessCommand::of(settings, &session, &secret)?;
            CredentialSource::Secret { secret, process: Some(process) }
        }
    };
    let names_secret = settings.flag(&FROM_SECRET)?.is_some();
    let passes_credentials = settings.is_on(&CREDENTIALS)? || is_static || names_secret;
    let key_refusal = key_refusal(settings, &source)?;
    // A program that only gets secrets keeps the caller's credentials, whatever its role names.
    if let (Some(refusal), true) = (&key_refusal, passes_credentials || !can_refer) {
        return Err(refusal.clone());
    }
    let aws_files = match settings.is_on(&KEEP_AWS_FILES)? {
        true => None,
        false => Some(aws_files(settings)?),
    };
    Ok(ExecPlan {
        role: Some(name.unwrap_or_else(|| role.name()).to_owned()),
        roles,
        program: program(settings, table),
        source,
        passes_credentials,
        key_refusal,
        values,
        aws_files,
        masking: masking(settings)?,
        on_rotate: followed(settings, table)?,
    })
}

/// Returns the roles of a program, and how the session of its own is made. `endpoint` is what is called with that.
fn roles(
    settings: &Settings<'_>,
    session: SessionOptions,
    (can_refer, endpoint): (bool, Option<Endpoint>),
) -> Result<(ExecRoles, SessionPlan), UsageError> {
    if can_refer {
        let roles = ReferenceRoles::of_session(settings, session)?;
        let roles = roles.with_offline_copies(offline_copies(settings)?);
        let session = roles.own().session.clone();
        return Ok((
            ExecRoles::Several(Box::new(ReferenceReader::Roles(Box::new(roles)))),
            session,
        ));
    }
    let session = SessionPlan::new(settings, session, endpoint, cache(settings)?)?;
    let session = session.with_waiting_line(settings)?;
    Ok((ExecRoles::One(Box::new(session.clone())), session))
}

/// Returns why a program cannot get the key of a secret that it has to read by itself: it needs a configuration
/// file of its own.
fn key_refusal(
    settings: &Settings<'_>,
    source: &CredentialSource,
) -> Result<Option<UsageError>, UsageError> {
    let kept = settings.switched_on(&KEEP_AWS_FILES)?;
    let reads_it = matches!(source, CredentialSource::Secret { process: Some(_), .. });
    Ok(kept.filter(|_| reads_it).map(|origin| UsageError::Conflict {
        first: settings.origin(&FROM_SECRET).into(),
        second: origin.into(),
        why: "the program gets the key by a configuration file of its own: remove `--keep-aws-files`, or pass `--static`",
    }))
}

/// Returns what is masked, if something is.
pub(super) fn masking(settings: &Settings<'_>) -> Result<Option<ShortValues>, UsageError> {
    match (settings.is_on(&MASK)?, settings.is_on(&MASK_SHORT)?) {
        (true, true) => Ok(Some(ShortValues::Masked)),
        (true, false) => Ok(Some(ShortValues::Shown)),
        (false, true) => Err(settings.missing(&[&MASK])),
        (false, false) => Ok(None),
    }
}

/// Returns what is done when what the program gets has changed.
pub(super) fn followed(
    settings: &Settings<'_>,
    table: Option<&ExecTable>,
) -> Result<Option<OnRotate>, UsageError> {
    let Some(on_rotate) = on_rotate(settings)? else { return Ok(None) };
    // A person's shell is not ended.
    let is_ended = !matches!(on_rotate.action, ProgramAction::Command(_));
    if is_ended && all_typed(settings.typed, &COMMAND).next().is_none() && !has_command(table) {
        return Err(UsageError::Dependent { option: &ON_ROTATE, required: &COMMAND });
    }
    let why_not: [(&'static OptionSpec, &'static str); 2] = [
        (&MASK, "the values that a program gets later would not be masked: remove one of the two"),
        (
            &STATIC,
            "credentials in variables are not renewed, and would have expired at a later start: remove `--static`",
        ),
    ];
    for (option, why) in why_not {
        if let Some(origin) = settings.switched_on(option)? {
            let first = settings.origin(&ON_ROTATE).into();
            return Err(UsageError::Conflict { first, second: origin.into(), why });
        }
    }
    Ok(Some(on_rotate))
}

/// Refuses to run a program with credentials in a program that has some by `exec`.
fn refuse_nested(settings: &Settings<'_>) -> Result<(), UsageError> {
    match settings.environment.get(EXEC_ROLE_VARIABLE) {
        Some(role) if !settings.is_on(&NESTED)? => {
            Err(UsageError::Nested { role: shown(role, Sensitivity::Public, || false) })
        }
        _ => Ok(()),
    }
}

/// Returns the program and its arguments: those of the command line, else of the table that it uses.
/// Nothing in them is checked: they belong to the program.
pub(super) fn program(settings: &Settings<'_>, table: Option<&ExecTable>) -> ProgramCommand {
    let mut words =
        all_typed(settings.typed, &COMMAND).map(|word| OsString::from(path::path(word)));
    match words.next() {
        Some(name) => {
            let role = name.to_str().and_then(|name| settings.config?.role(name));
            let role_of_name = role.map(|role| role.name().as_str().to_owned());
            ProgramCommand { name, arguments: words.collect(), role_of_name }
        }
        None if has_command(table) => {
            let mut words = table.into_iter().flat_map(ExecTable::command);
            let mut next = || words.next().map(|word| OsString::from(word.value));
            let name = next().unwrap_or_default();
            let arguments = std::iter::from_fn(next).collect();
            ProgramCommand { name, arguments, role_of_name: None }
        }
        None => {
            let shell = settings.environment.get(SHELL.name).unwrap_or(POSIX_SHELL);
            ProgramCommand {
                name: path::path(shell).into(),
                arguments: Vec::new(),
                role_of_name: None,
            }
        }
    }
}

fn has_command(table: Option<&ExecTable>) -> bool {
    table.is_some_and(|table| table.command().next().is_some())
}

fn aws_files(settings: &Settings<'_>) -> Result<AwsFiles, UsageError> {
    let config = config_file(settings)?
        .map(|(path, origin)| InputSource::file(path).named_by(origin.name(), Sensitivity::Public));
    let home = settings.environment.get(HOME.name).map(|home| path::path(home).join(".boto"));
    let boto = [Some(PathBuf::from("/etc/boto.cfg")), home].into_iter().flatten().collect();
    Ok(AwsFiles { config, boto })
}
