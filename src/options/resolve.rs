//! From the command line and the environment to a plan. All combinations of options are judged here.
//!
//! Nothing is opened: the result is a plan, or a [`UsageError`] that names the option.

mod daemon;
mod diagnostic;
mod identity;
mod kubernetes_service;
mod secret;
mod serve;
mod session;
mod transport;

use crate::app::session::SessionPlan;
use crate::command::Plan;
use crate::command::cache::{CacheClear, CacheShow};
use crate::command::completion::Completion;
use crate::command::credential_process::CredentialProcess;
use crate::command::secret_get::SecretGetPlan;
use crate::command::serve::ServePlan;
use crate::command::update::UpdatePlan;
use crate::command::version::Version;
use crate::options::resolve::session::SessionOptions;
use crate::options::settings::Settings;
use crate::options::table::completion::SHELL;
use crate::options::table::transport::DEBUG;
use crate::options::table::{self, PREFIX};
use crate::options::{CommandLine, CommandName};
use crate::output::Stdout;
use crate::output::usage::UsageError;
use crate::session_cache::CacheLocation;
use roles_anywhere_client::http::Endpoint;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::disclosure::PathExists;

/// Returns the plan for a command line and an environment. `stdout` tells whether standard output is a
/// terminal; `paths` tells whether a value is an existing path, which an error may show.
pub fn resolve(
    line: &CommandLine,
    environment: &Environment,
    stdout: Stdout,
    paths: PathExists<'_>,
) -> Result<Box<dyn Plan>, UsageError> {
    let is_refused = |name: &&str| is_ours(name) && !table::is_path_variable(name);
    if let Some(name) = environment.non_utf8_names().find(is_refused) {
        return Err(UsageError::NotUtf8(name.to_owned()));
    }
    let (environment, ignored) = kubernetes_service::without_service(environment);
    let settings = &Settings { typed: &line.options, environment: &environment, paths };
    match line.command {
        CommandName::CredentialProcess => {
            let session = SessionOptions::of_own_region(settings)?;
            let cache = daemon::cache(settings)?;
            let session = session_plan(settings, session, None, cache, ignored)?;
            Ok(Box::new(CredentialProcess { session }))
        }
        CommandName::Update => {
            let session = SessionOptions::of_own_region(settings)?;
            let update = daemon::update(settings)?;
            let cache = CacheLocation::Disabled;
            let session = session_plan(settings, session, None, cache, ignored)?;
            Ok(Box::new(UpdatePlan { session, update }))
        }
        CommandName::Serve => {
            let session = SessionOptions::of_own_region(settings)?;
            let serve = daemon::serve(settings, &session)?;
            let cache = CacheLocation::Disabled;
            let session = session_plan(settings, session, None, cache, ignored)?;
            Ok(Box::new(ServePlan { session, serve }))
        }
        CommandName::SecretGet => {
            let session = SessionOptions::resolve(settings)?;
            let get = secret::get(settings, &session, stdout)?;
            let cache = daemon::cache(settings)?;
            let endpoint = Some(get.request.endpoint.clone());
            let session = session_plan(settings, session, endpoint, cache, ignored)?;
            Ok(Box::new(SecretGetPlan { session, get }))
        }
        CommandName::CacheShow => Ok(Box::new(CacheShow(daemon::cache_location(settings)?))),
        CommandName::CacheClear => Ok(Box::new(CacheClear(daemon::cache_location(settings)?))),
        CommandName::SignString => Ok(Box::new(diagnostic::sign_string(settings)?)),
        CommandName::ReadCertificateData => {
            Ok(Box::new(diagnostic::read_certificate_data(settings)?))
        }
        CommandName::Version => Ok(Box::new(Version)),
        CommandName::Completion => {
            let shell = settings.required(&SHELL)?;
            let shell = shell.value.parse().map_err(|_| shell.refuse("a shell"))?;
            Ok(Box::new(Completion { shell, describe: CommandLine::command }))
        }
    }
}

/// Returns whether this program reads the variable.
fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX)
        || name.starts_with("AWS_ENDPOINT_URL")
        || name.to_ascii_uppercase().ends_with("_PROXY")
}

/// Returns how a session is made by a command that calls the endpoint of `other` too.
fn session_plan(
    settings: &Settings<'_>,
    session: SessionOptions,
    other: Option<Endpoint>,
    cache: CacheLocation,
    ignored: Vec<String>,
) -> Result<SessionPlan, UsageError> {
    let debug = settings.is_on(&DEBUG)?;
    let endpoints: Vec<Endpoint> =
        [session.request.endpoint.clone()].into_iter().chain(other).collect();
    Ok(SessionPlan {
        transport: transport::options(settings, &endpoints)?,
        timeout: transport::timeout(settings)?,
        password: identity::password(settings)?,
        provider: session.into_provider(),
        endpoints,
        cache,
        debug,
        ignored,
    })
}

#[cfg(test)]
mod tests;
