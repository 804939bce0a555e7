//! Standard output, written once, and standard error.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use crate::output::Stdout;
use crate::output::error::Error;
use crate::output::run::RunError;
use crate::output::waiting::LineTerminal;
use roles_anywhere_client::ports::Trace;
use roles_anywhere_client::system::SystemClock;
use roles_anywhere_client::text::escape;
use roles_anywhere_client::time::Clock as _;

/// Returns whether standard output is a terminal.
pub fn stdout_kind() -> Stdout {
    if io::stdout().is_terminal() { Stdout::Terminal } else { Stdout::Stream }
}

/// Returns whether standard error is a terminal.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Returns the columns of the terminal that standard output or standard error is, if one of them is:
/// what a pager shows goes through a pipe.
#[cfg(unix)]
pub fn terminal_width() -> Option<u16> {
    use rustix::termios::tcgetwinsize;
    let size = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(io::stderr())).ok()?;
    Some(size.ws_col).filter(|columns| *columns > 0)
}

/// Returns the columns of the terminal, which are not known here.
#[cfg(not(unix))]
pub fn terminal_width() -> Option<u16> {
    None
}

/// Writes all of `bytes` to standard output.
pub fn print(bytes: &[u8]) -> Result<(), Error> {
    write_stdout(bytes).map_err(|error| RunError::Stdout(error).into())
}

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

/// The terminal that standard error is.
#[derive(Clone, Copy, Debug)]
pub struct StderrTerminal;

impl StderrTerminal {
    /// The columns of a terminal that does not know them.
    #[cfg(unix)]
    const DEFAULT_COLUMNS: u16 = 80;
}

impl LineTerminal for StderrTerminal {
    #[cfg(unix)]
    fn columns(&self) -> Option<u16> {
        use rustix::termios::{tcgetpgrp, tcgetwinsize};
        let stderr = io::stderr();
        let foreground = tcgetpgrp(&stderr).ok()?;
        let is_foreground = foreground == rustix::process::getpgrp();
        let columns = tcgetwinsize(&stderr).map_or(0, |size| size.ws_col);
        is_foreground.then_some(if columns == 0 { Self::DEFAULT_COLUMNS } else { columns })
    }

    #[cfg(not(unix))]
    fn columns(&self) -> Option<u16> {
        None
    }

    fn write(&self, text: &str) {
        // Nothing else can report a failure, and the run does not depend on the line.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Writes debug messages to standard error, each with the milliseconds since the start.
#[derive(Clone, Copy, Debug)]
pub struct StderrTrace {
    clock: SystemClock,
}

impl StderrTrace {
    /// Returns the trace; each message begins with the uptime of `clock`.
    pub fn new(clock: SystemClock) -> Self {
        Self { clock }
    }
}

impl Trace for StderrTrace {
    fn show(&self, message: fmt::Arguments<'_>) {
        let milliseconds = self.clock.uptime().as_secs_f64() * 1e3;
        write_stderr(&format!("debug: {milliseconds:8.2} ms: {message}"));
    }
}
