//! Standard output and standard error: one write to the first, the only writer to the second.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::command::secret_get::Stdout;
use crate::world::Trace;

/// Returns what standard output is.
pub fn stdout_kind() -> Stdout {
    if io::stdout().is_terminal() { Stdout::Terminal } else { Stdout::Stream }
}

/// Writes the answer to standard output, all of it.
pub fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Writes one message and a newline to standard error; where nobody listens, nothing is lost.
pub fn write_stderr(message: &str) {
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
