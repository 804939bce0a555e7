//! Commands of a user, mostly for a shell, which may read a value on standard input.

use std::io::{self, Read as _, Write as _};
use std::pin::{Pin, pin};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::follow::action::is_withheld;
use crate::os::{environment, process};
use crate::output::rotation::{CommandFailure, StopSignal};
use roles_anywhere_client::secret::SecretBytes;

/// What is run.
#[derive(Clone, Copy, Debug)]
pub enum CommandLine<'a> {
    /// A command for a shell, with the variables of this process.
    Shell(&'a str),
    /// The same, without the variables that are withheld from actions.
    ShellOfAction(&'a str),
    /// A program and its arguments, with the same variables.
    ProgramOfAction(&'a str, &'a [&'a str]),
}

/// A command and what it reads.
#[derive(Debug)]
pub struct ShellCommand<'a> {
    /// The command.
    pub command: CommandLine<'a>,
    /// Its standard input.
    pub input: &'a SecretBytes,
    /// Whether its standard output is returned. Else it is shown on standard error.
    pub has_output: bool,
    /// The time after which it is ended.
    pub limit: Duration,
}

/// The most bytes of an output: the longest secret.
const MAX_OUTPUT: u64 = 64 << 10;
/// The time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// How often it is checked then whether processes of the command are left.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// Runs a command, and returns its output. If it takes too long, or `stop` completes, it is ended with all the
/// processes that it has started and that are in its process group.
pub async fn run(
    command: &ShellCommand<'_>,
    stop: impl Future<Output = StopSignal>,
) -> Result<SecretBytes, CommandFailure> {
    let mut child = process::with_inherited(|| start(command)).map_err(not_started)?;
    let group = child.id();
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let input = command.input.clone();
    // A command need not read its input, nor end when its output does, so each has a thread.
    thread::spawn(move || {
        if let Some(mut stdin) = stdin {
            // A command that does not read all of it decides itself whether that is an error.
            let _ = stdin.write_all(input.expose());
        }
    });
    let read = on_thread(move || {
        let mut output = Vec::with_capacity(if stdout.is_some() { 128 << 10 } else { 0 });
        if let Some(stdout) = stdout {
            stdout.take(MAX_OUTPUT + 1).read_to_end(&mut output)?;
        }
        Ok(SecretBytes::new(output))
    });
    let mut ended = on_thread(move || child.wait());
    let until = Instant::now() + command.limit;
    let failure = {
        let done = async { Ok((received(&mut ended).await?, received(read).await?)) };
        match select(pin!(timeout_at(until, done)), pin!(stop)).await {
            Either::Left((Ok(done), _)) => {
                let (status, output) = done?;
                return outcome(status, output);
            }
            Either::Left((Err(_), _)) => CommandFailure::TimedOut(command.limit),
            Either::Right((signal, _)) => CommandFailure::Stopped(signal),
        }
    };
    end_group(group, ended).await;
    Err(failure)
}

/// Runs `work` on a thread.
fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> oneshot::Receiver<io::Result<T>> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        // After a timeout there is no receiver.
        let _ = sender.send(work());
    });
    receiver
}

async fn received<T>(
    from: impl Future<Output = Result<io::Result<T>, oneshot::error::RecvError>>,
) -> Result<T, CommandFailure> {
    let received = from.await.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
    received.map_err(|error| CommandFailure::NotRead(error.kind()))
}

fn outcome(status: ExitStatus, output: SecretBytes) -> Result<SecretBytes, CommandFailure> {
    match (status.success(), status.code()) {
        // A longer output is not read to its end, which SIGPIPE tells the command.
        _ if output.expose().len() as u64 > MAX_OUTPUT => {
            Err(CommandFailure::NotRead(io::ErrorKind::FileTooLarge))
        }
        (true, _) => Ok(output),
        (false, Some(code)) => Err(CommandFailure::Exit(code)),
        (false, None) => Err(CommandFailure::Signal(signal(status))),
    }
}

fn start(command: &ShellCommand<'_>) -> io::Result<Child> {
    let output = match command.has_output {
        true => Stdio::piped(),
        false => standard_error()?,
    };
    let mut program = match command.command {
        CommandLine::Shell(text) | CommandLine::ShellOfAction(text) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", text]);
            shell
        }
        CommandLine::ProgramOfAction(name, arguments) => {
            let mut program = Command::new(name);
            program.args(arguments);
            program
        }
    };
    if !matches!(command.command, CommandLine::Shell(_)) {
        for (name, _) in environment::variables().iter().filter(|(name, _)| is_withheld(name)) {
            program.env_remove(name);
        }
    }
    program.stdin(Stdio::piped()).stdout(output);
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        // So that it can be ended with all that it has started.
        program.process_group(0);
    }
    program.spawn()
}

/// Ends the process group of a command: by SIGTERM, and by SIGKILL what is left after a while. `ended` completes when
/// its first process was reaped.
pub async fn end_group<T>(group: u32, mut ended: oneshot::Receiver<T>) {
    let until = Instant::now() + GRACE;
    signal_group(group, GroupSignal::Terminate);
    // It may have ended, and its status have been received, if only its output did not end.
    if !ended.is_terminated() {
        let _ = timeout(GRACE, Pin::new(&mut ended)).await;
    }
    while signal_group(group, GroupSignal::None) {
        if Instant::now() >= until {
            signal_group(group, GroupSignal::Kill);
            break;
        }
        sleep(CHECK_INTERVAL).await;
    }
    if !ended.is_terminated() {
        let _ = ended.await;
    }
}

