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

use std::time::Duration;

use crate::command::read_certificate_data::ReadCertificateData;
use crate::command::secret_get::SecretGet;
use crate::command::serve::Serve;
use crate::command::sign_string::SignString;
use crate::command::update::Update;
use crate::options::resolve::session::SessionOptions;
use crate::options::resolve::setting::{Settings, is_path};
use crate::options::{CacheCommandArgs, CommandArgs, CommandLine, SecretArgs, SessionArgs, Shell};
use crate::output::Stdout;
use crate::output::usage::UsageError;
use crate::session_cache::CacheLocation;
use roles_anywhere_client::http::{Endpoint, TransportOptions};
use roles_anywhere_client::password::PasswordSource;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::text::disclosure::PathExists;

/// The command to run, and the source of the password of an encrypted key.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The command.
    pub command: Command,
    /// The source of the password.
    pub password: PasswordSource,
}

/// The command to run.
#[derive(Clone, Debug)]
pub enum Command {
    /// Exchange the certificate for a session, and use its credentials.
    Exchange(Box<Exchange>),
    /// Sign a fixed string.
    SignString(SignString),
    /// Show a certificate.
    ReadCertificateData(ReadCertificateData),
    /// List the cached sessions.
    CacheShow(CacheLocation),
    /// Remove the cached sessions.
    CacheClear(CacheLocation),
    /// Print the version.
    Version,
    /// Print a completion script.
    Completion(Shell),
}

/// The exchange of a certificate for a session, and the use of its credentials.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The use of the credentials.
    pub purpose: Purpose,
    /// The source of the credentials.
    pub provider: RolesAnywhere,
    /// How to reach AWS.
    pub transport: TransportOptions,
    /// The time limit of the whole command.
    pub timeout: Duration,
    /// Where sessions are cached.
    pub cache: CacheLocation,
    /// Whether to show the steps of the exchange.
    pub debug: Debug,
    /// The names of the ignored variables that Kubernetes set for a Service named `roles-anywhere`.
    pub ignored: Vec<String>,
}

/// The use of credentials.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// Print them.
    CredentialProcess,
    /// Read a secret with them.
    SecretGet(Box<SecretGet>),
    /// Keep a profile fresh with them.
    Update(Update),
    /// Hand them out.
    Serve(Box<Serve>),
}

/// Whether to show the steps of the exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Debug {
    /// Show only errors.
    Off,
    /// Show what is signed, sent and received.
    On,
}

/// Returns the plan for a command line and an environment. `stdout` tells whether standard output is a
/// terminal; `paths` tells whether a value is an existing path, which an error may show.
pub fn resolve(
    line: CommandLine,
    environment: &Environment,
    stdout: Stdout,
    paths: PathExists<'_>,
) -> Result<Plan, UsageError> {
    if let Some(name) = environment.non_utf8_names().find(|name| is_ours(name) && !is_path(name)) {
        return Err(UsageError::NotUtf8(name.to_owned()));
    }
    let (environment, ignored) = kubernetes_service::without_service(environment);
    let mut plan = resolve_command(line.command, &environment, stdout, paths)?;
    if let Command::Exchange(exchange) = &mut plan.command {
        exchange.ignored = ignored;
    }
    Ok(plan)
}

fn resolve_command(
    command: CommandArgs,
    environment: &Environment,
    stdout: Stdout,
    paths: PathExists<'_>,
) -> Result<Plan, UsageError> {
    match command {
        CommandArgs::CredentialProcess(args) => {
            let settings = Settings { args: &args.session, environment, paths };
            let session = SessionOptions::resolve(&settings)?;
            session.check_own_region(&settings)?;
            let cache = daemon::cache(&args.cache, &settings)?;
            exchange(&settings, session, cache, Purpose::CredentialProcess)
        }
        CommandArgs::Update(args) => {
            let settings = Settings { args: &args.session, environment, paths };
            let session = SessionOptions::resolve(&settings)?;
            session.check_own_region(&settings)?;
            let update = daemon::update(&args, &settings)?;
            exchange(&settings, session, CacheLocation::Disabled, Purpose::Update(update))
        }
        CommandArgs::Serve(args) => {
            let settings = Settings { args: &args.session, environment, paths };
            let session = SessionOptions::resolve(&settings)?;
            session.check_own_region(&settings)?;
            let serve = daemon::serve(&args, &settings, &session)?;
            exchange(&settings, session, CacheLocation::Disabled, Purpose::Serve(Box::new(serve)))
        }
        CommandArgs::Secret(SecretArgs::Get(args)) => {
            let settings = Settings { args: &args.session, environment, paths };
            let session = SessionOptions::resolve(&settings)?;
            let get = secret::get(&args, &settings, &session, stdout)?;
            let cache = daemon::cache(&args.cache, &settings)?;
            exchange(&settings, session, cache, Purpose::SecretGet(Box::new(get)))
        }
        CommandArgs::Cache(args) => {
            let (place, command): (_, fn(CacheLocation) -> Command) = match &args {
                CacheCommandArgs::Show(place) => (place, Command::CacheShow),
                CacheCommandArgs::Clear(place) => (place, Command::CacheClear),
            };
            let settings = Settings { args: &SessionArgs::default(), environment, paths };
            Ok(Plan::without_password(command(daemon::cache_location(place, &settings)?)))
        }
        CommandArgs::SignString(args) => {
            diagnostic::sign_string(args.into_inner(), environment, paths)
        }
        CommandArgs::ReadCertificateData(args) => {
            diagnostic::read_certificate_data(args.into_inner(), environment, paths)
        }
        CommandArgs::Version => Ok(Plan::without_password(Command::Version)),
        CommandArgs::Completion(args) => {
            Ok(Plan::without_password(Command::Completion(args.shell)))
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

impl Plan {
    fn without_password(command: Command) -> Self {
        Self { command, password: PasswordSource::Default { credential: None } }
    }
}

fn exchange(
    settings: &Settings<'_>,
    session: SessionOptions,
    cache: CacheLocation,
    purpose: Purpose,
) -> Result<Plan, UsageError> {
    let debug = if settings.flag("debug", |args| &args.debug)? { Debug::On } else { Debug::Off };
    let secrets = match &purpose {
        Purpose::SecretGet(get) => Some(&get.request.endpoint),
        _ => None,
    };
    let endpoints: Vec<&Endpoint> =
        [Some(&session.request.endpoint), secrets].into_iter().flatten().collect();
    let transport = transport::options(settings, &endpoints)?;
    let exchange = Exchange {
        purpose,
        provider: session.into_provider(),
        transport,
        timeout: transport::timeout(settings)?,
        cache,
        debug,
        ignored: Vec::new(),
    };
    let password = identity::password(settings)?;
    Ok(Plan { command: Command::Exchange(Box::new(exchange)), password })
}

#[cfg(test)]
mod tests;
