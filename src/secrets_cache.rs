//! The cache of secrets and parameters of `serve`: when AWS is called, and what is served meanwhile.
//!
//! Pure: clock, timer and random numbers are ports, and AWS is an [`Upstream`]. One thread.

mod policy;
mod prefetch;
mod read;
mod statistics;
mod upstream;
mod value;

pub use policy::{CachePolicy, READER_LIMIT};
pub use prefetch::{Prefetch, PrefetchItems};
pub use read::{
    OutageReason, ReadFailure, ReadItem, ReadRequest, ReadSource, RequestedFreshness, ServedValue,
    StaleReason,
};
pub use statistics::CacheStatistics;
pub use upstream::{CallResult, CallScope, ReadingRole, SessionState, Upstream, UpstreamFailure};
pub use value::{BodyFormat, CachedValue, FetchedValue};

use std::time::Duration;

use futures_util::future::LocalBoxFuture;

/// Reads of the cache, as the endpoints see it.
pub trait ReadSecrets {
    /// Returns a value: at once, or after a call of at most [`READER_LIMIT`].
    fn read<'a>(
        &'a self,
        request: &'a ReadRequest,
    ) -> LocalBoxFuture<'a, Result<ServedValue, ReadFailure>>;

    /// Returns a value that is served at once: within the TTL, for a [`RequestedFreshness::Cached`] read.
    /// `None` if [`ReadSecrets::read`] has to decide. It costs less than that.
    fn read_now(&self, request: &ReadRequest) -> Option<ServedValue>;

    /// Returns a value whose version is not `known_version`, as soon as there is one, or `None` after
    /// `limit`.
    fn wait_for_change<'a>(
        &'a self,
        request: &'a ReadRequest,
        known_version: &'a str,
        limit: Duration,
    ) -> LocalBoxFuture<'a, Result<Option<ServedValue>, ReadFailure>>;

    /// Returns values that belong together: one version of each secret, and `AWSPREVIOUS` that was the
    /// version before `AWSCURRENT` at the same time.
    fn read_snapshot<'a>(
        &'a self,
        requests: &'a [ReadRequest],
    ) -> LocalBoxFuture<'a, Vec<Result<ServedValue, ReadFailure>>>;

    /// Returns what the cache has counted.
    fn statistics(&self) -> CacheStatistics;
}
