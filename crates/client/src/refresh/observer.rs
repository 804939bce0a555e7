//! What the rest of the program is told while a session is kept current.

use std::sync::Arc;
use std::time::Duration;

use crate::credentials::Session;
use crate::provider::ProviderError;
use crate::refresh::refresher::Look;
use crate::refresh::schedule::Next;
use crate::time::Timestamp;

/// Receives the events of a refresher, in the order in which they happen.
pub trait Observer {
    /// The refresher is about to read the files that it was told to read again.
    fn reloading(&self) {}

    /// It has read them, whatever came of it.
    fn reloaded(&self) {}

    /// The files were read: `Ok` tells what they hold, `Err` why that is no identity, while the one
    /// in use stays.
    fn looked(&self, found: Result<&Look, &Arc<ProviderError>>);

    /// A session came at `now`.
    fn received(&self, session: &Session, now: Timestamp);

    /// A refresh failed, while `held` may still be handed out; the next one is due as `next` says.
    fn failed(&self, error: &Arc<ProviderError>, held: Option<&Session>, next: Next);

    /// The refresher is alive; called at least as often as [`Observer::interval`] asks for, twice over.
    fn alive(&self) {}

    /// Returns within what time [`Observer::alive`] has to be called, if at all.
    fn interval(&self) -> Option<Duration> {
        None
    }
}
