//! The options of `serve` for secrets and parameters.

use crate::options::runtime_dir::runtime_dir;
use crate::options::settings::{Setting, Settings};
use crate::options::table::other_programs::AGENT_TOKEN;
use crate::options::table::{Heading, OptionSpec, ValueType};
use crate::output::usage::UsageError;
use crate::secrets_cache::CachePolicy;
use crate::server::secrets::{AccessRules, PlannedToken, SecretsPlan, SecretsPolicy, TokenSource};
use crate::server::{ServePolicy, TokenFile};
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::text::disclosure::Sensitivity;
use roles_anywhere_client::text::path;

pub(super) static SECRETS: OptionSpec = OptionSpec::switch("--secrets")
    .under(Heading::Server)
    .help("Serve secrets, as AWS's agent does")
    .details(
        "Serve secrets of Secrets Manager and parameters of the Parameter Store on 127.0.0.1 and \
         `::1`, as AWS's agent and its Lambda extension do. The token is in AWS_TOKEN, \
         AWS_SESSION_TOKEN or AWS_CONTAINER_AUTHORIZATION_TOKEN, or in the file that it names as \
         `file://PATH`; without them, a token is made and stored in a file.",
    );

pub(super) static SECRETS_PORT: OptionSpec =
    OptionSpec::new("--secrets-port", "PORT", ValueType::Text)
        .default_value("2773")
        .under(Heading::Server)
        .help("Port for secrets")
        .details("Port for secrets and parameters. 0 is any free port.");

/// Returns the endpoint of secrets, if it is served.
pub(super) fn secrets(
    settings: &Settings<'_>,
    policy: &ServePolicy,
) -> Result<Option<SecretsPlan>, UsageError> {
    let port = settings.text(&SECRETS_PORT)?;
    if !settings.is_on(&SECRETS)? {
        // A variable may be set for other commands, but a flag without effect is a mistake.
        return match port.filter(|port| port.origin.is_flag()) {
            Some(_) => Err(settings.missing(&[&SECRETS])),
            None => Ok(None),
        };
    }
    let port = port.map_or_else(|| settings.default(&SECRETS_PORT), Ok)?;
    let port = port.value.parse().map_err(|_| port.refuse("a port from 0 to 65535"))?;
    let token = settings.variable(&AGENT_TOKEN)?.map(planned_token);
    let own_token = match (&token, runtime_dir(settings.environment)) {
        (Some(_), _) => TokenFile::Disabled,
        (None, Some(directory)) => TokenFile::SecretsIn(directory),
        (None, None) => return Err(settings.missing(&[&AGENT_TOKEN])),
    };
    let ServePolicy { hosts, audit, .. } = policy.clone();
    Ok(Some(SecretsPlan {
        port,
        tokens: token.into_iter().collect(),
        own_token,
        policy: SecretsPolicy { hosts, audit, ..SecretsPolicy::default() },
        cache: CachePolicy::default(),
        prefetch: Vec::new(),
    }))
}

/// Returns the token in a variable, or in the file that it names as `file://PATH`.
fn planned_token(setting: Setting<'_>) -> PlannedToken {
    let Setting { origin, value, .. } = setting;
    let name = origin.to_string();
    let source = match value.strip_prefix("file://") {
        Some(file) => {
            let source = InputSource::file(path::path(file));
            TokenSource::File(source.named_by(name.clone(), Sensitivity::Public))
        }
        None => TokenSource::Value(Secret::new(value.to_owned())),
    };
    PlannedToken { name, source, access: AccessRules::default() }
}
