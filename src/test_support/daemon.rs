//! Who hears of a daemon.

use super::{RecordingLog, RecordingSupervisor};
use crate::daemon::Reporter;

/// What a daemon logs and tells its supervisor; no field may hold a secret.
#[derive(Debug)]
pub(crate) struct DaemonRecorder {
    pub(crate) log: RecordingLog,
    pub(crate) supervisor: RecordingSupervisor,
}

impl Default for DaemonRecorder {
    fn default() -> Self {
        let log = RecordingLog::refusing(&["secret", "token"]);
        Self { log, supervisor: RecordingSupervisor::default() }
    }
}

impl DaemonRecorder {
    /// Returns the observer of a refresher.
    pub(crate) fn reporter(&self) -> Reporter<'_> {
        Reporter::new(&self.log, &self.supervisor)
    }
}
