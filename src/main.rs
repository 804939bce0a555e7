//! The command-line entry point: builds the real world, dispatches, prints, returns the exit code.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use roles_anywhere::call::Deadline;
use roles_anywhere::cli::CommandLine;
use roles_anywhere::cli::resolve::{self, Command, Debug, Plan};
use roles_anywhere::command::{credential_process, secret_get};
use roles_anywhere::error::{Error, Kind};
use roles_anywhere::http::TransportOptions;
use roles_anywhere::os::clock::{SystemClock, SystemTimer};
use roles_anywhere::os::disk::Disk;
use roles_anywhere::os::https::Https;
use roles_anywhere::os::random::SystemEntropy;
use roles_anywhere::os::{environment, process, terminal};
use roles_anywhere::secret::SecretBytes;
use roles_anywhere::time::Clock;
use roles_anywhere::world::{NoTrace, Trace, World};

fn main() -> ExitCode {
    let clock = SystemClock::start();
    process::keep_memory_private();
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => return not_a_command(&error),
    };
    match answer(line, &clock).and_then(|bytes| print(bytes.expose())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::write_stderr(&error.to_string());
            ExitCode::from(error.kind().exit_code())
        }
    }
}

/// Prints help and version to standard output, everything else that clap says as a usage error.
fn not_a_command(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match print(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                terminal::write_stderr(&error.to_string());
                ExitCode::from(error.kind().exit_code())
            }
        },
        _ => {
            terminal::write_stderr(text.trim_end());
            ExitCode::from(Kind::Usage.exit_code())
        }
    }
}

fn answer(line: CommandLine, clock: &SystemClock) -> Result<SecretBytes, Error> {
    let plan = resolve::resolve(line, &environment::read(), terminal::stdout_kind())?;
    let uptime = || clock.uptime();
    let stderr = terminal::StderrTrace::new(&uptime);
    let trace: &dyn Trace = match plan.debug {
        Debug::On => &stderr,
        Debug::Off => &NoTrace,
    };
    show_way(&plan, trace);
    let transport = Https::new(plan.transport.clone());
    let world = World {
        clock,
        timer: &SystemTimer,
        entropy: &SystemEntropy,
        files: &Disk,
        transport: &transport,
        trace,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::Local, error))?;
    let outcome = runtime.block_on(run(&plan, &world));
    // A look-up of a host name may hang for longer than the deadline; nobody waits for it.
    runtime.shutdown_background();
    outcome
}

async fn run(plan: &Plan, world: &World<'_>) -> Result<SecretBytes, Error> {
    let deadline = Deadline::new(std::time::Duration::ZERO, plan.timeout);
    match &plan.command {
        Command::CredentialProcess => {
            credential_process::run(&plan.provider, deadline, world).await
        }
        Command::SecretGet(get) => secret_get::run(&plan.provider, get, deadline, world).await,
    }
}

fn show_way(plan: &Plan, trace: &dyn Trace) {
    let TransportOptions { trust, proxy, .. } = &plan.transport;
    let session = &plan.provider.session;
    trace.show(format_args!("endpoint: {}, trust: {trust:?}", session.endpoint));
    match proxy.as_ref().filter(|proxy| proxy.serves(&session.endpoint)) {
        Some(proxy) => trace.show(format_args!("proxy: {proxy}")),
        None => trace.show(format_args!("proxy: none on this way")),
    }
}

fn print(bytes: &[u8]) -> Result<(), Error> {
    terminal::write_stdout(bytes).map_err(|error| {
        Error::new(Kind::Local, StdoutError(error)).hint("standard output has to take all of it")
    })
}

#[derive(Debug, thiserror::Error)]
#[error("could not write to standard output")]
struct StdoutError(#[source] std::io::Error);
