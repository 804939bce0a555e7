//! References whose values come from the cache of secrets.

use std::cell::RefCell;
use std::collections::BTreeSet;
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

/// Knows the whole errors of reads, of which a cache keeps what it serves.
pub trait ReadErrors {
    /// Returns why there is no session of a role.
    fn of_session(&self, role: Option<&str>) -> Option<Error>;

    /// Returns why a read has failed so.
    fn of_read(&self, read: &ReadRequest, failure: &ReadFailure) -> Option<Arc<Error>>;
}

/// References whose values come from a cache.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct CachedReferences {
    references: Vec<NamedReference>,
    plan: LookupPlan,
    /// The read of each lookup of the plan.
    reads: Vec<ReadRequest>,
    /// What each of these has last found.
    seen: RefCell<Vec<Seen>>,
    cache: Rc<dyn ReadSecrets>,
    errors: Rc<dyn ReadErrors>,
    timer: Arc<dyn Timer>,
    /// The longest wait for a change: a value that AWS does not confirm in time is no change.
    longest_wait: Duration,
    /// The time after which something is read again that could not be read.
    pause: Duration,
}

/// What a read has found.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Seen {
    /// No value, for another reason than [`Seen::Missing`]; or it was never read.
    Nothing,
    /// That it does not exist.
    Missing,
    /// A value of this version, if it has one.
    Version(Option<Box<str>>),
}

impl Seen {
    fn of(served: &Result<ServedValue, ReadFailure>) -> Self {
        match served {
            Ok(served) => Self::Version(served.value.version().map(Into::into)),
            Err(failure) if failure.is_missing() => Self::Missing,
            Err(_) => Self::Nothing,
        }
    }
}

impl CachedReferences {
    /// Returns references, and `plan`, which is that of the same references. `ttl` is that of the cache.
    pub fn new(
        references: &[NamedReference],
        plan: LookupPlan,
        (cache, errors): (Rc<dyn ReadSecrets>, Rc<dyn ReadErrors>),
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
        let reads: Vec<_> = plan.lookups().iter().map(read).collect();
        let seen = RefCell::new(vec![Seen::Nothing; reads.len()]);
        let longest_wait = ttl.max(Duration::from_secs(1));
        let pause = longest_wait.min(LONGEST_PAUSE);
        let references = references.to_vec();
        Self { references, plan, reads, seen, cache, errors, timer, longest_wait, pause }
    }

    async fn snapshot(&self) -> Result<FollowedValues, Error> {
        let served = self.cache.read_snapshot(&self.reads).await;
        self.seen.replace(served.iter().map(Seen::of).collect());
        let mut values = Vec::with_capacity(self.references.len());
        let mut failures = ResolveErrors::of(self.references.len());
        let mut without_session = BTreeSet::new();
        for (index, named) in self.references.iter().enumerate() {
            let lookup = self.plan.lookup_of(index);
            let (read, found) = (&self.reads[lookup], &served[lookup]);
            match (value(&named.reference, found), found) {
                (Ok(value), _) => values.push(value),
                (Err(error), Err(failure @ ReadFailure::NoSession { .. })) => {
                    let role = read.role.as_deref();
                    match self.errors.of_session(role) {
                        Some(error) if without_session.insert(role) => {
                            failures.add_session(role, error);
                        }
                        Some(_) => {}
                        None => self.add_failure(&mut failures, (index, failure), error),
                    }
                }
                (Err(error), Err(failure)) => {
                    self.add_failure(&mut failures, (index, failure), error);
                }
                (Err(error), Ok(_)) => failures.add((index, named), error),
            }
        }
        if failures.is_empty() { Ok(FollowedValues { values }) } else { Err(failures.into()) }
    }

    /// Adds that a reference was not read: with the whole error, or else with `error`.
    fn add_failure(
        &self,
        failures: &mut ResolveErrors,
        (index, failure): (usize, &ReadFailure),
        error: Error,
    ) {
        let read = &self.reads[self.plan.lookup_of(index)];
        let named = (index, &self.references[index]);
        match self.errors.of_read(read, failure) {
            Some(error) => failures.add_call(named, &error),
            None => failures.add(named, error),
        }
    }

    /// Completes when a read may find something else than `seen`, or after `limit`.
    async fn read_changes(&self, read: &ReadRequest, seen: Seen, limit: Duration) {
        let version = match &seen {
            // It is read again with all others, which knows more reasons why it has no value.
            Seen::Nothing | Seen::Version(None) => return self.timer.sleep(self.pause).await,
            Seen::Missing => "",
            Seen::Version(Some(version)) => version,
        };
        loop {
            match self.cache.wait_for_change(read, version, limit).await {
                Ok(_) => return,
                Err(failure) => {
                    self.timer.sleep(self.pause).await;
                    if !(failure.is_missing() && seen == Seen::Missing) {
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

/// Returns the name or the ARN of what a reference names, as messages show it.
pub fn shown_name(reference: &Reference) -> String {
    match reference.target() {
        ReferenceTarget::Secret { id, .. } => id.shown(),
        ReferenceTarget::Parameter { name, .. } => name.shown(),
    }
}

impl ReferenceSource for CachedReferences {
    fn read(&self) -> LocalBoxFuture<'_, Result<FollowedValues, Error>> {
        Box::pin(self.snapshot())
    }

    fn changed(&self, limit: Duration) -> LocalBoxFuture<'_, ()> {
        let seen = self.seen.borrow().clone();
        let changes = self.reads.iter().zip(seen);
        let changes = changes.map(|(read, seen)| Box::pin(self.read_changes(read, seen, limit)));
        let changes: Vec<_> = changes.collect();
        let limit = self.timer.sleep(limit.min(self.longest_wait));
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
