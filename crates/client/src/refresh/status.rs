//! The status of a refresher, which it publishes and the other parts of the process read.
//!
//! Reading never waits. Only [`StatusChannel::wait_for_session`] waits, if no session is valid.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::select;
use tokio::sync::{Notify, watch};

use crate::credentials::Session;
use crate::provider::fallback::MadeBy;
use crate::provider::{ErrorKind, ProviderError};
use crate::refresh::clock_reading::ClockReading;
use crate::time::{Clock, Timer, Timestamp};

/// The current session, and the results of its refreshes.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// The last session and when it was received; it may have expired, see [`Status::valid`].
    pub session: Option<(Arc<Session>, ClockReading)>,
    /// The trust anchor that made it.
    pub made_by: Option<MadeBy>,
    /// Why the last refresh failed; `None` again when one succeeds.
    pub last_error: Option<Arc<ProviderError>>,
    /// The last final refusal since the last session: what fails later, such as the network, does not
    /// withdraw it. See [`ProviderError::is_final_refusal`].
    pub refusal: Option<Arc<ProviderError>>,
    /// Whether a refresh is in flight.
    pub in_flight: bool,
    /// The end of the validity (inclusive) of the certificate in use, if one could be read.
    pub certificate_end: Option<Timestamp>,
    /// Seconds that this machine's clock is behind AWS's, as last measured.
    pub clock_offset: i64,
    /// Counts of the refreshes by result.
    pub refreshes: Refreshes,
}

impl Status {
    /// Remembers a session that was received at `now`.
    pub fn succeeded(&mut self, session: Arc<Session>, now: ClockReading) {
        self.session = Some((session, now));
        (self.last_error, self.refusal) = (None, None);
    }

    /// Remembers why a refresh failed.
    pub fn failed(&mut self, error: Option<Arc<ProviderError>>) {
        if let Some(error) = error.as_ref().filter(|error| error.is_final_refusal()) {
            self.refusal = Some(Arc::clone(error));
        }
        self.last_error = error;
    }

    /// Returns the session if it has not expired at `now`.
    pub fn valid(&self, now: ClockReading) -> Option<&Arc<Session>> {
        let (session, _) = self.session.as_ref()?;
        (self.seconds_left(now) > 0).then_some(session)
    }

    /// Returns the session that may be handed out at `now`: the valid one, or one that has expired
    /// only by the wall clock.
    ///
    /// A wall clock that was set forward must not end a good session while AWS cannot be reached.
    /// But the wall clock may also be right, after a virtual machine was paused. So
    /// [`StatusChannel::wait_for_session`] waits for a refresh before such a session is returned.
    pub fn usable(&self, now: ClockReading) -> Option<&Arc<Session>> {
        let (session, received) = self.session.as_ref()?;
        (session.lifetime_seconds > now.least_seconds_since(*received)).then_some(session)
    }

    /// Returns the remaining seconds of the current session at `now`; 0 without one.
    pub fn seconds_left(&self, now: ClockReading) -> i64 {
        let left = |(session, received): &(Arc<Session>, ClockReading)| {
            session.lifetime_seconds - now.seconds_since(*received)
        };
        self.session.as_ref().map_or(0, left).max(0)
    }
}

/// Counts of the refreshes by result, since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Refreshes {
    /// Refreshes that returned a session.
    pub succeeded: u64,
    /// Refreshes that AWS refused.
    pub refused: u64,
    /// Refreshes that did not reach AWS, or that AWS failed with a server error.
    pub unreachable: u64,
    /// Refreshes that failed because of the certificate or the key.
    pub identity: u64,
    /// Refreshes that failed for another reason on this machine.
    pub local: u64,
}

impl Refreshes {
    /// Counts a refresh that failed.
    pub fn count(&mut self, kind: ErrorKind) {
        let counter = match kind {
            ErrorKind::Refused => &mut self.refused,
            ErrorKind::Unreachable => &mut self.unreachable,
            ErrorKind::Identity => &mut self.identity,
            ErrorKind::Local | ErrorKind::Internal => &mut self.local,
        };
        *counter += 1;
    }
}

