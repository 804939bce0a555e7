//! Commands for a shell, which read a value on standard input.

use std::io::{self, Read as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::os::process;
use crate::output::rotation::CommandFailure;
use roles_anywhere_client::secret::SecretBytes;

/// A command and what it reads.
#[derive(Debug)]
pub struct ShellCommand<'a> {
    /// The command.
    pub command: &'a str,
    /// Its standard input.
    pub input: &'a SecretBytes,
    /// Whether its standard output is returned. Else it is shown on standard error.
    pub has_output: bool,
    /// The time after which it is killed.
    pub limit: Duration,
}

/// The most bytes of an output: the longest secret.
const MAX_OUTPUT: u64 = 64 << 10;

/// Runs a command, and returns its output.
pub fn run(command: &ShellCommand<'_>) -> Result<SecretBytes, CommandFailure> {
    let mut child = process::with_inherited(|| start(command)).map_err(not_started)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let input = command.input.clone();
    let (sender, read) = mpsc::channel();
    // A command need not read its input, nor end when its output does, so each has a thread.
    thread::spawn(move || {
        if let Some(mut stdin) = stdin {
            // A command that does not read all of it decides itself whether that is an error.
            let _ = stdin.write_all(input.expose());
        }
    });
    thread::spawn(move || {
        let mut output = Vec::with_capacity(if stdout.is_some() { 128 << 10 } else { 0 });
        let outcome = match stdout {
            Some(stdout) => stdout.take(MAX_OUTPUT + 1).read_to_end(&mut output).map(drop),
            None => Ok(()),
        };
        // After a timeout there is no receiver.
        let _ = sender.send(outcome.map(|()| SecretBytes::new(output)));
    });
    let status = wait(child, command.limit)?;
    let output = match read.recv_timeout(command.limit) {
        Ok(output) => output.map_err(|error| CommandFailure::NotRead(error.kind()))?,
        Err(_) => return Err(CommandFailure::TimedOut),
    };
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
    Command::new("sh").args(["-c", command.command]).stdin(Stdio::piped()).stdout(output).spawn()
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

/// Waits for the end of a command, and kills it if it takes longer than `limit`.
fn wait(child: Child, limit: Duration) -> Result<ExitStatus, CommandFailure> {
    let id = child.id();
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || {
        let mut child = child;
        // After a timeout there is no receiver.
        let _ = sender.send(child.wait());
    });
    match ended.recv_timeout(limit) {
        Ok(status) => status.map_err(|error| CommandFailure::NotRead(error.kind())),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            kill(id);
            // Until it is reaped, its number belongs to it.
            let _ = ended.recv();
            Err(CommandFailure::TimedOut)
        }
    }
}

#[cfg(unix)]
fn kill(id: u32) {
    use rustix::process::{Pid, Signal, kill_process};
    if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill(_: u32) {}

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
    use super::*;

    fn output(command: &str, input: &str, has_output: bool) -> Result<String, CommandFailure> {
        let input = &SecretBytes::new(input.as_bytes().to_vec());
        let limit = Duration::from_secs(20);
        let output = run(&ShellCommand { command, input, has_output, limit })?;
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
    fn a_command_that_takes_too_long_is_killed() {
        let input = &SecretBytes::default();
        let limit = Duration::from_millis(1);
        let command = ShellCommand { command: "exec sleep 600", input, has_output: true, limit };
        assert_eq!(run(&command).map(drop), Err(CommandFailure::TimedOut));
    }
}
