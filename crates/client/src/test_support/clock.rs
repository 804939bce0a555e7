//! A clock that moves only when a test moves it.

use futures_util::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::time::{Clock, Timer, Timestamp};

/// The clocks of one machine, and the timer that goes by them. Copies share their time.
///
/// A sleep lasts until the clock was moved to its end ([`ManualClock::advance`],
/// [`ManualClock::advance_to_next_wake`]); each movement wakes its task. A short one can move the clock
/// by itself instead, see [`ManualClock::pass_sleeps`].
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// What the wall clock showed when the machine's uptime was zero.
    wall_at_start: i64,
    uptime: Duration,
    counts_sleep: bool,
    /// The longest sleep that moves the clock by itself.
    passing: Option<Duration>,
    /// When sleeps end that have begun, dropped ones included.
    wakes: BTreeSet<Duration>,
    /// The tasks that sleep.
    sleepers: Vec<Waker>,
}

/// 12:36 on 30 August 2015, the instant of AWS's test suite for signatures.
pub const START: Timestamp = Timestamp::from_unix(1_440_938_160);

impl Default for ManualClock {
    fn default() -> Self {
        Self::at(START)
    }
}

impl ManualClock {
    /// Returns a clock that shows `wall`, of a machine that was just started.
    pub fn at(wall: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(State {
            wall_at_start: wall.unix(),
            uptime: Duration::ZERO,
            counts_sleep: false,
            passing: None,
            wakes: BTreeSet::new(),
            sleepers: Vec::new(),
        })))
    }

    /// Makes each sleep of at most `longest` move the clock to its end as soon as it is polled.
    pub fn pass_sleeps(&self, longest: Duration) {
        self.state().passing = Some(longest);
    }

    /// Sets whether the clock that is never set counts while the machine sleeps.
    pub fn set_counts_sleep(&self, counts_sleep: bool) {
        self.state().counts_sleep = counts_sleep;
    }

    /// Lets so much time pass.
    pub fn advance(&self, time: Duration) {
        self.state().advance(time);
    }

    /// Lets time pass until the first of the sleeps ends; does nothing if there is none.
    pub fn advance_to_next_wake(&self) {
        let mut state = self.state();
        if let Some(end) = state.wakes.pop_first() {
            let time = end.saturating_sub(state.uptime);
            state.advance(time);
        }
    }

    /// Sets the wall clock.
    pub fn set_wall(&self, wall: Timestamp) {
        let mut state = self.state();
        state.wall_at_start = wall.unix() - state.seconds();
    }

    /// Sets the uptime, which on a real machine only grows, and leaves the wall clock as it is.
    pub fn set_uptime(&self, uptime: Duration) {
        let mut state = self.state();
        let wall = state.wall_at_start + state.seconds();
        state.uptime = uptime;
        state.wall_at_start = wall - state.seconds();
        state.wake();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn seconds(&self) -> i64 {
        self.uptime.as_secs().try_into().unwrap()
    }

    fn advance(&mut self, time: Duration) {
        self.uptime += time;
        self.wakes = self.wakes.split_off(&(self.uptime + Duration::from_nanos(1)));
        self.wake();
    }

    fn wake(&mut self) {
        self.sleepers.drain(..).for_each(Waker::wake);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let state = self.state();
        Timestamp::from_unix(state.wall_at_start + state.seconds())
    }

    fn uptime(&self) -> Duration {
        self.state().uptime
    }

    fn counts_sleep(&self) -> bool {
        self.state().counts_sleep
    }
}

impl Timer for ManualClock {
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        let end = self.uptime() + duration;
        Box::pin(std::future::poll_fn(move |context| {
            let mut state = self.state();
            if state.passing.is_some_and(|longest| duration <= longest) {
                let time = end.saturating_sub(state.uptime);
                state.advance(time);
            }
            if state.uptime >= end {
                return Poll::Ready(());
            }
            state.wakes.insert(end);
            if !state.sleepers.iter().any(|known| known.will_wake(context.waker())) {
                state.sleepers.push(context.waker().clone());
            }
            Poll::Pending
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    fn is_over(sleep: &mut BoxFuture<'_, ()>) -> bool {
        sleep.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn a_sleep_lasts_until_the_clock_was_moved_to_its_end() {
        let clock = ManualClock::default();
        let mut sleep = clock.sleep(Duration::from_secs(2));
        assert!(!is_over(&mut sleep));
        clock.advance(Duration::from_millis(1_999));
        assert!(!is_over(&mut sleep));
        clock.advance(Duration::from_millis(1));
        assert!(is_over(&mut sleep));
        assert_eq!(clock.now(), START.after(2));
    }

    #[test]
    fn wakes_sleepers_in_the_order_of_their_ends() {
        let clock = ManualClock::default();
        let mut long = clock.sleep(Duration::from_secs(3));
        let mut short = clock.sleep(Duration::from_secs(1));
        assert!(!is_over(&mut long) && !is_over(&mut short));
        clock.advance_to_next_wake();
        assert!(!is_over(&mut long) && is_over(&mut short));
        clock.advance_to_next_wake();
        assert!(is_over(&mut long));
        clock.advance_to_next_wake();
        assert_eq!(clock.uptime(), Duration::from_secs(3));
    }

    #[test]
    fn only_short_sleeps_move_the_clock() {
        let clock = ManualClock::default();
        clock.pass_sleeps(Duration::from_secs(2));
        assert!(is_over(&mut clock.sleep(Duration::from_secs(2))));
        assert!(!is_over(&mut clock.sleep(Duration::from_secs(3))));
        assert_eq!(clock.uptime(), Duration::from_secs(2));
    }

    #[test]
    fn sets_each_clock_without_the_other() {
        let clock = ManualClock::default();
        clock.set_uptime(Duration::from_secs(5));
        assert_eq!((clock.now(), clock.uptime().as_secs()), (START, 5));
        clock.set_wall(START.after(-7));
        assert_eq!((clock.now(), clock.uptime().as_secs()), (START.after(-7), 5));
        clock.advance(Duration::from_secs(1));
        assert_eq!((clock.now(), clock.uptime().as_secs()), (START.after(-6), 6));
    }
}
