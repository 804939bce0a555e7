//! What the benchmarks share: the programs that run beside what is measured, and how a target is shown.

pub mod emulator;
pub mod http;
pub mod target;

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

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
    /// A program ended before it had said where it is.
    #[error("`{}` ended early", .0.display())]
    Ended(PathBuf),
    /// A program did not export a variable.
    #[error("nothing exports `{0}`")]
    Unexported(String),
    /// A server answered something else than was wanted.
    #[error("a request for `{path}` was answered with `{status}`")]
    Answer {
        /// What was asked for.
        path: String,
        /// The status line.
        status: String,
    },
    /// The system or a server could not be spoken with.
    #[error("could not speak with a server or the system: {0}")]
    System(#[from] std::io::Error),
}

/// A program that says on its stdout what to export, then serves until it is dropped.
pub struct Server {
    child: Child,
    exports: Vec<(String, String)>,
    /// Kept open: nothing must die of a closed pipe.
    stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts `command` and waits until it has exported all of `wanted`.
    pub fn start(mut command: Command, wanted: &[&str]) -> Result<Self, WorldError> {
        let program = PathBuf::from(command.get_program());
        let child = command.stdout(Stdio::piped()).spawn();
        let mut child =
            child.map_err(|source| WorldError::Start { program: program.clone(), source })?;
        let stdout = child.stdout.take().expect("it was asked for a pipe");
        let mut server = Self { child, exports: Vec::new(), stdout: BufReader::new(stdout) };
        while !wanted.iter().all(|name| server.variable(name).is_ok()) {
            let mut line = String::new();
            if server.stdout.read_line(&mut line)? == 0 {
                return Err(WorldError::Ended(program));
            }
            server.exports.extend(export(&line));
        }
        Ok(server)
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
        if let Ok(id) = i32::try_from(self.child.id()) {
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        let _ = self.child.wait();
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
    fn reads_an_export_line() {
        let expected = Some(("A".to_owned(), "it's".to_owned()));
        assert_eq!(export("export A='it'\\''s'\n"), expected);
        assert_eq!(export("note: A='b'"), None);
    }
}
