//! What `update` and `serve` have in common.

use crate::output::error::Error;
use crate::output::log::LogFormat;
use crate::refresh::refresher::{Ending, Engine};

/// How a daemon runs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Daemon {
    /// What it does where its first try fails.
    pub first_failure: FirstFailure,
    /// How its log is written.
    pub log_format: LogFormat,
}

/// What a daemon does where its first try fails.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FirstFailure {
    /// It says so and tries on.
    #[default]
    TriesOn,
    /// It ends with the error of that try.
    Exits,
}

impl Daemon {
    /// Makes the first try of `engine`; its failure is an error only where it is to end the daemon.
    pub async fn start(self, engine: &mut Engine<'_>) -> Result<Ending, Error> {
        match engine.start().await {
            Err(error) if self.first_failure == FirstFailure::Exits => Err(error),
            Err(_) => Ok(Ending::NotYet),
            Ok(ending) => Ok(ending),
        }
    }
}
