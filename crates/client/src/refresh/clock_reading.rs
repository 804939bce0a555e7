//! A point in time by both clocks of this machine.

use std::time::Duration;

use crate::time::{Clock, Timestamp};

/// What both clocks of this machine say: the one that can be set, and the one that only counts up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// The wall clock; it goes on while the machine sleeps.
    pub wall: Timestamp,
    /// How long this process has been running; on some systems it stands still while they sleep.
    pub uptime: Duration,
    /// Whether `uptime` goes on while the machine sleeps.
    pub counts_sleep: bool,
}

impl Moment {
    /// Reads both clocks.
    pub fn of(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), uptime: clock.uptime(), counts_sleep: clock.counts_sleep() }
    }

    /// Returns the seconds since `earlier`, by whichever clock has gone further.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        earlier.wall.seconds_until(self.wall).max(self.uptime_since(earlier))
    }

    /// Returns the fewest seconds that may have passed since `earlier`: if the other clock
    /// counts sleep, a wall clock that has gone further may have been set.
    pub fn least_seconds_since(self, earlier: Self) -> i64 {
        if self.counts_sleep { self.uptime_since(earlier) } else { self.seconds_since(earlier) }
    }

    fn uptime_since(self, earlier: Self) -> i64 {
        let awake = self.uptime.saturating_sub(earlier.uptime);
        // A second that has begun counts.
        let awake = awake.as_secs() + u64::from(awake.subsec_nanos() > 0);
        i64::try_from(awake).unwrap_or(i64::MAX)
    }
}
