//! The commands: from arguments to an exit code.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::Value;

use crate::cli::{
    Arguments, AwsSide, Behaviour, Commands, NetworkOptions, Output, OutputFormat, Run, Serve,
    Show, WritePki,
};
use crate::clock::Clock;
use crate::config;
use crate::emulator::{Emulator, Options};
use crate::environment::exports;
use crate::error::Error;
use crate::line_printer::LinePrinter;
use crate::log::RequestObserver;
use crate::network::Network;
use crate::os;
use crate::pki::{Extent, Pki};
use crate::ready_file::ReadyFile;
use crate::run::{self, Signals};
use crate::show::Overview;

/// The name of the program, which is that of its package.
const PROGRAM: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Does what was typed and returns the exit code.
pub fn perform(arguments: Arguments) -> Result<u8, Error> {
    match arguments.command {
        Commands::Run(run) => perform_run(run),
        Commands::Serve(serve) => perform_serve(serve),
        Commands::Pki(pki) => write_pki(&pki),
        Commands::Show(arguments) => show(&arguments),
        Commands::Schema => print(config::schema().as_bytes()),
        Commands::Completion(completion) => print(completion_script(completion.shell).as_bytes()),
        Commands::Version => print(format!("{VERSION}\n").as_bytes()),
        Commands::Exec(exec) => run::exec(exec.parent, &exec.command),
    }
}

/// Returns the exit code of a failure: 127 and 126 as a shell has them, 128 and the signal, and
/// 125 for everything that is the emulator's own.
pub fn exit_code(error: &Error) -> u8 {
    match error {
        Error::Command { source, .. } if source.kind() == io::ErrorKind::NotFound => 127,
        Error::Command { .. } => 126,
        Error::Stopped(signal) => u8::try_from(128 + signal).unwrap_or(125),
        _ => 125,
    }
}

fn perform_run(arguments: Run) -> Result<u8, Error> {
    let mut signals = Signals::catch()?;
    os::sweep();
    let tool = run::tool(arguments.tool)?;
    let options = Options {
        tool: tool.clone(),
        network: network(arguments.network),
        observer: observer(&arguments.output)?,
        ..options(&arguments.aws, &arguments.behaviour)?
    };
    if tool.is_none() && arguments.output.verbose {
        note("roles-anywhere is not in the directory of this program; PATH stays as it is");
    }
    let emulator = start(options)?;
    signals.check()?;
    run::run(&emulator, tool.as_deref(), &arguments.command, signals)
}

fn perform_serve(arguments: Serve) -> Result<u8, Error> {
    let mut signals = Signals::catch()?;
    os::sweep();
    let ready_file = arguments.ready_file.map(ReadyFile::new).transpose()?;
    let options = Options {
        tool: run::tool(arguments.tool)?,
        directory: arguments.dir,
        network: network(arguments.network),
        observer: observer(&arguments.output)?,
        ..options(&arguments.aws, &arguments.behaviour)?
    };
    let emulator = start(options)?;
    let variables = emulator.environment();
    // First, as it can fail: nothing is printed then.
    if let Some(file) = &ready_file {
        file.write(&variables)?;
    }
    print(exports(&variables).as_bytes())?;
    signals.wait();
    Ok(0)
}

fn show(arguments: &Show) -> Result<u8, Error> {
    let loaded = arguments.files.aws_files().load(&Pki::authorities()?, Clock::default().now())?;
    for warning in &loaded.warnings {
        let _ = writeln!(io::stderr(), "warning: {warning}");
    }
    let overview = Overview::new(&loaded.value);
    match arguments.output {
        OutputFormat::Text => print(overview.to_string().as_bytes()),
        OutputFormat::Json => print(overview.to_json().as_bytes()),
    }
}

/// Starts the emulator, and warns of what in its configuration has no effect.
fn start(options: Options) -> Result<Emulator, Error> {
    let emulator = Emulator::start(options)?;
    for warning in emulator.warnings() {
        let _ = writeln!(io::stderr(), "warning: {warning}");
    }
    Ok(emulator)
}

fn write_pki(arguments: &WritePki) -> Result<u8, Error> {
    let failed = |source| Error::File { action: "create", path: arguments.dir.clone(), source };
    os::create_directory(&arguments.dir, false).map_err(failed)?;
    let empty = arguments.dir.read_dir().map_err(failed)?.next().is_none();
    if !empty && !arguments.force {
        return Err(Error::NotEmpty(arguments.dir.clone()));
    }
    let extent = if arguments.no_rsa8192 { Extent::Usual } else { Extent::WithRsa8192 };
    let pki = Pki::generate(extent)?;
    pki.write(&arguments.dir, &pki.tls(Network::default().certificate_names())?)?;
    for text in pki.notes() {
        note(text);
    }
    Ok(0)
}

fn note(text: &str) {
    let _ = writeln!(io::stderr(), "note: {text}");
}

/// Returns what prints requests to standard error, if they are to be printed: with colours on a
/// terminal only (`NO_COLOR` and `CLICOLOR_FORCE` decide otherwise).
fn observer(output: &Output) -> Result<Option<RequestObserver>, Error> {
    if !output.verbose {
        return Ok(None);
    }
    let has_colours = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
    let printer = LinePrinter::start(io::stderr())
        .map_err(|source| Error::Process("start a thread", source))?;
    Ok(Some(RequestObserver::new(move |line| {
        printer.print(if has_colours { line.to_owned() } else { strip_str(line).to_string() });
    })))
}

/// Returns where to listen, after a warning if others may reach it.
fn network(options: NetworkOptions) -> Network {
    let network = options.network();
    for warning in network.warnings() {
        let _ = writeln!(io::stderr(), "warning: {warning}");
    }
    network
}

fn options(aws: &AwsSide, behaviour: &Behaviour) -> Result<Options, Error> {
    Ok(Options {
        lenient: behaviour.lenient,
        aws: aws.files.aws_files(),
        secrets: aws.secrets.as_deref().map(read_json).transpose()?,
        faults: behaviour.faults.as_deref().map(read_json).transpose()?,
        session_seconds: behaviour.session_seconds,
        ..Options::default()
    })
}

fn read_json(path: &Path) -> Result<Value, Error> {
    let of = |path: &Path| -> PathBuf { path.to_owned() };
    let text = os::read_text(path).map_err(|source| Error::File {
        action: "read",
        path: of(path),
        source,
    })?;
    serde_json::from_str(&text).map_err(|source| Error::Json { path: of(path), source })
}

/// Returns the completion script of every command but those that `help` hides.
fn completion_script(shell: Shell) -> String {
    let all = Arguments::command();
    let shown = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let mut command = clap::Command::new(PROGRAM).version(VERSION).subcommands(shown);
    // With a hyphen in the name, bash finds no command: github.com/clap-rs/clap/issues/6421. The
    // tool does the same for its name.
    let name = if shell == Shell::Bash { PROGRAM.replace('-', "_") } else { PROGRAM.to_owned() };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, &*name, &mut script);
    let script = String::from_utf8_lossy(&script);
    script.replace(&format!(" -o default {name}\n"), &format!(" -o default {PROGRAM}\n"))
}

/// Writes to stdout and flushes, so that a process that waits for the lines has them. Returns the
/// exit code of success.
fn print(text: &[u8]) -> Result<u8, Error> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text).and_then(|()| stdout.flush()).map(|()| 0).map_err(|source| Error::File {
        action: "write to",
        path: "stdout".into(),
        source,
    })
}
