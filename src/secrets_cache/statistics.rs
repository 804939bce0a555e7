//! What the cache counts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::offline::OfflineStatistics;
use super::read::{OutageReason, ReadFailure, ReadSource, ServedValue};
use super::upstream::UpstreamFailure;
use roles_anywhere_client::aws::json_protocol::JsonOperation;

/// What the cache has counted since the start, and what it holds now.
#[derive(Clone, Debug, Default)]
pub struct CacheStatistics {
    /// The entries with a value.
    pub entries: usize,
    /// The bytes of their values, rendered once.
    pub bytes: usize,
    /// The entries whose TTL has passed.
    pub expired_entries: usize,
    /// The longest time since the TTL of a value has passed that was read within the last two TTLs.
    pub longest_past_ttl: Duration,
    /// The time to the next rotation of a secret that was checked within the TTL, in seconds; negative if
    /// it is late.
    pub seconds_to_next_rotation: Option<i64>,
    /// The copies on disk; `None` if none are kept.
    pub offline: Option<OfflineStatistics>,
    /// The reads by result: the name of a [`ReadSource`] or of a [`ReadFailure`].
    pub reads: BTreeMap<&'static str, u64>,
    /// The calls by operation and result: `ok`, `refused` or the name of an [`OutageReason`].
    pub calls: BTreeMap<(&'static str, &'static str), u64>,
}

impl CacheStatistics {
    /// Counts a read.
    pub(super) fn count_read(&mut self, result: Result<&ServedValue, &ReadFailure>) {
        let name = result.map_or_else(ReadFailure::name, |served| ReadSource::name(served.source));
        *self.reads.entry(name).or_default() += 1;
    }

    /// Counts a call.
    pub(super) fn count_call<T>(
        &mut self,
        operation: JsonOperation,
        result: &Result<T, UpstreamFailure>,
    ) {
        let name = match result {
            Ok(_) => "ok",
            Err(UpstreamFailure::Refused(_) | UpstreamFailure::NoVersion(_)) => "refused",
            Err(UpstreamFailure::Outage(reason, _)) => OutageReason::name(*reason),
        };
        *self.calls.entry((operation.name(), name)).or_default() += 1;
    }
}
