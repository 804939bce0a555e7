//! How old a copy is, and whether it may be served: a pure function of the times.

use std::time::Duration;

use roles_anywhere_client::time::Timestamp;

/// By how much the clock may have been set back since a copy was stored. A machine without a battery-backed
/// clock starts with the time of its last shutdown, and has no network to correct it when a copy is needed.
pub const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// Why a copy is not served.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CopyNotServed {
    /// AWS confirmed it too long ago.
    #[error("AWS last confirmed it longer ago than `max-age`")]
    TooOld,
    /// It was confirmed at a time in the future.
    #[error("its time is in the future: the clock was set back")]
    InFuture,
}

/// Returns the time since AWS confirmed a copy, of at most `max_age`, by the wall clock.
pub fn age(
    confirmed: Timestamp,
    now: Timestamp,
    max_age: Duration,
) -> Result<Duration, CopyNotServed> {
    let age = confirmed.duration_until(now);
    if now.duration_until(confirmed) > CLOCK_TOLERANCE {
        Err(CopyNotServed::InFuture)
    } else if age > max_age {
        Err(CopyNotServed::TooOld)
    } else {
        Ok(age)
    }
}

/// Returns whether a copy is written again for nothing but a later time: an older time in it makes it end
/// earlier, and each write is one of a disk.
pub fn is_time_worth_a_write(stored: Timestamp, confirmed: Timestamp, max_age: Duration) -> bool {
    // The clock may have been set back.
    confirmed < stored || stored.duration_until(confirmed) >= max_age / 20
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + seconds)
    }

    #[test]
    fn a_copy_is_served_until_it_is_too_old() {
        let rows = [
            (0, Ok(0)),
            (60, Ok(60)),
            (3_600, Ok(3_600)),
            (3_601, Err(CopyNotServed::TooOld)),
            (-1, Ok(0)),
            (-300, Ok(0)),
            (-301, Err(CopyNotServed::InFuture)),
            (-100_000, Err(CopyNotServed::InFuture)),
        ];
        for (now, expected) in rows {
            assert_eq!(age(at(0), at(now), HOUR), expected.map(Duration::from_secs), "{now}");
        }
    }

    #[test]
    fn a_later_time_is_written_seldom() {
        let rows = [(0, false), (179, false), (180, true), (-1, true)];
        for (confirmed, expected) in rows {
            assert_eq!(is_time_worth_a_write(at(0), at(confirmed), HOUR), expected, "{confirmed}");
        }
    }
}
