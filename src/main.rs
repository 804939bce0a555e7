//! The entry point: parses the command line, runs the command on the real system, prints its output,
//! and returns the exit code.

#[cfg_attr(unix, path = "main/daemon.rs")]
#[cfg_attr(not(unix), path = "main/unsupported_daemon.rs")]
mod daemon;
#[path = "main/report.rs"]
mod report;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use roles_anywhere::command::update::{self, Mode};
use roles_anywhere::command::{
    cache, credential_process, read_certificate_data, secret_get, sign_string,
};
use roles_anywhere::options::resolve::{self, Command, Debug, Exchange, Purpose};
use roles_anywhere::options::{CommandLine, Shell, clap_error};
use roles_anywhere::os::clock::{SystemClock, SystemTimer};
use roles_anywhere::os::credentials_file::CredentialsFile;
use roles_anywhere::os::files::{self, SystemFiles};
use roles_anywhere::os::password::KeyPassword;
use roles_anywhere::os::private_dir::PrivateDir;
use roles_anywhere::os::random::SystemEntropy;
use roles_anywhere::os::{environment, process, stdio};
use roles_anywhere::output::error::{Error, Kind};
use roles_anywhere::private_dir::ConfiguredDir;
use roles_anywhere::session_cache::{self, CacheLocation, SessionCache};
use roles_anywhere_client::http::TransportOptions;
use roles_anywhere_client::https::Https;
use roles_anywhere_client::input_source::Files;
use roles_anywhere_client::ports::{NoTrace, Trace, World};
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::disclosure::{PathExists, path_name};
use roles_anywhere_client::time::{Clock, Deadline};

use report::RunFailure;

fn main() -> ExitCode {
    report_panics();
    let clock = SystemClock::start();
    process::keep_memory_private();
    process::survive_file_size_limit();
    let outcome = match CommandLine::try_parse_from(environment::arguments()) {
        Ok(line) => run_command(line, &clock).and_then(|bytes| Ok(stdio::print(bytes.expose())?)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                stdio::print(error.render().to_string().as_bytes()).map_err(RunFailure::from)
            }
            _ => return report_clap_error(&error),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report(&clock);
            ExitCode::from(failure.error.kind().exit_code())
        }
    }
}

/// Prints the error for a command line that clap rejects.
fn report_clap_error(error: &clap::Error) -> ExitCode {
    stdio::write_stderr(&clap_error::message(
        error,
        &environment::arguments().collect::<Vec<_>>(),
        PathExists(&|path| path.exists()),
    ));
    ExitCode::from(Kind::Usage.exit_code())
}

/// Makes a panic end like any other error: one message, and a documented exit code.
fn report_panics() {
    #[expect(
        clippy::exit,
        clippy::disallowed_methods,
        reason = "the process aborts behind this hook, and main chooses the exit code"
    )]
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |at| format!(" at {at}"));
        let defect = Error::new(Kind::Internal, InternalError(place))
            .hint("please report this line and the command, without secrets");
        stdio::write_stderr(&defect.to_string());
        std::process::exit(i32::from(Kind::Internal.exit_code()));
    }));
}

#[derive(Debug, thiserror::Error)]
#[error("roles-anywhere met a defect of its own{0}")]
struct InternalError(String);

fn run_command(line: CommandLine, clock: &SystemClock) -> Result<SecretBytes, RunFailure> {
    let environment = environment::read();
    let plan = resolve::resolve(
        line,
        &environment,
        stdio::stdout_kind(),
        PathExists(&|path| path.exists()),
    )
    .map_err(Error::from)?;
    let files = SystemFiles::new(&environment);
    let passwords = KeyPassword::new(plan.password, &files);
    let output = match &plan.command {
        Command::Exchange(exchange) => exchange_credentials(exchange, &files, &passwords, clock),
        Command::SignString(plan) => sign_string::run(plan, &files, &passwords),
        Command::ReadCertificateData(plan) => {
            read_certificate_data::run(plan, &files, &passwords, clock.now())
        }
        Command::CacheShow(location) => {
            in_cache(location, |dir, store| cache::show(dir, store, clock.now()))
        }
        Command::CacheClear(location) => in_cache(location, |dir, store| cache::clear(dir, store)),
        Command::Version => Ok(text(format!("{}\n", env!("CARGO_PKG_VERSION")))),
        Command::Completion(shell) => Ok(completion(*shell)),
    };
    let format = report::log_format(&plan.command);
    output.map_err(|error| RunFailure { error, format })
}

fn in_cache(
    location: &CacheLocation,
    run: impl FnOnce(&ConfiguredDir, &PrivateDir) -> Result<SecretBytes, Error>,
) -> Result<SecretBytes, Error> {
    match location {
        CacheLocation::Dir(dir) => run(dir, &PrivateDir::new(dir)),
        CacheLocation::Disabled => Ok(cache::no_location()),
    }
}