/// A channel on which one refresher publishes its status, and any number of tasks read it.
#[derive(Debug, Default)]
pub struct StatusChannel {
    status: watch::Sender<Arc<Status>>,
    requested: Notify,
    rejected: Mutex<Option<RejectedSession>>,
}

/// A session that AWS does not accept, although it has not expired.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RejectedSession {
    access_key_id: String,
}

impl RejectedSession {
    /// Returns whether it is `session`.
    pub fn is(&self, session: &Session) -> bool {
        self.access_key_id == session.credentials.access_key_id
    }
}

impl StatusChannel {
    /// Returns the last published status.
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status.borrow())
    }

    /// Replaces the status, and wakes every task that waits for a change.
    pub fn publish(&self, status: Status) {
        self.status.send_replace(Arc::new(status));
    }

    /// Completes at the next publication.
    pub async fn changed(&self) {
        // The sender is in `self`, so it is not dropped meanwhile.
        let _ = self.status.subscribe().changed().await;
    }

    /// Completes when the first refresh has ended, and returns its error if it failed.
    pub async fn first_refresh(&self) -> Result<(), Arc<ProviderError>> {
        let mut published = self.status.subscribe();
        let ended = |status: &Arc<Status>| status.refreshes != Refreshes::default();
        let status = published.wait_for(ended).await.map(|status| Arc::clone(&status));
        status.ok().and_then(|status| status.last_error.clone()).map_or(Ok(()), Err)
    }

    /// Completes when a task waits for a session: there is none, or AWS does not accept it.
    pub async fn requested(&self) {
        self.requested.notified().await;
    }

    /// Returns the status: at once if a session is valid, else after the next refresh, or after
    /// `timeout` at the latest. The refresher is told that a session is requested.
    pub async fn wait_for_session(
        &self,
        clock: &dyn Clock,
        timer: &dyn Timer,
        timeout: Duration,
    ) -> Arc<Status> {
        let status = self.status();
        if status.valid(ClockReading::of(clock)).is_some() {
            return status;
        }
        self.wait_for_refresh(timer, timeout).await
    }

    /// Returns the status: at once if its session is not `rejected`, which AWS does not accept, else after the
    /// next refresh, or after `timeout` at the latest. The refresher is told to replace that session. If it
    /// is too soon for that, the session of the status is still the same.
    pub async fn wait_for_other_session(
        &self,
        rejected: &Session,
        timer: &dyn Timer,
        timeout: Duration,
    ) -> Arc<Status> {
        let access_key_id = rejected.credentials.access_key_id.clone();
        let rejected = RejectedSession { access_key_id };
        let status = self.status();
        if status.session.as_ref().is_some_and(|(session, _)| !rejected.is(session)) {
            return status;
        }
        *self.rejected.lock().unwrap_or_else(PoisonError::into_inner) = Some(rejected);
        self.wait_for_refresh(timer, timeout).await
    }

    /// Returns what was last reported to be not accepted, once.
    pub fn take_rejected(&self) -> Option<RejectedSession> {
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Requests a session, and returns the status after the next refresh, or after `timeout` at the latest.
    async fn wait_for_refresh(&self, timer: &dyn Timer, timeout: Duration) -> Arc<Status> {
        let mut published = self.status.subscribe();
        let in_flight = published.borrow_and_update().in_flight;
        let ended = pin!(async {
            if !in_flight {
                self.requested.notify_one();
                // The refresher publishes also if it decides that no refresh is due yet.
                let _ = published.changed().await;
            }
            let _ = published.wait_for(|status| !status.in_flight).await;
        });
        select(ended, timer.sleep(timeout)).await;
        self.status()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::clock::ManualClock;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let limit = Duration::from_secs(30);
        runtime.block_on(async { tokio::time::timeout(limit, work).await }).unwrap()
    }

    #[test]
    fn publication_by_another_thread_is_not_missed() {
        let (channel, clock) = (StatusChannel::default(), ManualClock::default());
        let rounds = 2_000;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                block_on(async {
                    for _ in 0..rounds {
                        channel.requested().await;
                        channel.publish(Status::default());
                    }
                });
            });
            block_on(async {
                for _ in 0..rounds {
                    channel.wait_for_session(&clock, &clock, Duration::from_secs(86_400)).await;
                }
            });
        });
    }
}
