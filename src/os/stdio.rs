//! Standard output and standard error: one write to the first, the only writer to the second.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::command::secret_get::Stdout;
use crate::output::error::{Error, Kind};
use roles_anywhere_client::ports::Trace;
use roles_anywhere_client::text::escape;

/// Returns what standard output is.
pub fn stdout_kind() -> Stdout {
    if io::stdout().is_terminal() { Stdout::Terminal } else { Stdout::Stream }
}

/// Prints the answer, all of it.
pub fn print(bytes: &[u8]) -> Result<(), Error> {
    write_stdout(bytes).map_err(|error| {
        Error::new(Kind::Local, StdoutError(error)).hint("standard output has to take all of it")
    })
}

#[derive(Debug, thiserror::Error)]
#[error("could not write to standard output")]
struct StdoutError(#[source] io::Error);

fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    // Rust's own standard output would break it at its lines, and keep a copy in its buffer.
    #[cfg(unix)]
    let mut stdout = {
        use std::os::fd::AsFd;
        std::fs::File::from(io::stdout().as_fd().try_clone_to_owned()?)
    };
    #[cfg(not(unix))]
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Writes one message and a newline to standard error, with what does not show escaped; a failure
/// to write is ignored, as there is nothing else to report it to.
pub fn write_stderr(message: &str) {
    let message = escape::lines(message);
    let _ = io::stderr().lock().write_all(format!("{message}\n").as_bytes());
}

/// Shows messages on standard error, each with the milliseconds since the start.
#[expect(missing_debug_implementations, reason = "holds a function")]
pub struct StderrTrace<'a> {
    uptime: &'a (dyn Fn() -> Duration + Sync),
}

impl<'a> StderrTrace<'a> {
    /// Takes the clock that the messages are stamped with.
    pub fn new(uptime: &'a (dyn Fn() -> Duration + Sync)) -> Self {
        Self { uptime }
    }
}

impl Trace for StderrTrace<'_> {
    fn show(&self, message: fmt::Arguments<'_>) {
        let milliseconds = (self.uptime)().as_secs_f64() * 1e3;
        write_stderr(&format!("debug: {milliseconds:8.2} ms: {message}"));
    }
}
