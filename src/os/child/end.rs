//! How a program ended, and how this process does.

use std::io;

use rustix::process::{Signal, WaitStatus};
use signal_hook::low_level::emulate_default_handler;

use super::is_init;

/// Ends this process by a signal that has ended its program: its caller sees the same then. Returns as the first
/// process of a PID namespace, which no signal ends.
pub fn end_by(signal: i32) {
    if !is_init() {
        let _ = emulate_default_handler(signal);
    }
}

/// Returns how this process ends if `error` says that no one reads its output any more; `None` if that is an error,
/// as for a caller that ignores the signal for it.
pub fn end_of_filter(error: &io::Error) -> Option<ProgramEnd> {
    let signal = Signal::PIPE.as_raw();
    let is_signaled = error.kind() == io::ErrorKind::BrokenPipe
        && !roles_anywhere_inherited_signals::was_ignored(signal);
    is_signaled.then_some(ProgramEnd::Signaled(signal))
}

/// How a program ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProgramEnd {
    /// With this exit code.
    Exited(u8),
    /// By this signal.
    Signaled(i32),
}

impl ProgramEnd {
    /// Returns the exit code as a shell has it: 128 and the number of the signal that ended it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Signaled(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}

impl From<WaitStatus> for ProgramEnd {
    fn from(status: WaitStatus) -> Self {
        if let Some(signal) = status.terminating_signal() {
            return Self::Signaled(signal);
        }
        let code = status.exit_status().and_then(|code| u8::try_from(code).ok());
        Self::Exited(code.unwrap_or(u8::MAX))
    }
}
