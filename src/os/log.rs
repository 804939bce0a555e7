//! The log of a daemon, on standard error.

use std::io::{self, Write};
use std::rc::Rc;

use crate::log::{Fact, Level, Log, LogFormat};
use crate::time::Clock;

/// Writes each event in one write; where nobody listens, nothing is lost.
#[expect(missing_debug_implementations, reason = "holds a port")]
pub struct StderrLog {
    format: LogFormat,
    clock: Rc<dyn Clock>,
}

impl StderrLog {
    /// Takes the form of a line and the clock that stamps it.
    pub fn new(format: LogFormat, clock: Rc<dyn Clock>) -> Self {
        Self { format, clock }
    }
}

impl Log for StderrLog {
    fn event(&self, level: Level, what: &str, facts: &[Fact<'_>]) {
        let line = self.format.render(self.clock.now(), level, what, facts);
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }
}
