//! The events of a refresher, for a log.

use std::sync::Arc;

use crate::credentials::Session;
use crate::provider::ProviderError;
use crate::provider::fallback::Fetched;
use crate::refresh::Next;
use crate::refresh::session_source::ReloadOutcome;
use crate::time::Timestamp;

/// Receives the events of a refresher, in the order in which they happen.
///
/// The refresher has no log: the program decides what to report, and how.
pub trait Observer: Send + Sync {
    /// The identity's files were read. `Err` says why they hold no usable identity; the current one
    /// stays in use.
    fn identity_read(&self, outcome: Result<&ReloadOutcome, &Arc<ProviderError>>);

    /// A session was received at `now`.
    fn session_received(&self, session: &Session, now: Timestamp);

    /// Called after [`Observer::session_received`]: whether an earlier session of its chain of roles could
    /// not be renewed, and why. The earlier session is used while it is valid; `next` says when the next
    /// refresh is due.
    fn chain_renewed(&self, session: &Session, error: Option<&Arc<ProviderError>>, next: Next);

    /// The next session that is received is of another trust anchor than the one before it: of a
    /// fallback, or of the primary one again.
    fn region_changed(&self, fetched: &Fetched);

    /// A call was refused because AWS does not accept `session`, the current one, although it has not
    /// expired; `next` says when it is replaced.
    fn session_rejected(&self, session: &Session, next: Next);

    /// A refresh failed. `current` is the session that is still usable; `next` says when the next
    /// refresh is due.
    fn refresh_failed(&self, error: &Arc<ProviderError>, current: Option<&Session>, next: Next);
}
