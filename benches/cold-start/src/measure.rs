//! One program: how long a run takes, how much memory it needs, how large it is, and how many
//! instructions it executes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crate::BenchError;

/// A program with its arguments and its whole environment.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) variables: Vec<(String, OsString)>,
    /// Where its messages go.
    pub(crate) stderr: fn() -> Stdio,
}

impl Program {
    /// Runs it once and returns how long it took from before the start to after the end.
    pub(crate) fn run(&self) -> Result<Duration, BenchError> {
        let mut command = self.command(Command::new(&self.path));
        command.args(&self.arguments).stdout(Stdio::null());
        let start = now();
        let status = command.status().map_err(|source| self.unstarted(source))?;
        let took = now() - start;
        if status.success() { Ok(took) } else { Err(self.failed("by itself")) }
    }

    /// Returns the most memory that it ever had resident, in KiB.
    ///
    /// Asked of a fresh process that runs it and nothing else: until its `exec` a child counts what
    /// its parent has, and `RUSAGE_CHILDREN` is about all children there ever were.
    pub(crate) fn peak_kib(&self, runner: &Path) -> Result<u64, BenchError> {
        let mut command = self.command(Command::new(runner));
        command.arg(PEAK).arg(&self.path).args(&self.arguments);
        let output = command.output().map_err(|source| self.unstarted(source))?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.trim().parse().map_err(|_| self.failed("to have its memory measured"))
    }

    /// Returns its size in bytes, as it was built.
    pub(crate) fn size(&self) -> Result<u64, BenchError> {
        let metadata = self.path.metadata().map_err(|source| self.unstarted(source))?;
        Ok(metadata.len())
    }

    /// Returns the instructions of one run, where valgrind is there.
    pub(crate) fn instructions(&self) -> Result<Option<u64>, BenchError> {
        let mut command = self.command(Command::new("valgrind"));
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        command.stderr(Stdio::piped());
        let output = match command.arg(&self.path).args(&self.arguments).output() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|source| self.unstarted(source))?,
        };
        let text = String::from_utf8_lossy(&output.stderr);
        let collected = text.lines().find_map(|line| line.split_once("Collected : "));
        match collected.and_then(|(_, count)| count.trim().parse().ok()) {
            Some(count) if output.status.success() => Ok(Some(count)),
            // It has become another program, and valgrind with it.
            None if output.status.success() => Ok(None),
            _ => Err(self.failed("under valgrind")),
        }
    }

    fn command(&self, mut command: Command) -> Command {
        command.env_clear().envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stderr((self.stderr)());
        command
    }

    fn unstarted(&self, source: std::io::Error) -> BenchError {
        BenchError::Start { program: self.path.clone(), source }
    }

    fn failed(&self, how: &'static str) -> BenchError {
        BenchError::Failed { program: self.name, how }
    }
}

/// The first argument by which the runner is asked to be the parent of one program alone.
pub(crate) const PEAK: &str = "--peak";

/// Runs the program that the arguments name and returns its peak of resident memory in KiB.
pub(crate) fn peak_of(mut arguments: impl Iterator<Item = OsString>) -> Result<u64, BenchError> {
    let path = PathBuf::from(arguments.next().unwrap_or_default());
    let status = Command::new(&path)
        .args(arguments)
        .stdout(Stdio::null())
        .status()
        .map_err(|source| BenchError::Start { program: path, source })?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(std::io::Error::from)?;
    match u64::try_from(usage.max_rss()) {
        Ok(kib) if status.success() => Ok(kib),
        _ => Err(BenchError::Failed { program: "the program", how: "to be measured" }),
    }
}

/// What many runs took, in order of size.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// Takes at least one.
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// Returns the least time that `percent` of the runs did not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0.get((last * percent).div_ceil(100)).copied().unwrap_or_default()
    }
}

#[expect(clippy::disallowed_methods, reason = "what is measured here is time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_runs() {
        let times = [5, 1, 4, 2, 3].map(Duration::from_millis);
        let times = Times::new(times.to_vec());
        assert_eq!(times.percentile(0), Duration::from_millis(1));
        assert_eq!(times.percentile(50), Duration::from_millis(3));
        assert_eq!(times.percentile(90), Duration::from_millis(5));
    }
}
