//! `update`: keep a profile of the shared credentials file fresh.

use std::path::PathBuf;

use crate::command::daemon::Daemon;

/// What to write, and how it runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Update {
    /// The profile.
    pub profile: String,
    /// The shared credentials file.
    pub file: PathBuf,
    /// Once, or for as long as it runs.
    pub mode: Mode,
    /// How it runs.
    pub daemon: Daemon,
}

/// How long `update` runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Until the profile was written.
    Once,
    /// Until it is stopped.
    Continuous,
}
