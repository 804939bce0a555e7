//! Reads: what is served at once, and what waits for a call.

use std::borrow::Borrow as _;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::select;

use super::SecretsCache;
use super::call::CallOutcome;
use super::decision::{LastFailure, ReadDecision, decide, may_be_stale};
use super::entry::ValueEntry;
use super::key::EntryKey;
use super::policy::READER_LIMIT;
use super::read::{
    OutageReason, ReadFailure, ReadItem, ReadRequest, ReadSource, RequestedFreshness, ServedValue,
    StaleReason,
};
use super::upstream::{CallScope, ReadingRole, SessionState};
use roles_anywhere_client::region::Region;

impl SecretsCache {
    /// Returns the value of an entry that is within its TTL.
    pub(super) fn read_if_fresh(&self, request: &ReadRequest) -> Option<ServedValue> {
        if request.freshness == RequestedFreshness::Now {
            return None;
        }
        let role = self.upstream.role(request.role.as_deref())?;
        if self.upstream.session(&role) != SessionState::Usable {
            return None;
        }
        let entry = self.known_entry(&role, request)?;
        let now = self.ports.clock.uptime();
        let decision =
            decide(&entry.state.borrow().view(None), request.freshness, now, &self.policy.get());
        if decision != ReadDecision::Fresh {
            return None;
        }
        self.touch(&entry, now);
        served(&entry, now, None)
    }

    /// Reads by `deadline`, an uptime.
    pub(super) async fn read_by(
        &self,
        request: &ReadRequest,
        deadline: Duration,
    ) -> Result<ServedValue, ReadFailure> {
        let role = self.upstream.role(request.role.as_deref());
        let role = role.ok_or(ReadFailure::UnknownRole)?;
        let mut is_again = false;
        loop {
            if let SessionState::Refused(failure) = self.upstream.session(&role) {
                self.drop_role(&role);
                return Err(failure);
            }
            let entry = self.entry_of(&role, request);
            let outcome = self.read_entry(&entry, request, deadline).await;
            // AWS may have refused it by the ARN of a secret that has another one now.
            let has_name =
                self.known_entry(&role, request).is_some_and(|it| Rc::ptr_eq(&it, &entry));
            match outcome {
                Err(LastFailure { outage: None, .. }) if !has_name && !is_again => is_again = true,
                outcome => return outcome.map_err(|failed| failed.failure),
            }
        }
    }

    async fn read_entry(
        &self,
        entry: &Rc<ValueEntry>,
        request: &ReadRequest,
        deadline: Duration,
    ) -> Result<ServedValue, LastFailure> {
        let freshness = request.freshness;
        let now = self.ports.clock.uptime();
        self.touch(entry, now);
        let decision = {
            let state = entry.state.borrow();
            let outage = self.outages.borrow().of(&entry.service, now);
            decide(&state.view(outage), freshness, now, &self.policy.get())
        };
        match decision {
            ReadDecision::Fresh => served(entry, now, None).ok_or_else(|| defect(now)),
            ReadDecision::Stale(reason) => {
                self.stale(entry, reason, now).ok_or_else(|| defect(now))
            }
            ReadDecision::Fail(failure) => {
                let outage = entry.state.borrow().failure.as_ref().and_then(|last| last.outage);
                Err(LastFailure { at: now, outage, failure })
            }
            ReadDecision::Wait => {
                let of_reader = (freshness, request.client.as_ref());
                let outcome = self.wait_for_call(entry, of_reader, deadline).await;
                self.answer(entry, freshness, outcome)
            }
        }
    }

    /// Returns what a reader gets that has waited.
    fn answer(
        &self,
        entry: &Rc<ValueEntry>,
        freshness: RequestedFreshness,
        outcome: CallOutcome,
    ) -> Result<ServedValue, LastFailure> {
        let now = self.ports.clock.uptime();
        match outcome {
            Ok((value, confirmed)) => {
                let age = now.saturating_sub(confirmed);
                Ok(ServedValue { value, age, stale: None, source: ReadSource::Aws })
            }
            Err(failed) => {
                let reason = failed.outage.filter(|_| freshness == RequestedFreshness::Cached);
                let stale = reason.and_then(|reason| self.stale(entry, reason, now));
                stale.ok_or(failed)
            }
        }
    }

