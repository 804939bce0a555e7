//! The events of a refresher, for the log and the process that supervises the daemon.

use std::sync::Arc;
use std::time::Duration;

use crate::credentials::Session;
use crate::provider::ProviderError;
use crate::refresh::Next;
use crate::refresh::refresher::ReloadOutcome;
use crate::time::Timestamp;

/// Receives the events of a refresher, in the order in which they happen.
///
/// The refresher has no log and no supervisor: the program decides what to report, and how.
pub trait Observer {
    /// The refresher is about to read the identity's files on request.
    fn reload_started(&self) {}

    /// The files were read, with or without success.
    fn reload_finished(&self) {}

    /// The identity's files were read. `Err` says why they hold no usable identity; the current one
    /// stays in use.
    fn identity_read(&self, outcome: Result<&ReloadOutcome, &Arc<ProviderError>>);

    /// A session was received at `now`.
    fn session_received(&self, session: &Session, now: Timestamp);

    /// A refresh failed. `current` is the session that is still usable; `next` says when the next
    /// refresh is due.
    fn refresh_failed(&self, error: &Arc<ProviderError>, current: Option<&Session>, next: Next);

    /// The refresher is running. Called at least twice within [`Observer::watchdog_interval`].
    fn watchdog(&self) {}

    /// Returns the longest time between two calls of [`Observer::watchdog`], if it is limited.
    fn watchdog_interval(&self) -> Option<Duration> {
        None
    }
}