/// What is sent to a process group.
#[derive(Clone, Copy)]
enum GroupSignal {
    /// SIGTERM, also to stopped processes.
    Terminate,
    /// SIGKILL.
    Kill,
    /// Nothing: only whether there is a process.
    None,
}

/// Sends a signal to a process group, and returns whether there is a process in it.
#[cfg(unix)]
fn signal_group(id: u32, signal: GroupSignal) -> bool {
    use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
    let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) else { return false };
    let sent = match signal {
        GroupSignal::Terminate => {
            let sent = kill_process_group(group, Signal::TERM);
            // A process that the terminal has stopped gets it when it goes on.
            let _ = kill_process_group(group, Signal::CONT);
            sent
        }
        GroupSignal::Kill => kill_process_group(group, Signal::KILL),
        GroupSignal::None => test_kill_process_group(group),
    };
    sent.is_ok()
}

#[cfg(not(unix))]
fn signal_group(_: u32, _: GroupSignal) -> bool {
    false
}

#[cfg(unix)]
fn standard_error() -> io::Result<Stdio> {
    use std::os::fd::AsFd as _;
    Ok(io::stderr().as_fd().try_clone_to_owned()?.into())
}

#[cfg(not(unix))]
fn standard_error() -> io::Result<Stdio> {
    Ok(Stdio::null())
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal().unwrap_or_default()
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> i32 {
    0
}

#[expect(clippy::needless_pass_by_value, reason = "the argument of `map_err`")]
fn not_started(error: io::Error) -> CommandFailure {
    CommandFailure::NotStarted(error.kind())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests read what commands leave")]

    use std::future::{pending, ready};
    use std::path::Path;

    use rustix::process::{Pid, test_kill_process};

    use super::*;

    fn ran(
        command: &ShellCommand<'_>,
        stop: impl Future<Output = StopSignal>,
    ) -> Result<SecretBytes, CommandFailure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(command, stop))
    }

    fn output(command: &str, input: &str, has_output: bool) -> Result<String, CommandFailure> {
        let input = &SecretBytes::new(input.as_bytes().to_vec());
        let limit = Duration::from_secs(20);
        let command = CommandLine::Shell(command);
        let output = ran(&ShellCommand { command, input, has_output, limit }, pending())?;
        Ok(String::from_utf8(output.expose().to_vec()).unwrap())
    }

    #[test]
    fn a_command_reads_its_input_and_may_print() {
        assert_eq!(output("tr a-z A-Z", "value", true).unwrap(), "VALUE");
        assert_eq!(output("cat >/dev/null", "value", false).unwrap(), "");
        assert_eq!(output("true", &"value".repeat(100_000), true).unwrap(), "");
    }

    #[test]
    fn the_end_of_a_command_is_told() {
        assert_eq!(output("exit 7", "", true), Err(CommandFailure::Exit(7)));
        assert_eq!(output("kill -9 $$", "", true), Err(CommandFailure::Signal(9)));
        let too_long = output("head -c 70000 /dev/zero", "", true);
        assert_eq!(too_long, Err(CommandFailure::NotRead(io::ErrorKind::FileTooLarge)));
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let input = &SecretBytes::default();
        let limit = Duration::from_millis(1);
        let command = CommandLine::Shell("exec sleep 600");
        let command = ShellCommand { command, input, has_output: true, limit };
        assert_eq!(ran(&command, pending()).map(drop), Err(CommandFailure::TimedOut(limit)));
    }

    /// Reads the number of a process from a file that a command writes.
    async fn number_in(file: &Path) -> Pid {
        loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            if let Some(number) = text.strip_suffix('\n') {
                return Pid::from_raw(number.parse().unwrap()).unwrap();
            }
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn a_stopped_command_is_ended_with_all_that_it_has_started() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("number");
        for (has_output, shell) in [(false, "wait"), (true, "exit 0")] {
            let _ = std::fs::remove_file(&file);
            let command = &format!("sleep 600 & echo $! >'{}'; {shell}", file.display());
            let (input, limit) = (&SecretBytes::default(), Duration::from_secs(60));
            let command = CommandLine::Shell(command);
            let command = ShellCommand { command, input, has_output, limit };
            let started = std::cell::Cell::new(None);
            let stop = async {
                started.set(Some(number_in(&file).await));
                StopSignal::Terminate
            };
            let outcome = ran(&command, stop).map(drop);
            assert_eq!(outcome, Err(CommandFailure::Stopped(StopSignal::Terminate)));
            // Its new parent reaps it at some time.
            let left = started.get().unwrap();
            let state = || {
                std::fs::read_to_string(format!("/proc/{left}/stat", left = left.as_raw_nonzero()))
            };
            let is_zombie = state().is_ok_and(|state| state.contains(") Z "));
            assert!(is_zombie || test_kill_process(left).is_err(), "{:?}", state());
        }
    }

    #[test]
    fn a_command_that_ignores_sigterm_is_killed() {
        let (input, limit) = (&SecretBytes::default(), Duration::from_secs(60));
        let command = CommandLine::Shell("trap '' TERM; while :; do sleep 1; done");
        let command = ShellCommand { command, input, has_output: false, limit };
        let stop = ready(StopSignal::Interrupt);
        let outcome = ran(&command, stop).map(drop);
        assert_eq!(outcome, Err(CommandFailure::Stopped(StopSignal::Interrupt)));
    }
}
