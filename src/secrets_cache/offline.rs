//! Encrypted copies of values on disk, which stand in for AWS after a start in an outage.
//!
//! A copy never counts as fresh: AWS is asked first, so that it can refuse the value.

use std::rc::Rc;
use std::time::Duration;

use super::SecretsCache;
use super::entry::{CallSpan, HeldValue, SeenBetween, ValueEntry};
use super::read::{ReadItem, ReadSource};
use super::refusal::RefusedPart;
use super::upstream::CallScope;
use super::value::{CachedValue, FetchedValue};
use roles_anywhere_client::time::Timestamp;

/// The copies on disk. Its methods do not wait for a disk.
pub trait OfflineCopies {
    /// Returns the copy of `item`, if there is one that may be served.
    fn load(&self, scope: &CallScope, item: &ReadItem) -> Option<OfflineCopy>;

    /// Keeps what AWS returned for `item` and has confirmed at `confirmed`, if it is to be kept.
    fn store(&self, scope: &CallScope, item: &ReadItem, value: &FetchedValue, confirmed: Timestamp);

    /// Removes the copy of `item`, which AWS refuses; if that is the whole, those of all versions.
    fn remove(&self, scope: &CallScope, item: &ReadItem, part: RefusedPart);

    /// Removes all that a role has read, as AWS refuses its session.
    fn remove_role(&self, role_arn: &str);

    /// Returns the ARNs of the roles of the copies.
    fn roles(&self) -> Vec<String>;

    /// Returns how many there are.
    fn statistics(&self) -> OfflineStatistics;
}

/// A copy that may be served.
#[derive(Clone, Debug)]
pub struct OfflineCopy {
    /// The value.
    pub value: FetchedValue,
    /// The time since AWS confirmed it.
    pub age: Duration,
    /// For how long it may still be served.
    pub usable_for: Duration,
}

/// What the copies have counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OfflineStatistics {
    /// The copies that there are.
    pub copies: usize,
    /// The copies that could not be read, written or removed since the start.
    pub failures: u64,
}

/// That a value is from a copy. Times are of the process's uptime.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct FromCopy {
    /// How old it was when it was loaded.
    pub(super) age: Duration,
    /// Until when it may be served.
    pub(super) until: Duration,
}

impl SecretsCache {
    /// Keeps copies of values on disk, or stops to.
    pub fn keep_copies(&self, copies: Option<Rc<dyn OfflineCopies>>) {
        self.copies.replace(copies);
    }

    pub(super) fn offline_copies(&self) -> Option<Rc<dyn OfflineCopies>> {
        self.copies.borrow().clone()
    }

    /// Gives a new entry the value of its copy, if there is one. Returns the entry that the value is of, as
    /// by another name there may be one already.
    pub(super) fn with_copy(&self, entry: Rc<ValueEntry>) -> Rc<ValueEntry> {
        let Some(copies) = self.offline_copies() else { return entry };
        let item = entry.state.borrow().item.clone();
        let Some(copy) = copies.load(&entry.scope, &item) else { return entry };
        let entry = self.entries.borrow_mut().identify(&entry, &copy.value);
        let held = HeldValue::of_copy(copy, self.ports.clock.uptime());
        entry.state.borrow_mut().held.get_or_insert(held);
        entry
    }

    /// Copies the value of an entry, which AWS has just confirmed.
    pub(super) fn copy(&self, entry: &ValueEntry) {
        let Some(copies) = self.offline_copies() else { return };
        let state = entry.state.borrow();
        let Some(held) = &state.held else { return };
        let since = self.ports.clock.uptime().saturating_sub(held.confirmed);
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        let confirmed = self.ports.clock.now().after(-seconds);
        copies.store(&entry.scope, &state.item, held.value.content(), confirmed);
    }

    /// Removes the copy of what AWS refuses, and the value of the entry that is from it.
    pub(super) fn remove_copy(&self, scope: &CallScope, item: &ReadItem, part: RefusedPart) {
        let Some(copies) = self.offline_copies() else { return };
        copies.remove(scope, item, part);
        let is_refused = |entry: &&Rc<ValueEntry>| {
            let state = entry.state.borrow();
            let is_copy = state.held.as_ref().is_some_and(|held| held.copy.is_some());
            is_copy && entry.scope == *scope && copies.load(scope, &state.item).is_none()
        };
        for entry in self.entries.borrow().all().iter().filter(is_refused) {
            entry.state.borrow_mut().held = None;
            entry.changed.notify_waiters();
        }
    }
}

impl HeldValue {
    /// Returns the value of a copy that was loaded at `now`.
    fn of_copy(copy: OfflineCopy, now: Duration) -> Self {
        let OfflineCopy { value, age, usable_for } = copy;
        // Before all calls of this process.
        let span = CallSpan { began: 0, ended: 0 };
        Self {
            value: Rc::new(CachedValue::new(value)),
            confirmed: now,
            fetched: now,
            changed: now,
            seen: SeenBetween { first: span, last: span },
            copy: Some(FromCopy { age, until: now + usable_for }),
        }
    }

    /// Returns the time since AWS confirmed it.
    pub(super) fn age(&self, now: Duration) -> Duration {
        let before = self.copy.map_or(Duration::ZERO, |copy| copy.age);
        now.saturating_sub(self.confirmed) + before
    }

    /// Returns for how long its TTL has passed. A copy is stale whatever its age.
    pub(super) fn past_ttl(&self, now: Duration, ttl: Duration) -> Option<Duration> {
        match self.copy {
            Some(_) => Some(self.age(now).saturating_sub(ttl)),
            None => self.age(now).checked_sub(ttl),
        }
    }

    /// Returns its source.
    pub(super) fn source(&self, is_stale: bool) -> ReadSource {
        match (is_stale, self.copy) {
            (true, Some(_)) => ReadSource::OfflineCopy,
            (true, None) => ReadSource::StaleCache,
            (false, _) => ReadSource::Cache,
        }
    }
}
