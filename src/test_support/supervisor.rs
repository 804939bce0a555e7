//! A supervisor that does nothing but listen.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::daemon::Supervisor;

/// Keeps what a daemon tells its supervisor. Copies share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordingSupervisor {
    notices: Arc<Mutex<Vec<Notice>>>,
    /// The interval of the watchdog.
    pub(crate) watchdog: Option<Duration>,
}

/// What a daemon tells its supervisor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Notice {
    Ready,
    Reloading,
    Stopping,
    Status(String),
    Watchdog,
}

impl RecordingSupervisor {
    /// Returns what it was told, the first notice first.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        self.notices.lock().unwrap().clone()
    }

    /// Returns the statuses, the first one first.
    pub(crate) fn statuses(&self) -> Vec<String> {
        let status = |notice| if let Notice::Status(status) = notice { Some(status) } else { None };
        self.notices().into_iter().filter_map(status).collect()
    }

    fn hear(&self, notice: Notice) {
        self.notices.lock().unwrap().push(notice);
    }
}

impl Supervisor for RecordingSupervisor {
    fn ready(&self) {
        self.hear(Notice::Ready);
    }

    fn reloading(&self) {
        self.hear(Notice::Reloading);
    }

    fn stopping(&self) {
        self.hear(Notice::Stopping);
    }

    fn status(&self, status: &str) {
        self.hear(Notice::Status(status.to_owned()));
    }

    fn watchdog(&self) {
        self.hear(Notice::Watchdog);
    }

    fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog
    }
}
