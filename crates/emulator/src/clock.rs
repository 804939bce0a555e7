//! The emulator's clock: the machine's, moved by so many seconds.

use time::{Duration, OffsetDateTime};

use crate::os;

/// A clock that a test can move.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    advanced: i64,
}

/// The furthest that the clock goes either way: a hundred years, well inside every date format.
const FURTHEST: i64 = 100 * 366 * 86_400;

impl Clock {
    /// Returns the time that verification, expiry and the `Date` header go by.
    pub(crate) fn now(self) -> OffsetDateTime {
        os::now() + Duration::seconds(self.advanced)
    }

    /// Moves the clock on, or back by a negative number; at most a hundred years in all.
    pub(crate) fn advance(&mut self, seconds: i64) {
        self.advanced = self.advanced.saturating_add(seconds).clamp(-FURTHEST, FURTHEST);
    }

    /// Returns by how many seconds the clock is ahead of the machine's.
    pub(crate) fn advanced(self) -> i64 {
        self.advanced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advances_and_stops_at_a_hundred_years() {
        let mut clock = Clock::default();
        clock.advance(-3600);
        assert_eq!(clock.advanced(), -3600);
        assert!(os::now() - clock.now() >= Duration::minutes(59));
        clock.advance(i64::MAX);
        assert_eq!(clock.advanced(), FURTHEST);
    }
}
