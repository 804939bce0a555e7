//! Runs a command against the emulator, passes signals on to it and its exit code back.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Cause;

use crate::emulator::Emulator;
use crate::error::Error;
use crate::os;

/// The names that the tool has on `PATH`.
const TOOL_NAMES: [&str; 2] = ["roles-anywhere", "aws_signing_helper"];

/// The signals that a command gets and that end `serve`, caught from here on.
pub(crate) struct Signals(SignalsInfo<WithOrigin>);

impl Signals {
    /// Catches every signal that people send to end or to poke a program: none of them may end us
    /// before the directory is removed.
    pub(crate) fn catch() -> Result<Self, Error> {
        SignalsInfo::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM])
            .map(Self)
            .map_err(|source| Error::Process("catch signals", source))
    }

    /// Refuses to go on where one came already.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        match self.0.pending().next() {
            Some(origin) => Err(Error::Stopped(origin.signal)),
            None => Ok(()),
        }
    }

    /// Waits for one, and returns its number.
    pub(crate) fn wait(&mut self) -> i32 {
        self.0.forever().next().map_or(SIGTERM, |origin| origin.signal)
    }
}

/// Runs a command to its end against an emulator and returns the exit code that is to be
/// passed on: its own, or 128 and the number of the signal that ended it.
pub(crate) fn run(
    emulator: &Emulator,
    tool: Option<&Path>,
    command: &[OsString],
    mut signals: Signals,
) -> Result<u8, Error> {
    let path = match tool {
        Some(tool) => path_with_tool(emulator.directory(), tool)?,
        None => inherited_path(),
    };
    signals.check()?;
    let child = spawn(emulator, path, command)?;
    let pid = Pid::from_child(&child);
    // Emptied before another process can get the process id.
    let target = Arc::new(Mutex::new(Some(pid)));
    let handle = signals.0.handle();
    let forwarder = thread::spawn({
        let target = Arc::clone(&target);
        move || forward(&mut signals, &target)
    });
    let status = wait(child, pid, &target);
    handle.close();
    let _ = forwarder.join();
    Ok(exit_code(status.map_err(|source| Error::Process("wait for the command", source))?))
}

/// Returns the tool to use: the one that is named, which has to exist, or the one in the directory
/// of our own program, if there is one.
pub(crate) fn tool(named: Option<PathBuf>) -> Result<Option<PathBuf>, Error> {
    // Absolute and no more: what a link is called may be what the program goes by.
    let found = |tool: &Path| std::path::absolute(tool).ok().filter(|tool| tool.is_file());
    match named {
        Some(tool) => found(&tool).map(Some).ok_or(Error::Tool(tool)),
        None => {
            let own = std::env::current_exe().ok();
            Ok(own.and_then(|own| found(&own.with_file_name(TOOL_NAMES[0]))))
        }
    }
}

fn inherited_path() -> Option<OsString> {
    let inherited = os::environment().into_iter().find(|(name, _)| name == "PATH");
    inherited.map(|(_, path)| path)
}

/// Makes a private directory with the tool in it and returns `PATH` with that in front.
fn path_with_tool(directory: &Path, tool: &Path) -> Result<Option<OsString>, Error> {
    let bin = directory.join("bin");
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { action: "create", path, source }
    };
    os::create_directory(&bin, true).map_err(failed(&bin))?;
    for name in TOOL_NAMES {
        let link = bin.join(name);
        symlink(tool, &link).map_err(failed(&link))?;
    }
    let mut path = bin.into_os_string();
    if let Some(inherited) = inherited_path().filter(|path| !path.is_empty()) {
        path.push(":");
        path.push(inherited);
    }
    Ok(Some(path))
}

fn spawn(
    emulator: &Emulator,
    path: Option<OsString>,
    command: &[OsString],
) -> Result<Child, Error> {
    let Some((program, arguments)) = command.split_first() else {
        let source = io::Error::from(io::ErrorKind::NotFound);
        return Err(Error::Command { command: String::new(), source });
    };
    let inherited = os::environment().into_iter().filter(|(name, _)| emulator.inherits(name));
    tied(program, arguments)
        .env_clear()
        .envs(inherited)
        .envs(emulator.environment())
        .envs(path.map(|path| ("PATH", path)))
        .spawn()
        .map_err(|source| Error::Command {
            command: program.to_string_lossy().into_owned(),
            source,
        })
}

/// Returns a command that ends with this process, however that ends: our own program, which asks
/// the kernel for that and becomes the command. The wish outlives the change of program; between
/// fork and exec only unsafe code could make it.
#[cfg(target_os = "linux")]
fn tied(program: &OsString, arguments: &[OsString]) -> Command {
    use std::os::unix::process::CommandExt as _;
    // Our own program even if its file was replaced since, as a build does.
    let mut command = Command::new("/proc/self/exe");
    command.arg0(env!("CARGO_PKG_NAME")).arg("exec");
    command.arg("--parent").arg(std::process::id().to_string());
    command.arg("--").arg(program).args(arguments);
    command
}

#[cfg(not(target_os = "linux"))]
fn tied(program: &OsString, arguments: &[OsString]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Becomes a command that the kernel kills once `parent` has ended.
pub(crate) fn exec(parent: i32, command: &[OsString]) -> Result<u8, Error> {
    use std::os::unix::process::CommandExt as _;
    let Some((program, arguments)) = command.split_first() else {
        let source = io::Error::from(io::ErrorKind::NotFound);
        return Err(Error::Command { command: String::new(), source });
    };
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| Error::Process("tie the command to `run`", error.into()))?;
    // It may have ended before that.
    if rustix::process::getppid() != Pid::from_raw(parent) {
        return Err(Error::Stopped(Signal::KILL.as_raw()));
    }
    let source = Command::new(program).args(arguments).exec();
    Err(Error::Command { command: program.to_string_lossy().into_owned(), source })
}

/// Passes on what was sent to us alone. What a terminal sends goes to its whole foreground group:
/// the command has that already, and many a program takes a second Ctrl-C for "at once".
fn forward(signals: &mut Signals, target: &Mutex<Option<Pid>>) {
    for origin in signals.0.forever() {
        if matches!(origin.cause, Cause::Kernel) {
            continue;
        }
        let target = target.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(pid), Some(signal)) = (*target, Signal::from_named_raw(origin.signal)) {
            let _ = kill_process(pid, signal);
        }
    }
}

/// Waits without reaping first, so that the process id stays the command's while signals are
/// still passed on.
fn wait(mut child: Child, pid: Pid, target: &Mutex<Option<Pid>>) -> io::Result<ExitStatus> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while let Err(error) = waitid(WaitId::Pid(pid), options) {
        if error != rustix::io::Errno::INTR {
            return Err(error.into());
        }
    }
    *target.lock().unwrap_or_else(PoisonError::into_inner) = None;
    child.wait()
}

fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