    /// Returns the value of an entry if it may be served in an outage.
    fn stale(
        &self,
        entry: &ValueEntry,
        reason: OutageReason,
        now: Duration,
    ) -> Option<ServedValue> {
        let stale = {
            let state = entry.state.borrow();
            let held = state.held.as_ref()?;
            if !may_be_stale((held.confirmed, held.copy), reason, now, &self.policy.get()) {
                return None;
            }
            // Another call may have confirmed it meanwhile.
            held.past_ttl(now, self.policy.get().ttl)
        };
        served(entry, now, stale.map(|past_ttl| StaleReason { past_ttl, reason }))
    }

    /// Returns the entry of a request, if there is one.
    pub(super) fn known_entry(
        &self,
        role: &ReadingRole,
        request: &ReadRequest,
    ) -> Option<Rc<ValueEntry>> {
        let region = region_of(role, request);
        let key = EntryKey::text(role, region, &request.item);
        self.entries.borrow().find(&key).map(Rc::clone)
    }

    /// Returns the entry of a request, which may be a new one.
    pub(super) fn entry_of(&self, role: &Rc<ReadingRole>, request: &ReadRequest) -> Rc<ValueEntry> {
        self.entry_in(role, region_of(role, request), &request.item)
    }

    /// Returns the entry of `item`, which may be a new one.
    pub(super) fn entry_in(
        &self,
        role: &Rc<ReadingRole>,
        region: &Region,
        item: &ReadItem,
    ) -> Rc<ValueEntry> {
        let key = EntryKey::of(role, region, item);
        let mut entries = self.entries.borrow_mut();
        if let Some(entry) = entries.find(key.borrow()) {
            return Rc::clone(entry);
        }
        let scope = CallScope { role: Rc::clone(role), region: region.clone() };
        let entry = entries.add(key, scope, item);
        drop(entries);
        self.with_copy(entry)
    }

    /// Remembers that a reader wants the value.
    fn touch(&self, entry: &ValueEntry, now: Duration) {
        entry.last_read.set(Some(now));
        entry.last_use.set(self.next_number());
    }

    /// Returns a value whose version is not `known`, as soon as there is one.
    pub(super) async fn read_other_version(
        &self,
        request: &ReadRequest,
        known: &str,
        limit: Duration,
    ) -> Result<Option<ServedValue>, ReadFailure> {
        let clock = &self.ports.clock;
        let end = clock.uptime() + limit;
        let request = ReadRequest { freshness: RequestedFreshness::Cached, ..request.clone() };
        loop {
            let deadline = end.min(clock.uptime() + READER_LIMIT);
            let served = match self.read_by(&request, deadline).await {
                Err(ReadFailure::Timeout) if deadline == end => return Ok(None),
                served => served?,
            };
            if !served.value.is_version(known) {
                return Ok(Some(served));
            }
            let remaining = end.saturating_sub(clock.uptime());
            if remaining.is_zero() {
                return Ok(None);
            }
            // It is read in each TTL, so that it is refreshed in the background.
            let pause = remaining.min(self.policy.get().ttl.max(Duration::from_secs(1)));
            let role = self.upstream.role(request.role.as_deref());
            let entry = role.and_then(|role| self.known_entry(&role, &request));
            let timer = self.ports.timer.sleep(pause);
            match entry {
                Some(entry) => drop(select(pin!(entry.changed.notified()), timer).await),
                None => timer.await,
            }
        }
    }
}

fn region_of<'a>(role: &'a ReadingRole, request: &'a ReadRequest) -> &'a Region {
    request.item.region().or(request.region.as_ref()).unwrap_or(&role.region)
}

fn served(entry: &ValueEntry, now: Duration, stale: Option<StaleReason>) -> Option<ServedValue> {
    let state = entry.state.borrow();
    let held = state.held.as_ref()?;
    let source = held.source(stale.is_some());
    let age = held.age(now);
    Some(ServedValue { value: Rc::clone(&held.value), age, stale, source })
}

/// Returns the failure of an entry that has lost its value, which does not happen while it is read.
fn defect(at: Duration) -> LastFailure {
    LastFailure { at, outage: None, failure: ReadFailure::Internal }
}
