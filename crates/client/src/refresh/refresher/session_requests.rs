//! Requests of callers that have no session, or one that AWS does not accept.

use crate::credentials::Session;
use crate::refresh::Next;
use crate::refresh::refresher::Refresher;
use crate::refresh::status::RejectedSession;

impl Refresher {
    /// Handles a request. If no refresh is due yet, the unchanged status is published, so that the caller
    /// stops waiting.
    pub(super) fn handle_session_request(&mut self) {
        let now = self.clock_reading();
        self.schedule.requested(now);
        if let Some(rejected) = self.channel.take_rejected() {
            self.replace_rejected(&rejected);
        }
        if matches!(self.schedule.next(now), Next::Wait(_)) {
            self.publish(|_| {});
        }
    }

    /// Has the current session replaced if it is `rejected`.
    fn replace_rejected(&mut self, rejected: &RejectedSession) {
        let now = self.clock_reading();
        let is_rejected = |session: &&Session| rejected.is(session);
        let Some(session) = self.status.valid(now).map(|session| &**session).filter(is_rejected)
        else {
            return;
        };
        if self.schedule.rejected(self.ports.entropy.bits(), now) {
            let next = self.schedule.next(now);
            self.observer.session_rejected(session, next);
        }
    }
}