fn exchange_credentials(
    exchange: &Exchange,
    files: &SystemFiles<'_>,
    passwords: &KeyPassword<'_>,
    clock: &SystemClock,
) -> Result<SecretBytes, Error> {
    let uptime = || clock.uptime();
    let stderr = stdio::StderrTrace::new(&uptime);
    let trace: &dyn Trace = match exchange.debug {
        Debug::On => &stderr,
        Debug::Off => &NoTrace,
    };
    let store = match &exchange.cache {
        CacheLocation::Dir(path) => Some(PrivateDir::new(path)),
        CacheLocation::Disabled => None,
    };
    // The name is made for the trace only, so that a cache hit does not pay for it.
    if let (CacheLocation::Dir(directory), Debug::On) = (&exchange.cache, &exchange.debug) {
        let (path, origin) = (path_name(&directory.path, false), &directory.origin);
        trace.show(format_args!("cache: in {path} (from {origin})"));
    }
    let provider = &exchange.provider;
    let identity =
        store.as_ref().and_then(|_| session_cache::snapshot_identity(&provider.source, files));
    let sessions = match (&store, &identity) {
        (Some(store), Some(identity)) => {
            SessionCache::new(provider, identity, &exchange.transport.trust, store)
        }
        _ => SessionCache::disabled(provider),
    };
    // Before TLS and a runtime are built, which a cached session does not need.
    if matches!(exchange.purpose, Purpose::CredentialProcess)
        && let Some(document) = credential_process::ready(&sessions, clock, trace)
    {
        return Ok(document);
    }
    trace_endpoints(exchange, trace);
    let transport = Https::new(exchange.transport.clone(), files::read);
    let files: &dyn Files = identity.as_ref().map_or(files, |identity| identity);
    let world = World {
        clock,
        timer: &SystemTimer,
        entropy: &SystemEntropy,
        files,
        passwords,
        transport: &transport,
        trace,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::Local, error))?;
    let outcome = runtime.block_on(run(exchange, &sessions, *clock, &world));
    // A host name lookup may hang for longer than the deadline. Do not wait for it.
    runtime.shutdown_background();
    outcome
}

async fn run(
    exchange: &Exchange,
    sessions: &SessionCache<'_>,
    clock: SystemClock,
    world: &World<'_>,
) -> Result<SecretBytes, Error> {
    let deadline = Deadline::new(std::time::Duration::ZERO, exchange.timeout);
    match &exchange.purpose {
        Purpose::CredentialProcess => credential_process::run(sessions, deadline, world).await,
        Purpose::SecretGet(get) => secret_get::run(sessions, get, deadline, world).await,
        Purpose::Update(plan) if plan.mode == Mode::Once => {
            let provider = sessions.provider();
            let outcome = update::once(plan, provider, deadline, world, &CredentialsFile).await?;
            report::updated(plan, &outcome, &clock);
            Ok(SecretBytes::default())
        }
        Purpose::Update(plan) => {
            daemon::update(plan, exchange, clock, *world).await?;
            Ok(SecretBytes::default())
        }
        Purpose::Serve(plan) => {
            daemon::serve(plan, exchange, clock, *world).await?;
            Ok(SecretBytes::default())
        }
    }
}

fn trace_endpoints(exchange: &Exchange, trace: &dyn Trace) {
    if !exchange.ignored.is_empty() {
        let names = exchange.ignored.join(" ");
        trace.show(format_args!("ignored: variables of a Kubernetes Service: {names}"));
    }
    let TransportOptions { trust, proxy, .. } = &exchange.transport;
    trace.show(format_args!("trust: {trust}"));
    let session = &exchange.provider.session.endpoint;
    let secrets = match &exchange.purpose {
        Purpose::SecretGet(get) => Some(&get.request.endpoint),
        _ => None,
    };
    for endpoint in [Some(session), secrets].into_iter().flatten() {
        match proxy.as_ref().filter(|proxy| proxy.serves(endpoint)) {
            Some(proxy) => trace.show(format_args!("endpoint: {endpoint}, proxy: {proxy}")),
            None => trace.show(format_args!("endpoint: {endpoint}, proxy: none on this way")),
        }
    }
}

fn completion(shell: Shell) -> SecretBytes {
    let mut script = Vec::new();
    let mut command = CommandLine::command();
    clap_complete::generate(shell, &mut command, "roles-anywhere", &mut script);
    SecretBytes::new(script)
}

fn text(text: String) -> SecretBytes {
    SecretBytes::new(text.into_bytes())
}
