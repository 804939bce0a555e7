//! The cache of secrets and parameters of `serve`: when AWS is called, and what is served meanwhile.
//!
//! Pure: clock, timer and random numbers are ports, and AWS is an [`Upstream`]. One thread.

mod background;
mod call;
mod decision;
mod entries;
mod entry;
pub mod failure;
mod key;
mod listing;
mod offline;
mod outage;
mod outcome;
mod policy;
mod prefetch;
mod queue;
mod read;
mod reading;
mod refusal;
mod rotation;
mod snapshot;
mod statistics;
mod upstream;
mod value;
mod waiting;

pub use offline::{OfflineCopies, OfflineCopy, OfflineStatistics};
pub use policy::{CachePolicy, READER_LIMIT};
pub use prefetch::{Prefetch, PrefetchFailure, PrefetchItems, ReportPrefetchFailure};
pub use read::{
    OutageReason, ReadFailure, ReadItem, ReadRequest, ReadSource, RequestedFreshness, ServedValue,
    StaleReason,
};
pub use refusal::RefusedPart;
pub use statistics::CacheStatistics;
pub use upstream::{CallResult, CallScope, ReadingRole, SessionState, Upstream, UpstreamFailure};
pub use value::{BodyFormat, CachedValue, FetchedValue};

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tokio::sync::Notify;

use entries::EntryTable;
use listing::NextLists;
use outage::KnownOutages;
use queue::CallQueue;
use refusal::LateRefusals;
use roles_anywhere_client::ports::Ports;

/// Reads of the cache, as the endpoints see it.
pub trait ReadSecrets {
    /// Returns a value: at once, or after a call that ends by the deadline.
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

    /// Returns values that belong together: one version of each secret for each role, and `AWSPREVIOUS` that was the
    /// version before `AWSCURRENT` at the same time.
    fn read_snapshot<'a>(
        &'a self,
        requests: &'a [ReadRequest],
    ) -> LocalBoxFuture<'a, Vec<Result<ServedValue, ReadFailure>>>;

    /// Returns what the cache has counted.
    fn statistics(&self) -> CacheStatistics;
}

/// The cache. Its calls are made by [`SecretsCache::keep_fresh`], which has to run beside its readers: a
/// reader that gives up ends no call.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct SecretsCache {
    upstream: Rc<dyn Upstream>,
    ports: Ports,
    policy: Cell<CachePolicy>,
    prefetch: RefCell<Vec<Prefetch>>,
    /// Wakes what reads the prefetch.
    prefetch_changed: Notify,
    entries: RefCell<EntryTable>,
    outages: RefCell<KnownOutages>,
    late_refusals: RefCell<LateRefusals>,
    queue: RefCell<CallQueue>,
    /// Wakes what makes the calls.
    queued: Notify,
    next_lists: RefCell<NextLists>,
    copies: RefCell<Option<Rc<dyn OfflineCopies>>>,
    statistics: RefCell<CacheStatistics>,
    /// The number of the last event; the later one has the higher number.
    last_number: Cell<u64>,
}

impl SecretsCache {
    /// Returns an empty cache.
    pub fn new(
        upstream: Rc<dyn Upstream>,
        ports: Ports,
        policy: CachePolicy,
        prefetch: Vec<Prefetch>,
    ) -> Self {
        Self {
            upstream,
            ports,
            policy: Cell::new(policy),
            prefetch: RefCell::new(prefetch),
            prefetch_changed: Notify::new(),
            entries: RefCell::default(),
            outages: RefCell::default(),
            late_refusals: RefCell::default(),
            queue: RefCell::default(),
            queued: Notify::new(),
            next_lists: RefCell::default(),
            copies: RefCell::default(),
            statistics: RefCell::default(),
            last_number: Cell::default(),
        }
    }

    /// Goes on with another policy and another prefetch, which is read if it has changed.
    pub fn replace(&self, policy: CachePolicy, prefetch: Vec<Prefetch>) {
        self.policy.set(policy);
        self.shrink();
        if *self.prefetch.borrow() != prefetch {
            self.prefetch.replace(prefetch);
            self.prefetch_changed.notify_one();
        }
    }

    fn next_number(&self) -> u64 {
        self.last_number.set(self.last_number.get() + 1);
        self.last_number.get()
    }

    /// Returns when reads fail without a result.
    fn deadline<'a>(&self, requests: impl IntoIterator<Item = &'a ReadRequest>) -> Duration {
        let given = requests.into_iter().filter_map(|request| request.deadline).min();
        given.unwrap_or_else(|| self.ports.clock.uptime() + READER_LIMIT)
    }

    fn shrink(&self) {
        self.entries.borrow_mut().shrink(&self.policy.get());
    }

    fn count(&self, result: Result<&ServedValue, &ReadFailure>) {
        self.statistics.borrow_mut().count_read(result);
    }
}

impl ReadSecrets for SecretsCache {
    fn read<'a>(
        &'a self,
        request: &'a ReadRequest,
    ) -> LocalBoxFuture<'a, Result<ServedValue, ReadFailure>> {
        Box::pin(async move {
            let result = self.read_by(request, self.deadline([request])).await;
            self.count(result.as_ref());
            result
        })
    }

    fn read_now(&self, request: &ReadRequest) -> Option<ServedValue> {
        let served = self.read_if_fresh(request)?;
        self.count(Ok(&served));
        Some(served)
    }

    fn wait_for_change<'a>(
        &'a self,
        request: &'a ReadRequest,
        known_version: &'a str,
        limit: Duration,
    ) -> LocalBoxFuture<'a, Result<Option<ServedValue>, ReadFailure>> {
        Box::pin(async move {
            let result = self.read_other_version(request, known_version, limit).await;
            match &result {
                Ok(Some(served)) => self.count(Ok(served)),
                Ok(None) => {}
                Err(failure) => self.count(Err(failure)),
            }
            result
        })
    }

    fn read_snapshot<'a>(
        &'a self,
        requests: &'a [ReadRequest],
    ) -> LocalBoxFuture<'a, Vec<Result<ServedValue, ReadFailure>>> {
        Box::pin(async move {
            let results = self.read_together(requests).await;
            results.iter().for_each(|result| self.count(result.as_ref()));
            results
        })
    }

    fn statistics(&self) -> CacheStatistics {
        let (now, wall) = (self.ports.clock.uptime(), self.ports.clock.now());
        let mut statistics = self.statistics.borrow().clone();
        statistics.offline = self.offline_copies().map(|copies| copies.statistics());
        for entry in self.entries.borrow().all() {
            let state = entry.state.borrow();
            let Some(held) = &state.held else { continue };
            statistics.entries += 1;
            statistics.bytes += held.value.size();
            let age = held.age(now);
            if age >= self.policy.get().ttl {
                statistics.expired_entries += 1;
                if entry.was_read_within(2 * self.policy.get().ttl, now) {
                    let past_ttl = age.saturating_sub(self.policy.get().ttl);
                    statistics.longest_past_ttl = statistics.longest_past_ttl.max(past_ttl);
                }
                // A rotation since then would not be known.
                continue;
            }
            let next = state.rotation.map(|window| window.seconds_left(wall));
            let known = statistics.seconds_to_next_rotation;
            statistics.seconds_to_next_rotation = known.into_iter().chain(next).min();
        }
        statistics
    }
}

#[cfg(test)]
mod tests;
