//! What the benchmarks share: the programs that run beside what is measured, and how a target is shown.

pub mod emulator;
pub mod http;
pub mod runner;
pub mod target;

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The world of a benchmark is not as it has to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// A program does not start.
    #[error("could not start `{}`: {source}", program.display())]
    Start {
        /// Which.
        program: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A program ended before it printed its address.
    #[error("`{}` ended early", .0.display())]
    Ended(PathBuf),
    /// A program did not print its address in time.
    #[error("`{}` printed no variables within {} s", program.display(), limit.as_secs())]
    Silent {
        /// Which.
        program: PathBuf,
        /// How long it had.
        limit: Duration,
    },
    /// A program did not export a variable.
    #[error("nothing exports `{0}`")]
    Unexported(String),
    /// A server did not answer as expected.
    #[error("a request for `{path}` was answered with `{status}`")]
    Answer {
        /// What was asked for.
        path: String,
        /// The status line.
        status: String,
    },
    /// A server did not answer.
    #[error("there was no answer from `{address}` within {} s", limit.as_secs())]
    Unanswered {
        /// Its address and port.
        address: String,
        /// How long it had.
        limit: Duration,
    },
    /// The system or a server could not be spoken with.
    #[error("could not speak with a server or the system: {0}")]
    System(#[from] std::io::Error),
}

/// How long a program has to export its variables, and a server to answer.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A program that says on its stdout what to export, then serves until it is dropped.
pub struct Server {
    child: Child,
    exports: Vec<(String, String)>,
    /// Kept open: nothing must die of a closed pipe.
    stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts `command` and waits until it has exported all of `wanted`, for at most a minute.
    pub fn start(command: Command, wanted: &[&str]) -> Result<Self, WorldError> {
        Self::start_within(LIMIT, command, wanted)
    }

    fn start_within(
        limit: Duration,
        mut command: Command,
        wanted: &[&str],
    ) -> Result<Self, WorldError> {
        let program = PathBuf::from(command.get_program());
        let child = command.stdout(Stdio::piped()).spawn();
        let mut child =
            child.map_err(|source| WorldError::Start { program: program.clone(), source })?;
        let stdout = child.stdout.take().expect("it was asked for a pipe");
        let mut server = Self { child, exports: Vec::new(), stdout: BufReader::new(stdout) };
        // A read of a pipe has no limit, so the program is ended, which ends the read.
        let (done, end) = channel::<()>();
        let id = server.id();
        let limiter = thread::spawn(move || {
            let late = end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if late {
                signal(id, Signal::SIGKILL);
            }
            late
        });
        let exported = server.read_exports(wanted);
        drop(done);
        let late = limiter.join().unwrap_or(false);
        match exported? {
            _ if late => Err(WorldError::Silent { program, limit }),
            true => Ok(server),
            false => Err(WorldError::Ended(program)),
        }
    }

    /// Reads until all of `wanted` are exported, and returns `false` if the program ends before.
    fn read_exports(&mut self, wanted: &[&str]) -> Result<bool, WorldError> {
        while !wanted.iter().all(|name| self.variable(name).is_ok()) {
            let mut line = String::new();
            if self.stdout.read_line(&mut line)? == 0 {
                return Ok(false);
            }
            self.exports.extend(export(&line));
        }
        Ok(true)
    }

    /// Returns what it exports.
    pub fn variables(&self) -> &[(String, String)] {
        &self.exports
    }

    /// Returns one of the variables that it exports.
    pub fn variable(&self, name: &str) -> Result<&str, WorldError> {
        self.exports
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
            .ok_or_else(|| WorldError::Unexported(name.to_owned()))
    }

    /// Returns its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM, for the emulator has a directory to remove.
        signal(self.id(), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

fn signal(id: u32, signal: Signal) {
    if let Ok(id) = i32::try_from(id) {
        let _ = kill(Pid::from_raw(id), signal);
    }
}

/// Reads `export NAME='value'`.
fn export(line: &str) -> Option<(String, String)> {
    let (name, quoted) = line.trim_end().strip_prefix("export ")?.split_once('=')?;
    let value = quoted.strip_prefix('\'')?.strip_suffix('\'')?.replace(r"'\''", "'");
    Some((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_prints_nothing_is_an_error() {
        let mut command = Command::new("sleep");
        command.arg("600");
        let limit = Duration::from_millis(10);
        let started = Server::start_within(limit, command, &["A"]);
        assert!(matches!(started, Err(WorldError::Silent { .. })), "{:?}", started.err());
    }

    #[test]
    fn reads_an_export_line() {
        let expected = Some(("A".to_owned(), "it's".to_owned()));
        assert_eq!(export("export A='it'\\''s'\n"), expected);
        assert_eq!(export("note: A='b'"), None);
    }
}
