//! What a daemon has of its system, and what it says there.

use std::sync::Arc;

use super::{FakeEvents, RecordingLog, RecordingSupervisor};
use crate::daemon::{DaemonContext, StatusLine};

/// What a daemon logs and tells its supervisor, and what happens to it; no field may hold a secret.
pub(crate) struct DaemonRecorder {
    pub(crate) events: FakeEvents,
    pub(crate) log: RecordingLog,
    pub(crate) supervisor: RecordingSupervisor,
    status: Arc<StatusLine>,
}

impl Default for DaemonRecorder {
    fn default() -> Self {
        let log = RecordingLog::refusing(&["secret", "token"]);
        let supervisor = RecordingSupervisor::default();
        let status = Arc::new(StatusLine::new(Arc::new(supervisor.clone())));
        Self { events: FakeEvents::default(), log, supervisor, status }
    }
}

impl DaemonRecorder {
    /// Returns the context of a daemon.
    pub(crate) fn context(&self) -> DaemonContext<'_> {
        DaemonContext {
            events: &self.events,
            supervisor: Arc::new(self.supervisor.clone()),
            log: Arc::new(self.log.clone()),
            status: Arc::clone(&self.status),
        }
    }
}
