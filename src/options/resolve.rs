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
mod setting;
mod transport;

use clap::CommandFactory as _;

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
use crate::options::resolve::setting::{Settings, is_path};
use crate::options::{CacheCommandArgs, CommandArgs, CommandLine, SecretArgs, SessionArgs};
use crate::output::Stdout;
use crate::output::usage::UsageError;
use crate::session_cache::CacheLocation;
use roles_anywhere_client::http::Endpoint;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::disclosure::PathExists;

/// Returns the plan for a command line and an environment. `stdout` tells whether standard output is a
/// terminal; `paths` tells whether a value is an existing path, which an error may show.
pub fn resolve(
    line: CommandLine,
    environment: &Environment,
    stdout: Stdout,
    paths: PathExists<'_>,
) -> Result<Box<dyn Plan>, UsageError> {
    if let Some(name) = environment.non_utf8_names().find(|name| is_ours(name) && !is_path(name)) {
        return Err(UsageError::NotUtf8(name.to_owned()));
    }
    let (environment, ignored) = kubernetes_service::without_service(environment);
    let environment = &*environment;
    match line.command {
        CommandArgs::CredentialProcess(args) => {
            let settings = Settings { args: &args.session, environment, paths };
            let session = SessionOptions::of_own_region(&settings)?;
            let cache = daemon::cache(&args.cache, &settings)?;
            let session = session_plan(&settings, session, None, cache, ignored)?;
            Ok(Box::new(CredentialProcess { session }))
        }
        CommandArgs::Update(args) => {
            let settings = Settings { args: &args.session, environment, paths };
            let session = SessionOptions::of_own_region(&settings)?;
            let update = daemon::update(&args, &settings)?;
            let cache = CacheLocation::Disabled;
            let session = session_plan(&settings, session, None, cache, ignored)?;
            Ok(Box::new(UpdatePlan { session, update }))
        }
        CommandArgs::Serve(args) => {
            let settings = Settings { args: &args.session, environment, paths };
            let session = SessionOptions::of_own_region(&settings)?;
            let serve = daemon::serve(&args, &settings, &session)?;
            let cache = CacheLocation::Disabled;
            let session = session_plan(&settings, session, None, cache, ignored)?;
            Ok(Box::new(ServePlan { session, serve }))
        }
        CommandArgs::Secret(SecretArgs::Get(args)) => {
            let settings = Settings { args: &args.session, environment, paths };
            let session = SessionOptions::resolve(&settings)?;
            let get = secret::get(&args, &settings, &session, stdout)?;
            let cache = daemon::cache(&args.cache, &settings)?;
            let endpoint = Some(get.request.endpoint.clone());
            let session = session_plan(&settings, session, endpoint, cache, ignored)?;
            Ok(Box::new(SecretGetPlan { session, get }))
        }
        CommandArgs::Cache(args) => {
            let settings = Settings { args: &SessionArgs::default(), environment, paths };
            Ok(match &args {
                CacheCommandArgs::Show(place) => {
                    Box::new(CacheShow(daemon::cache_location(place, &settings)?))
                }
                CacheCommandArgs::Clear(place) => {
                    Box::new(CacheClear(daemon::cache_location(place, &settings)?))
                }
            })
        }
        CommandArgs::SignString(args) => {
            Ok(Box::new(diagnostic::sign_string(args.into_inner(), environment, paths)?))
        }
        CommandArgs::ReadCertificateData(args) => {
            Ok(Box::new(diagnostic::read_certificate_data(args.into_inner(), environment, paths)?))
        }
        CommandArgs::Version => Ok(Box::new(Version)),
        CommandArgs::Completion(args) => {
            Ok(Box::new(Completion { shell: args.shell, describe: CommandLine::command }))
        }
    }
}

/// Returns whether this program reads the variable.
fn is_ours(name: &str) -> bool {
    name.starts_with("ROLES_ANYWHERE_")
        || name.starts_with("AWS_ENDPOINT_URL")
        || name.to_ascii_uppercase().ends_with("_PROXY")
        || is_path(name)
}

/// Returns how a session is made by a command that calls the endpoint of `other` too.
fn session_plan(
    settings: &Settings<'_>,
    session: SessionOptions,
    other: Option<Endpoint>,
    cache: CacheLocation,
    ignored: Vec<String>,
) -> Result<SessionPlan, UsageError> {
    let debug = settings.flag("debug", |args| &args.debug)?;
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
