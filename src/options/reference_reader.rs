//! How the references of a command are read: with roles, or through a running `serve`.

use std::time::Duration;

use crate::daemon::Role;
use crate::follow::served_references::{ServeAccess, ServeToken};
use crate::options::arguments::typed;
use crate::options::reference_roles::ReferenceRoles;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::{Setting, Settings};
use crate::options::table::errors::ERROR_FORMAT;
use crate::options::table::follow::{SECRETS_MAX_STALE, SECRETS_TTL};
use crate::options::table::other_programs::CLIENT_TOKEN;
use crate::options::table::roles::ROLE;
use crate::options::table::secrets::{PARAMETERS_ENDPOINT, SECRETS_ENDPOINT};
use crate::options::table::served::{SECRETS_TOKEN_FILE, SECRETS_URL, SECRETS_URL_EXPECTED};
use crate::options::table::session_groups::ONE_SESSION;
use crate::options::table::transport::{DEBUG, TIMEOUT};
use crate::options::table::{OptionSpec, Origin};
use crate::options::transport;
use crate::output::usage::UsageError;
use roles_anywhere_client::http::Endpoint;
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::text::disclosure::Sensitivity;
use roles_anywhere_client::text::path;

/// How references are read.
#[derive(Clone, Debug)]
pub enum ReferenceReader {
    /// With sessions of roles, from AWS.
    Roles(Box<ReferenceRoles>),
    /// Through a running `serve`.
    Serve(Box<ServeAccess>),
}

/// The options of a session that mean something without one.
const WITHOUT_SESSION: &[&OptionSpec] = &[&TIMEOUT, &DEBUG, &ERROR_FORMAT];

impl ReferenceReader {
    /// Returns how a command reads that uses one role. `further` are those of its options that say how AWS is read,
    /// beside the ones of a session.
    pub fn plan(
        settings: &Settings<'_>,
        further: &[&'static OptionSpec],
    ) -> Result<Self, UsageError> {
        match serve_access(settings, further)? {
            Some(access) => Ok(Self::Serve(Box::new(access))),
            None => Ok(Self::Roles(Box::new(ReferenceRoles::plan(settings)?))),
        }
    }

    /// Returns the roles; `None` if none is used.
    pub fn roles(&self) -> Option<&ReferenceRoles> {
        match self {
            Self::Roles(roles) => Some(roles),
            Self::Serve(_) => None,
        }
    }

    /// Returns the role of the command, of a daemon without others; `None` if none is used.
    pub fn role(&self) -> Option<Role<SessionPlan>> {
        let plan = self.roles()?.own().session.clone();
        Some(Role { name: None, plan })
    }

    /// Returns the time limit of a run that reads once.
    pub fn timeout(&self) -> Duration {
        match self {
            Self::Roles(roles) => roles.own().session.timeout,
            Self::Serve(access) => access.timeout,
        }
    }
}

/// Returns whether the command reads through a running `serve`.
pub fn is_through_serve(settings: &Settings<'_>) -> bool {
    typed(settings.typed, &SECRETS_URL).is_some()
}

/// Returns how a running `serve` is asked; `None` if it is not.
pub fn serve_access(
    settings: &Settings<'_>,
    further: &[&'static OptionSpec],
) -> Result<Option<ServeAccess>, UsageError> {
    let file = settings.flag(&SECRETS_TOKEN_FILE)?;
    let Some(url) = settings.flag(&SECRETS_URL)? else {
        return match file {
            Some(_) => Err(settings.missing(&[&SECRETS_URL])),
            None => Ok(None),
        };
    };
    let of_session = ONE_SESSION.iter().filter(|option| !WITHOUT_SESSION.contains(option));
    let of_services = [&SECRETS_ENDPOINT, &PARAMETERS_ENDPOINT];
    for option in of_session.chain(&of_services).chain(further) {
        if typed(settings.typed, option).is_some() {
            return Err(conflict(&url, option, why_not(option)));
        }
    }
    Ok(Some(ServeAccess {
        endpoint: endpoint(&url.unless_flag()?)?,
        token: token(settings, file)?,
        timeout: transport::timeout(settings)?,
        debug: settings.is_on(&DEBUG)?,
    }))
}

/// Returns the error for an option that does not go with `--secrets-url`.
pub fn conflict(url: &Setting<'_>, option: &'static OptionSpec, why: &'static str) -> UsageError {
    UsageError::Conflict { first: (&url.origin).into(), second: Origin::Flag(option).into(), why }
}

fn why_not(option: &OptionSpec) -> &'static str {
    if *option == ROLE {
        "`serve` reads with its own roles: remove it, or name one of them in a reference, as in `sm://NAME?role=ROLE`"
    } else if *option == SECRETS_TTL || *option == SECRETS_MAX_STALE {
        "`ttl` and `max-stale` of `[secrets]` in the file of `serve` decide: remove it"
    } else {
        "`serve` reads the values, with its own certificate, role and network: remove it"
    }
}

/// Returns the endpoint of a `serve` on this machine, which has no TLS.
fn endpoint(setting: &Setting<'_>) -> Result<Endpoint, UsageError> {
    let endpoint = Endpoint::parse(setting.value).ok();
    let is_plain = |it: &Endpoint| it.is_loopback() && it.to_string().starts_with("http://");
    endpoint.filter(is_plain).ok_or_else(|| setting.refuse(SECRETS_URL_EXPECTED))
}

/// Returns where the token is: in the file that is given, else where the clients of AWS's agent find it.
fn token(settings: &Settings<'_>, file: Option<Setting<'_>>) -> Result<ServeToken, UsageError> {
    let in_file = |origin: &Origin, file: &str| {
        let file = InputSource::file(path::path(file));
        ServeToken::File(file.named_by(origin.name(), Sensitivity::Public))
    };
    if let Some(file) = file {
        let file = file.expanded()?.unless_flag()?;
        return Ok(in_file(&file.origin, file.value));
    }
    let Some(variable) = settings.variable(&CLIENT_TOKEN)? else {
        return Err(settings.missing(&[&SECRETS_TOKEN_FILE]));
    };
    match variable.value.strip_prefix("file://") {
        Some(file) => Ok(in_file(&variable.origin, file)),
        None => {
            let value = Secret::new(variable.value.to_owned());
            Ok(ServeToken::Variable { name: "AWS_TOKEN", value })
        }
    }
}

#[cfg(test)]
mod tests;
