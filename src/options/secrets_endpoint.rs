//! The secrets endpoint: `--secrets`, its other options, and `[secrets]` of the configuration file.

mod offline;
mod single_values;
mod table_values;

use crate::config::SecretsTable;
use crate::options::runtime_dir::runtime_dir;
use crate::options::session_plan::NamedSession;
use crate::options::settings::{Setting, Settings};
use crate::options::table::other_programs::AGENT_TOKEN;
use crate::options::table::secrets_endpoint::{SECRETS, SECRETS_PORT, SECRETS_TOKEN_FILE};
use crate::output::usage::UsageError;
use crate::secrets_cache::CachePolicy;
use crate::server::secrets::{AccessRules, PlannedToken, SecretsPlan, SecretsPolicy, TokenSource};
use crate::server::{ServePolicy, TokenFile};
pub use offline::{OfflineSetup, offline_copies};
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::text::disclosure::Sensitivity;
use roles_anywhere_client::text::path;
use single_values::port;
pub use table_values::errors_in_file;
use table_values::{GivenToken, SecretsValues};

/// Returns whether secrets are served: with `--secrets`, or if the configuration file has `[secrets]`.
pub fn is_served(settings: &Settings<'_>) -> Result<bool, UsageError> {
    match settings.text(&SECRETS)? {
        Some(setting) => setting.boolean(),
        None => Ok(table(settings).is_some()),
    }
}

/// Returns the secrets endpoint, if it is served. Its hosts and its audit are those of `policy`.
pub fn secrets_endpoint(
    settings: &Settings<'_>,
    policy: &ServePolicy,
    sessions: &[NamedSession],
) -> Result<Option<SecretsPlan>, UsageError> {
    if !is_served(settings)? {
        // A variable may be set for other commands, but a flag without effect is a mistake.
        for option in [&SECRETS_PORT, &SECRETS_TOKEN_FILE] {
            if settings.flag(option)?.is_some() {
                return Err(settings.missing(&[&SECRETS]));
            }
        }
        return Ok(None);
    }
    let (values, errors) = SecretsValues::read(settings, table(settings));
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    let port = match settings.text(&SECRETS_PORT)? {
        Some(setting) => port(&setting)?,
        None => values.port,
    };
    let tokens = tokens(settings, &values)?;
    let own_token = own_token(settings, &values, &tokens)?;
    let ServePolicy { hosts, audit, .. } = policy.clone();
    let roles = values.allowed_roles.map(|roles| with_other_names(&roles, sessions));
    Ok(Some(SecretsPlan {
        port,
        tokens: tokens.into_iter().map(|(_, token)| token).collect(),
        own_token,
        policy: SecretsPolicy {
            access: values.access,
            roles,
            path_prefix: values.path_prefix,
            token_headers: values.token_headers,
            connections: values.connections,
            hosts,
            audit,
        },
        cache: values.cache,
        prefetch: values.prefetch,
        offline: values.offline.map(|offline| offline.plan(settings)).transpose()?,
    }))
}

/// Returns how long values are used, by `[secrets]` of the configuration file or by default.
pub fn cache_policy_in_file(settings: &Settings<'_>) -> Result<CachePolicy, UsageError> {
    let Some(table) = table(settings) else { return Ok(CachePolicy::default()) };
    let (values, errors) = SecretsValues::read(settings, Some(table));
    errors.into_iter().next().map_or(Ok(values.cache), Err)
}

fn table<'a>(settings: &Settings<'a>) -> Option<&'a SecretsTable> {
    settings.config.and_then(|config| config.secrets())
}

/// Returns each role by its name and by its ARN, as a request may name it by either.
fn with_other_names(roles: &[Box<str>], sessions: &[NamedSession]) -> Vec<Box<str>> {
    let mut all = roles.to_vec();
    for session in sessions {
        let arn = session.session.provider.role().to_string();
        let name = session.name.as_ref().map(|name| name.as_str());
        if roles.iter().any(|role| **role == *arn || name == Some(role)) {
            all.push(arn.into());
            all.extend(name.map(Box::from));
        }
    }
    all.sort();
    all.dedup();
    all
}

/// Returns the tokens that the user gave, each with where it is given: those of the tables, else that of the
/// first variable that is set.
fn tokens<'a>(
    settings: &Settings<'a>,
    values: &SecretsValues<'a>,
) -> Result<Vec<(Setting<'a>, PlannedToken)>, UsageError> {
    let mut tokens = Vec::new();
    for GivenToken { name, source, access } in &values.tokens {
        let planned = match source.value_of_variable(settings) {
            None => token_in_file(source.setting(), source.setting().value),
            Some(Some(value)) => token_in_variable(source.setting(), value),
            Some(None) => {
                return Err(source.setting().refuse_hidden("the name of a variable that is set"));
            }
        };
        let planned = PlannedToken { name: name.clone(), source: planned, access: access.clone() };
        tokens.push((source.setting().clone(), planned));
    }
    let mut variables = values.token_variables.iter();
    let set =
        variables.find_map(|variable| Some((variable, settings.environment.get(variable.value)?)));
    if let Some((variable, value)) = set {
        let (name, access) = (variable.value.to_owned(), AccessRules::default());
        let source = token_in_variable(variable, value);
        tokens.push((variable.clone(), PlannedToken { name, source, access }));
    }
    Ok(tokens)
}

/// Returns the token that is the value of a variable, or that is in the file that it names.
fn token_in_variable(setting: &Setting<'_>, value: &str) -> TokenSource {
    match value.strip_prefix("file://") {
        Some(file) => token_in_file(setting, file),
        None => TokenSource::Value(Secret::new(value.to_owned())),
    }
}

fn token_in_file(setting: &Setting<'_>, file: &str) -> TokenSource {
    let source = InputSource::file(path::path(file));
    TokenSource::File(source.named_by(setting.origin.name(), Sensitivity::Public))
}

/// Returns where the token of this process is stored, which it makes if the user gave none.
fn own_token(
    settings: &Settings<'_>,
    values: &SecretsValues<'_>,
    tokens: &[(Setting<'_>, PlannedToken)],
) -> Result<TokenFile, UsageError> {
    let flag = settings.text(&SECRETS_TOKEN_FILE)?;
    if let Some((other, _)) = tokens.first() {
        return match flag.filter(|setting| setting.origin.is_flag()) {
            Some(setting) => Err(UsageError::Conflict {
                first: setting.origin.into(),
                second: (&other.origin).into(),
                why: "remove one of them: no token is made if there is one",
            }),
            None => Ok(TokenFile::Disabled),
        };
    }
    match (flag.or_else(|| values.token_file.clone()), runtime_dir(settings.environment)) {
        (Some(setting), _) => {
            let Setting { origin, value, .. } = setting.creatable_file()?;
            Ok(TokenFile::At { path: path::path(value), origin })
        }
        (None, Some(directory)) => Ok(TokenFile::SecretsIn(directory)),
        (None, None) => Err(settings.missing(&[&AGENT_TOKEN])),
    }
}

#[cfg(test)]
mod tests;
