//! Keeps the session of a process that serves it current through the cache: each renewal does what a run
//! of `credential-process` does, so that processes that share a cache call AWS once.
//!
//! Unlike the refresher of a daemon, it is due when the cache says so, not at a random time before that.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::output::error::Error;
use crate::session_cache::policy;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::{Status, StatusChannel};
use roles_anywhere_client::time::{Clock, Timer};

/// Keeps a session current.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct Renewal<'a> {
    /// Where the session is published.
    pub channel: &'a StatusChannel,
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Waits.
    pub timer: &'a dyn Timer,
}

/// The longest wait. A timer does not see that the machine slept, or that its clock was set.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// The time between the ends of two renewals if the first returned another session.
const AFTER_SUCCESS: Duration = Duration::from_secs(1);
/// The same if it returned the session that is known: another process is renewing it, or has failed to.
const AFTER_SAME: Duration = Duration::from_secs(5);
/// The same if it failed for the first time, and the longest if it keeps failing.
const AFTER_FAILURE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(900));
/// The longest time between two renewals while the session has expired and a client asks for it.
const AFTER_REQUEST: Duration = Duration::from_secs(5);

/// The session, and the last attempt to renew it.
#[derive(Clone, Debug)]
struct RenewalState {
    session: Session,
    /// When the next attempt may begin, and when if a client waits, by uptime.
    earliest: (Duration, Duration),
    /// The number of attempts in a row that failed.
    failures: u32,
}

impl Renewal<'_> {
    /// Publishes `first`, and keeps it current with the sessions that `fetch` returns.
    pub async fn run(
        &self,
        first: Session,
        fetch: impl AsyncFn() -> Result<Session, Error>,
    ) -> Infallible {
        let mut state = RenewalState::new(first);
        let mut status = Status::default();
        self.publish(&mut status, |status, now| {
            status.session = Some(rebased(&state.session, now));
        });
        let mut is_requested = false;
        loop {
            let wait = state.wait(ClockReading::of(self.clock), is_requested);
            if !wait.is_zero() {
                if is_requested {
                    // The client need not wait any longer.
                    self.publish(&mut status, |_, _| {});
                }
                let request = pin!(self.channel.requested());
                let elapsed = self.timer.sleep(wait.min(LONGEST_WAIT));
                is_requested = matches!(select(request, elapsed).await, Either::Left(_));
                continue;
            }
            is_requested = false;
            self.publish(&mut status, |status, _| status.in_flight = true);
            let fetched = fetch().await;
            state.attempted(&fetched, self.clock.uptime());
            self.publish(&mut status, |status, now| {
                status.in_flight = false;
                match &fetched {
                    Ok(session) => {
                        status.refreshes.succeeded += 1;
                        status.last_error = None;
                        status.session = Some(rebased(session, now));
                    }
                    Err(error) => {
                        status.refreshes.local += 1;
                        status.last_error = error.provider_error().cloned();
                    }
                }
            });
        }
    }

    fn publish(&self, status: &mut Status, change: impl FnOnce(&mut Status, ClockReading)) {
        change(status, ClockReading::of(self.clock));
        self.channel.publish(status.clone());
    }
}

impl RenewalState {
    fn new(session: Session) -> Self {
        Self { session, earliest: (Duration::ZERO, Duration::ZERO), failures: 0 }
    }

    /// Returns how long to wait until the next attempt; zero if it is to begin now.
    fn wait(&self, now: ClockReading, is_requested: bool) -> Duration {
        let (earliest, if_requested) = self.earliest;
        let earliest = if is_requested { if_requested } else { earliest };
        let due = policy::until_due(&self.session, now.wall);
        due.max(earliest.saturating_sub(now.uptime))
    }

    /// Records an attempt that ended at `uptime`.
    fn attempted(&mut self, fetched: &Result<Session, Error>, uptime: Duration) {
        let pause = match fetched {
            Ok(session) => {
                let is_same = is_same(&self.session, session);
                self.failures = 0;
                self.session = session.clone();
                if is_same { AFTER_SAME } else { AFTER_SUCCESS }
            }
            Err(_) => {
                let (first, longest) = AFTER_FAILURE;
                let pause = first.saturating_mul(1 << self.failures.min(8)).min(longest);
                self.failures += 1;
                pause
            }
        };
        self.earliest = (uptime + pause, uptime + pause.min(AFTER_REQUEST));
    }
}

fn is_same(one: &Session, other: &Session) -> bool {
    one.credentials.access_key_id == other.credentials.access_key_id
}

/// Returns a session as if it was received now, with the rest of its lifetime. The uptime counts from the
/// start of this process, so it cannot tell how old a session of another process is.
fn rebased(session: &Session, now: ClockReading) -> (Arc<Session>, ClockReading) {
    let lifetime_seconds = session.seconds_left(now.wall);
    (Arc::new(Session { received: now.wall, lifetime_seconds, ..session.clone() }), now)
}
