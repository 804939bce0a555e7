//! Standard output, written once, and standard error.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::output::Stdout;
use crate::output::error::{Error, Kind};
use roles_anywhere_client::ports::Trace;
use roles_anywhere_client::text::escape;

/// Returns whether standard output is a terminal.
pub fn stdout_kind() -> Stdout {
    if io::stdout().is_terminal() { Stdout::Terminal } else { Stdout::Stream }
}

/// Writes all of `bytes` to standard output.
pub fn print(bytes: &[u8]) -> Result<(), Error> {
    write_stdout(bytes).map_err(|error| {
        Error::new(Kind::Local, StdoutError(error)).hint("standard output has to take all of it")
    })
}

#[derive(Debug, thiserror::Error)]
#[error("could not write to standard output")]
struct StdoutError(#[source] io::Error);

fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    // `std::io::stdout` would write each line separately, and keep a copy of the secrets in its buffer.
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

/// Writes a message and a newline to standard error, with invisible characters escaped. A failure is
/// ignored, as it cannot be reported anywhere else.
pub fn write_stderr(message: &str) {
    let message = escape::lines(message);
    let _ = io::stderr().lock().write_all(format!("{message}\n").as_bytes());
}

/// Writes debug messages to standard error, each with the milliseconds since the start.
#[expect(missing_debug_implementations, reason = "holds a function")]
pub struct StderrTrace<'a> {
    uptime: &'a (dyn Fn() -> Duration + Sync),
}

impl<'a> StderrTrace<'a> {
    /// Returns the trace; `uptime` is the time that each message begins with.
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
