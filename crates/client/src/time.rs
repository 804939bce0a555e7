//! Timestamps in the formats of AWS, and the ports for clocks and timers.

use futures_util::future::BoxFuture;
use std::fmt;
use std::time::{Duration, SystemTime};

use ::time::format_description::well_known::{Rfc2822, Rfc3339};
use ::time::macros::format_description;
use ::time::{OffsetDateTime, UtcDateTime};
use serde::{Deserialize, Serialize};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Reads the wall clock.
    fn now(&self) -> Timestamp;

    /// Returns how long this process has been running, by a clock that cannot be set. If the system
    /// counts it (Linux), the sleep of the machine is included.
    fn uptime(&self) -> Duration;

    /// Returns whether [`Clock::uptime`] also runs while the machine sleeps.
    fn counts_sleep(&self) -> bool {
        false
    }

    /// Returns how long this machine has been running; `None` if unknown.
    fn running(&self) -> Option<Running> {
        None
    }
}

/// How long a machine has been running since it was started, its sleep included.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Running {
    /// Which start of which machine this is.
    pub boot_id: String,
    /// The seconds since then.
    pub seconds: i64,
}

impl Running {
    /// Returns the seconds since `earlier`; `None` if that was before the last start.
    pub fn seconds_since(&self, earlier: &Self) -> Option<i64> {
        let is_same = self.boot_id == earlier.boot_id;
        is_same.then(|| self.seconds.saturating_sub(earlier.seconds))
    }
}

/// Waits.
pub trait Timer: Send + Sync {
    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
}

/// The time by which a whole command must end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Deadline {
    /// By [`Clock::uptime`].
    at: Duration,
    /// The time limit from the start, for messages.
    limit: Duration,
}

impl Deadline {
    /// Returns a deadline `limit` after `uptime`.
    pub fn new(uptime: Duration, limit: Duration) -> Self {
        Self { at: uptime.saturating_add(limit), limit }
    }

    /// Returns the time limit from the start.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Returns the remaining time at `uptime`.
    pub fn remaining(&self, uptime: Duration) -> Duration {
        self.at.saturating_sub(uptime)
    }
}

/// Whole seconds since the Unix epoch, UTC, between the years 0 and 9999.
///
/// Pure code takes a `Timestamp` as an argument; it never reads a clock.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

impl Timestamp {
    const FIRST: i64 = -62_167_219_200;
    const LAST: i64 = 253_402_300_799;

    /// Takes a count of seconds since the Unix epoch; what lies beyond the year 9999 becomes its
    /// last second.
    pub const fn from_unix(seconds: i64) -> Self {
        if seconds < Self::FIRST {
            Self(Self::FIRST)
        } else if seconds > Self::LAST {
            Self(Self::LAST)
        } else {
            Self(seconds)
        }
    }

    /// Reads an RFC 3339 instant, as `Expiration` is written; fractions of a second are dropped.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let instant = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        Some(Self::from_unix(instant.unix_timestamp()))
    }

    /// Reads the value of an HTTP `Date` or `Retry-After` header (RFC 9110, 5.6.7).
    pub fn from_http_date(text: &str) -> Option<Self> {
        let instant = OffsetDateTime::parse(text.trim(), &Rfc2822).ok()?;
        Some(Self::from_unix(instant.unix_timestamp()))
    }

    /// Returns the count of seconds since the Unix epoch.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// Returns the instant `seconds` after `self`, or before it if they are negative.
    pub const fn after(self, seconds: i64) -> Self {
        Self::from_unix(self.0.saturating_add(seconds))
    }

    /// Returns the seconds from `self` until `later`; negative once `later` has passed.
    pub const fn seconds_until(self, later: Self) -> i64 {
        later.0 - self.0
    }

    /// Returns the instant `duration` after `self`; parts of a second are dropped.
    pub fn plus(self, duration: Duration) -> Self {
        self.after(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX))
    }

    /// Returns the time from `self` until `later`; zero once `later` has passed.
    pub fn duration_until(self, later: Self) -> Duration {
        Duration::from_secs(u64::try_from(self.seconds_until(later)).unwrap_or(0))
    }

    /// Renders `20150830`, the date part of a credential scope.
    pub fn date(self) -> String {
        let format = format_description!("[year][month][day]");
        self.utc().format(format).expect("a date of four-digit year formats")
    }

    /// Renders `20150830T123600Z`, the form of `x-amz-date`.
    pub fn amz_date(self) -> String {
        let format = format_description!("[year][month][day]T[hour][minute][second]Z");
        self.utc().format(format).expect("a date of four-digit year formats")
    }

    /// Returns the same instant as a `SystemTime`; earlier times become the Unix epoch.
    pub fn system_time(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(self.0).unwrap_or(0))
    }

    fn utc(self) -> UtcDateTime {
        UtcDateTime::from_unix_timestamp(self.0).expect("the constructor keeps the year in range")
    }
}

/// Renders `2015-08-30T12:36:00Z`, which every AWS SDK reads.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        f.write_str(&self.utc().format(format).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_the_instant_of_the_aws_test_suite() {
        let suite = Timestamp::from_unix(1_440_938_160);
        assert_eq!(suite.amz_date(), "20150830T123600Z");
        assert_eq!(suite.date(), "20150830");
        assert_eq!(suite.to_string(), "2015-08-30T12:36:00Z");
    }

    #[test]
    fn reads_what_aws_sends() {
        let suite = Some(Timestamp::from_unix(1_440_938_160));
        assert_eq!(Timestamp::from_rfc3339("2015-08-30T12:36:00Z"), suite);
        assert_eq!(Timestamp::from_rfc3339("2015-08-30T14:36:00.750+02:00"), suite);
        assert_eq!(Timestamp::from_http_date("Sun, 30 Aug 2015 12:36:00 GMT"), suite);
        assert_eq!(Timestamp::from_rfc3339("tomorrow"), None);
        assert_eq!(Timestamp::from_http_date("120"), None);
    }

    #[test]
    fn durations_and_instants_are_converted() {
        let suite = Timestamp::from_unix(1_440_938_160);
        let later = suite.plus(Duration::from_millis(90_999));
        assert_eq!(suite.seconds_until(later), 90);
        assert_eq!(suite.duration_until(later), Duration::from_secs(90));
        assert_eq!(later.duration_until(suite), Duration::ZERO);
        assert_eq!(suite.plus(Duration::MAX).to_string(), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn survives_any_count_of_seconds() {
        assert_eq!(Timestamp::from_unix(i64::MAX).to_string(), "9999-12-31T23:59:59Z");
        assert_eq!(Timestamp::from_unix(i64::MIN).to_string(), "0000-01-01T00:00:00Z");
    }
}
