//! A reading of both clocks of this machine.

use std::time::Duration;

use crate::time::{Clock, Timestamp};

/// A reading of both clocks of this machine: the wall clock, which can be set, and the uptime, which
/// only counts up.
///
/// Both are needed: setting the wall clock would end or extend a session, and on some systems the
/// uptime stops while the machine sleeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClockReading {
    /// The wall clock, which also runs while the machine sleeps.
    pub wall: Timestamp,
    /// The uptime, see [`Clock::uptime`].
    pub uptime: Duration,
    /// Whether `uptime` also runs while the machine sleeps, as Linux's `CLOCK_BOOTTIME` does.
    pub counts_sleep: bool,
}

impl ClockReading {
    /// Reads both clocks.
    pub fn of(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), uptime: clock.uptime(), counts_sleep: clock.counts_sleep() }
    }

    /// Returns the seconds since `earlier`, by the clock that shows more.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        earlier.wall.seconds_until(self.wall).max(self.uptime_since(earlier))
    }

    /// Returns the least number of seconds that can have passed since `earlier`: if the uptime counts
    /// sleep, a wall clock that shows more may have been set.
    pub fn least_seconds_since(self, earlier: Self) -> i64 {
        if self.counts_sleep { self.uptime_since(earlier) } else { self.seconds_since(earlier) }
    }

    fn uptime_since(self, earlier: Self) -> i64 {
        let awake = self.uptime.saturating_sub(earlier.uptime);
        // Rounded up, so that no session is used after its expiry.
        let awake = awake.as_secs() + u64::from(awake.subsec_nanos() > 0);
        i64::try_from(awake).unwrap_or(i64::MAX)
    }
}
