//! Keeps the session of a process that serves it current through the cache: each renewal does what a run
//! of `credential-process` does, so that processes that share a cache call AWS once.
//!
//! Unlike the refresher of a daemon, it is due when the cache says so, not at a random time before that:
//! the cache decides which process calls AWS, and remembers failures for all of them.

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
    /// Is told of the end of each attempt, and of the time until the next one may begin.
    pub attempted: &'a dyn Fn(&Result<Session, Error>, Duration),
}

/// The longest wait. A timer does not see that the machine slept, or that its clock was set.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// The time between the ends of two renewals if the first returned another session.
const AFTER_SUCCESS: Duration = Duration::from_secs(1);
/// The same if it returned the session that is known: another process is renewing it, or has failed to.
const AFTER_SAME: Duration = Duration::from_secs(5);
/// The same if it failed for the first time.
const AFTER_FIRST_FAILURE: Duration = Duration::from_secs(60);
/// The longest of these times if it keeps failing.
const MAX_AFTER_FAILURE: Duration = Duration::from_secs(900);
/// The longest time between two renewals while the session has expired and a client asks for it.
const AFTER_REQUEST: Duration = Duration::from_secs(5);

/// The session, and the last attempt to renew it.
#[derive(Clone, Debug)]
struct RenewalState {
    /// `None` until there is one.
    session: Option<Session>,
    /// When the next attempt may begin, by uptime.
    earliest: Duration,
    /// When it may begin if a client waits for it.
    earliest_if_requested: Duration,
    /// The number of attempts in a row that failed.
    failures: u32,
}

