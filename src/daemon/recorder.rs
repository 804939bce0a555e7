//! What a daemon logs and tells its supervisor, kept for a test to read.

use std::sync::Mutex;

use crate::daemon::Supervisor;
use crate::output::log::{Field, Level, Log, LogNotWritten};

/// Takes events and statuses, and keeps them.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    log: Mutex<Vec<String>>,
    statuses: Mutex<Vec<String>>,
}

impl Recorder {
    /// Returns what was logged, without its fields.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Returns what was logged since the last call.
    pub(crate) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    /// Returns what the supervisor was told.
    pub(crate) fn statuses(&self) -> Vec<String> {
        self.statuses.lock().unwrap().clone()
    }
}

impl Supervisor for Recorder {
    fn ready(&self) {}

    fn reloading(&self) {}

    fn stopping(&self) {}

    fn status(&self, status: &str) {
        self.statuses.lock().unwrap().push(status.to_owned());
    }

    fn watchdog(&self) {}

    fn watchdog_interval(&self) -> Option<std::time::Duration> {
        None
    }
}

impl Log for Recorder {
    fn event(&self, _level: Level, what: &str, fields: &[Field<'_>]) {
        let fields: String =
            fields.iter().map(|(name, value)| format!("{name}={value};")).collect();
        assert!(!what.is_empty() && !fields.contains("secret") && !fields.contains("token"));
        self.log.lock().unwrap().push(what.to_owned());
    }

    fn record(&self, level: Level, what: &str, fields: &[Field<'_>]) -> Result<(), LogNotWritten> {
        self.event(level, what, fields);
        Ok(())
    }
}
