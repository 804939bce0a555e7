//! References whose values come from the cache of secrets.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{LocalBoxFuture, select, select_all};

use super::source::{FollowedValue, FollowedValues, ReferenceSource};
use crate::output::error::Error;
use crate::output::references::ResolveErrors;
use crate::secrets::lookup::{Lookup, LookupPlan};
use crate::secrets::reference::{NamedReference, Reference, ReferenceTarget};
use crate::secrets::value::{Resolved, of_fetched};
use crate::secrets_cache::{
    ReadFailure, ReadRequest, ReadSecrets, RequestedFreshness, ServedValue,
};
use roles_anywhere_client::time::Timer;

/// The longest time after which something is read again that could not be read.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// References whose values come from a cache.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct CachedReferences {
    references: Vec<NamedReference>,
    plan: LookupPlan,
    /// The read of each lookup of the plan.
    reads: Vec<ReadRequest>,
    cache: Rc<dyn ReadSecrets>,
    timer: Arc<dyn Timer>,
    /// The time after which something is read again that could not be read.
    pause: Duration,
}

/// What is known of something that is read.
#[derive(Clone, Copy, Debug)]
enum Known<'a> {
    /// Nothing: it was never read.
    Nothing,
    /// It does not exist.
    Missing,
    /// It has this version.
    Version(&'a str),
}

impl CachedReferences {
    /// Returns references, and `plan`, which is that of the same references. `ttl` is that of the cache.
    pub fn new(
        references: &[NamedReference],
        plan: LookupPlan,
        cache: Rc<dyn ReadSecrets>,
        ttl: Duration,
        timer: Arc<dyn Timer>,
    ) -> Self {
        let read = |lookup: &Lookup| ReadRequest {
            role: lookup.scope.role.as_deref().map(Into::into),
            region: Some(lookup.scope.region.clone()),
            item: lookup.item.clone().into_read(),
            freshness: RequestedFreshness::Cached,
            client: None,
            deadline: None,
        };
        let reads = plan.lookups().iter().map(read).collect();
        let pause = ttl.clamp(Duration::from_secs(1), LONGEST_PAUSE);
        Self { references: references.to_vec(), plan, reads, cache, timer, pause }
    }

    async fn snapshot(&self) -> Result<FollowedValues, Error> {
        let served = self.cache.read_snapshot(&self.reads).await;
        let mut values = Vec::with_capacity(self.references.len());
        let mut failures = ResolveErrors::of(self.references.len());
        for (index, named) in self.references.iter().enumerate() {
            match value(&named.reference, &served[self.plan.lookup_of(index)]) {
                Ok(value) => values.push(value),
                Err(error) => failures.add((index, named), error),
            }
        }
        if failures.is_empty() { Ok(FollowedValues { values }) } else { Err(failures.into()) }
    }

    /// Returns what is known of a lookup.
    fn known<'a>(&self, known: Option<&'a FollowedValues>, lookup: usize) -> Known<'a> {
        let Some(known) = known else { return Known::Nothing };
        let of_lookup = |index: &usize| self.plan.lookup_of(*index) == lookup;
        let index = (0..self.references.len()).find(of_lookup);
        match index.and_then(|index| known.values.get(index)) {
            Some(FollowedValue { version: Some(version), .. }) => Known::Version(version),
            Some(FollowedValue { version: None, .. }) => Known::Missing,
            None => Known::Nothing,
        }
    }

    /// Completes when a read may have another result than the known one, or after `limit`.
    async fn read_changes(&self, read: &ReadRequest, known: Known<'_>, limit: Duration) {
        let version = match known {
            Known::Version(version) => version,
            Known::Nothing | Known::Missing => "",
        };
        loop {
            match self.cache.wait_for_change(read, version, limit).await {
                // A parameter of another service may have no version.
                Ok(Some(served)) if served.value.version().is_some() => return,
                Ok(None) => return,
                Ok(Some(_)) => return self.timer.sleep(self.pause).await,
                Err(failure) => {
                    self.timer.sleep(self.pause).await;
                    if !(failure.is_missing() && matches!(known, Known::Missing)) {
                        return;
                    }
                }
            }
        }
    }
}

/// Returns what a reference stands for in what was read.
fn value(
    reference: &Reference,
    served: &Result<ServedValue, ReadFailure>,
) -> Result<FollowedValue, Error> {
    match served {
        Ok(ServedValue { value, stale, .. }) => {
            let resolved = of_fetched(reference, value.content());
            Ok(FollowedValue {
                resolved: resolved.map_err(|error| error.of(reference))?,
                name: value.content().name().to_owned(),
                version: value.version().map(str::to_owned),
                stale: *stale,
            })
        }
        Err(failure) => {
            let fallback = Resolved::fallback_of(reference).filter(|_| failure.is_missing());
            let resolved = fallback.ok_or_else(|| Error::from(failure.clone()))?;
            Ok(FollowedValue { resolved, name: shown_name(reference), version: None, stale: None })
        }
    }
}

fn shown_name(reference: &Reference) -> String {
    match reference.target() {
        ReferenceTarget::Secret { id, .. } => id.shown(),
        ReferenceTarget::Parameter { name, .. } => name.shown(),
    }
}

impl ReferenceSource for CachedReferences {
    fn read(&self) -> LocalBoxFuture<'_, Result<FollowedValues, Error>> {
        Box::pin(self.snapshot())
    }

    fn changed<'a>(
        &'a self,
        known: Option<&'a FollowedValues>,
        limit: Duration,
    ) -> LocalBoxFuture<'a, ()> {
        let changes = self.reads.iter().enumerate().map(|(lookup, read)| {
            Box::pin(self.read_changes(read, self.known(known, lookup), limit))
        });
        let changes: Vec<_> = changes.collect();
        let limit = self.timer.sleep(limit);
        Box::pin(async move {
            if changes.is_empty() {
                limit.await;
            } else {
                select(select_all(changes), limit).await;
            }
        })
    }
}

#[cfg(test)]
mod tests;