impl Renewal<'_> {
    /// Publishes `first`, if there is one already, and keeps it current with the sessions that `fetch`
    /// returns.
    pub async fn run(
        &self,
        first: Option<Session>,
        fetch: impl AsyncFn() -> Result<Session, Error>,
    ) -> Infallible {
        let mut state = RenewalState::new(first);
        let mut status = Status::default();
        self.publish(&mut status, |status, now| {
            status.session = state.session.as_ref().map(|session| as_received_now(session, now));
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
            let pause = state.attempted(&fetched, self.clock.uptime());
            (self.attempted)(&fetched, pause);
            self.publish(&mut status, |status, now| {
                status.in_flight = false;
                match &fetched {
                    Ok(session) => {
                        status.refreshes.succeeded += 1;
                        let (session, now) = as_received_now(session, now);
                        status.succeeded(session, now);
                    }
                    Err(error) => {
                        // Whatever it was: these counts have no reader, as `exec` serves no metrics.
                        status.refreshes.local += 1;
                        status.failed(error.provider_error().cloned());
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
    fn new(session: Option<Session>) -> Self {
        let earliest = Duration::ZERO;
        Self { session, earliest, earliest_if_requested: earliest, failures: 0 }
    }

    /// Returns how long to wait until the next attempt; zero if it is to begin now.
    fn wait(&self, now: ClockReading, is_requested: bool) -> Duration {
        let earliest = if is_requested { self.earliest_if_requested } else { self.earliest };
        let due = self.session.as_ref();
        let due = due.map_or(Duration::ZERO, |session| policy::until_due(session, now.wall));
        due.max(earliest.saturating_sub(now.uptime))
    }

    /// Records an attempt that ended at `uptime`, and returns the time until the next one.
    fn attempted(&mut self, fetched: &Result<Session, Error>, uptime: Duration) -> Duration {
        let pause = match fetched {
            Ok(session) => {
                let is_same = self.session.as_ref().is_some_and(|known| is_same(known, session));
                self.failures = 0;
                self.session = Some(session.clone());
                if is_same { AFTER_SAME } else { AFTER_SUCCESS }
            }
            Err(_) => {
                let pause = AFTER_FIRST_FAILURE.saturating_mul(1 << self.failures.min(8));
                let pause = pause.min(MAX_AFTER_FAILURE);
                self.failures += 1;
                pause
            }
        };
        self.earliest = uptime + pause;
        self.earliest_if_requested = uptime + pause.min(AFTER_REQUEST);
        pause
    }
}

fn is_same(one: &Session, other: &Session) -> bool {
    one.credentials.access_key_id == other.credentials.access_key_id
}

/// Returns a session as if it was received now, with the rest of its lifetime. The uptime counts from the
/// start of this process, so it cannot tell how old a session of another process is.
fn as_received_now(session: &Session, now: ClockReading) -> (Arc<Session>, ClockReading) {
    let lifetime_seconds = session.seconds_left(now.wall);
    (Arc::new(Session { received: now.wall, lifetime_seconds, ..session.clone() }), now)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use futures_util::FutureExt as _;
    use futures_util::future::pending;

    use super::*;
    use crate::output::run::RunError;
    use crate::session_cache::entry::tests::session;
    use roles_anywhere_client::provider::ErrorKind;
    use roles_anywhere_test_support::clock::ManualClock;

    /// What an attempt to renew a session returns.
    #[derive(Clone, Copy)]
    enum Attempt {
        /// A session with this lifetime.
        New(i64),
        /// The session that is known.
        Same,
        Failure,
    }
    use Attempt::{Failure, New, Same};

    fn failure() -> Error {
        let (kind, reason, hints) = (ErrorKind::Unreachable, "no".to_owned(), Vec::new());
        RunError::InAnotherProcess { kind, reason, hints }.into()
    }

    /// Renews a session of an hour until the attempts are used up; returns when each began, in seconds,
    /// and the channel.
    fn begins(attempts: &[Attempt]) -> (Vec<u64>, StatusChannel, ManualClock) {
        let (begins, channel, clock, _) = run(attempts);
        (begins, channel, clock)
    }

    /// As [`begins`], with whether each attempt has failed and the pause after it, in seconds.
    fn run(attempts: &[Attempt]) -> (Vec<u64>, StatusChannel, ManualClock, Vec<(bool, u64)>) {
        let told = RefCell::new(Vec::new());
        let attempted = |fetched: &Result<Session, Error>, pause: Duration| {
            told.borrow_mut().push((fetched.is_err(), pause.as_secs()));
        };
        let (clock, channel) = (ManualClock::default(), StatusChannel::default());
        clock.pass_sleeps(LONGEST_WAIT);
        let begins = RefCell::new(Vec::new());
        let known = RefCell::new(session(3_600));
        let attempts = RefCell::new(attempts.iter().copied().collect::<VecDeque<_>>());
        let fetch = async || {
            let Some(attempt) = attempts.borrow_mut().pop_front() else { return pending().await };
            begins.borrow_mut().push(clock.uptime().as_secs());
            match attempt {
                New(lifetime_seconds) => {
                    let mut session = session(lifetime_seconds);
                    session.received = clock.now();
                    session.credentials.access_key_id = format!("ASIA{}", begins.borrow().len());
                    *known.borrow_mut() = session;
                }
                Same => {}
                Failure => return Err(failure()),
            }
            Ok(known.borrow().clone())
        };
        let renewal =
            Renewal { channel: &channel, clock: &clock, timer: &clock, attempted: &attempted };
        assert!(renewal.run(Some(session(3_600)), fetch).now_or_never().is_none());
        (begins.into_inner(), channel, clock, told.into_inner())
    }

    #[test]
    fn a_session_is_renewed_when_the_cache_says_that_it_is_due() {
        let (begins, channel, clock) = begins(&[New(3_600), New(900), New(3_600)]);
        assert_eq!(begins, [2_400, 4_800, 5_250]);
        let status = channel.status();
        let key = &status.valid(ClockReading::of(&clock)).unwrap().credentials.access_key_id;
        assert_eq!((key.as_str(), status.refreshes.succeeded), ("ASIA3", 3));
    }

    #[test]
    fn a_renewal_by_another_process_is_looked_for_soon() {
        let (begins, ..) = begins(&[Same, Same, New(3_600), New(3_600)]);
        assert_eq!(begins, [2_400, 2_405, 2_410, 4_810]);
    }

    #[test]
    fn the_end_of_each_attempt_is_told() {
        let (.., told) = run(&[Failure, Failure, New(3_600), Same]);
        assert_eq!(told, [(true, 60), (true, 120), (false, 1), (false, 5)]);
    }

    #[test]
    fn failures_are_followed_by_longer_pauses() {
        let failures = [Failure; 7];
        let (begins, channel, clock) = begins(&failures);
        assert_eq!(begins, [2_400, 2_460, 2_580, 2_820, 3_300, 4_200, 5_100]);
        assert!(channel.status().valid(ClockReading::of(&clock)).is_none());
    }

    #[test]
    fn a_session_that_ends_at_once_is_renewed_once_a_second() {
        let (begins, ..) = begins(&[New(1), New(1), New(1)]);
        assert_eq!(begins, [2_400, 2_401, 2_402]);
    }

    #[test]
    fn a_client_that_waits_ends_a_long_pause() {
        let clock = ManualClock::default();
        let mut state = RenewalState::new(Some(session(3_600)));
        clock.advance(Duration::from_secs(3_600));
        for _ in 0..5 {
            state.attempted(&Err(failure()), clock.uptime());
        }
        let wait = |is_requested| state.wait(ClockReading::of(&clock), is_requested).as_secs();
        assert_eq!((wait(false), wait(true)), (900, 5));
    }

    #[test]
    fn the_age_of_the_first_session_counts() {
        let (clock, channel) = (ManualClock::default(), StatusChannel::default());
        let first = session(3_600);
        clock.set_wall(first.received.after(3_000));
        let attempted = &|_: &_, _| {};
        let renewal = Renewal { channel: &channel, clock: &clock, timer: &clock, attempted };
        assert!(renewal.run(Some(first), async || pending().await).now_or_never().is_none());
        assert_eq!(channel.status().seconds_left(ClockReading::of(&clock)), 600);
        assert!(channel.status().in_flight);
    }
}
