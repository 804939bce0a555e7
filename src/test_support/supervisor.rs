//! A supervisor that does nothing but listen.

use std::sync::Mutex;
use std::time::Duration;

use crate::daemon::Supervisor;

/// Keeps the statuses of a daemon.
#[derive(Debug, Default)]
pub(crate) struct RecordingSupervisor(Mutex<Vec<String>>);

impl RecordingSupervisor {
    /// Returns the statuses, the first one first.
    pub(crate) fn statuses(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Supervisor for RecordingSupervisor {
    fn ready(&self) {}

    fn reloading(&self) {}

    fn stopping(&self) {}

    fn status(&self, status: &str) {
        self.0.lock().unwrap().push(status.to_owned());
    }

    fn watchdog(&self) {}

    fn watchdog_interval(&self) -> Option<Duration> {
        None
    }
}
