//! How long values are served, and how many are kept.

use std::time::Duration;

/// How long values are served, and how many are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CachePolicy {
    /// The time after which AWS has to confirm a value; with 0, each read makes a call.
    pub ttl: Duration,
    /// For how long after the TTL a value is served while AWS cannot be reached; with 0, it is not.
    pub max_stale: Duration,
    /// The most entries with a value.
    pub max_entries: usize,
    /// The most bytes of all values, rendered.
    pub max_bytes: usize,
}

impl Default for CachePolicy {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(300),
            max_stale: Duration::from_hours(24),
            max_entries: 1_000,
            max_bytes: 64 << 20,
        }
    }
}

impl CachePolicy {
    /// Returns how long a value is confirmed by `DescribeSecret` only.
    pub(super) fn longest_without_get(&self) -> Duration {
        self.ttl.max(LONGEST_WITHOUT_GET)
    }
}

/// The longest time that a reader waits: `asm-exec` gives up after 5 s.
pub const READER_LIMIT: Duration = Duration::from_secs(4);

/// The time limit of a call, with its retries. It may outlast its readers, and then fills the entry.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(10);

/// How long a failure is the answer to further reads of a value that the cache does not have.
pub(super) const FAILURE_TTL: Duration = Duration::from_secs(5);

/// The least time between two calls for one entry that `refreshNow` asks for.
pub(super) const REFRESH_INTERVAL: Duration = Duration::from_secs(2);

/// How long an outage is known after the last call that failed: readers of older values do not wait.
pub(super) const OUTAGE_KNOWN_FOR: Duration = Duration::from_secs(30);

/// The time between two calls that try whether an outage has ended.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// How many calls a service has at a time while an outage of it persists: further readers are told of it.
pub(super) const PROBES_AT_ONCE: usize = 2;

/// From when on an outage persists that no call ended: one failure may be of one connection only.
pub(super) const OUTAGE_PERSISTS_AFTER: Duration = Duration::from_secs(1);

/// How long a value is confirmed by `DescribeSecret` only, if the TTL is not longer. Then `GetSecretValue` also
/// tells whether the role may still read and decrypt it.
const LONGEST_WITHOUT_GET: Duration = Duration::from_mins(5);

/// How long an operation is not called again after AWS has denied it to the role.
pub(super) const DENIED_FOR: Duration = Duration::from_hours(1);
