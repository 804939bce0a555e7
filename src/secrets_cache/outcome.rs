//! What calls found, and what the entries become by it.

use std::rc::Rc;
use std::time::Duration;

use super::SecretsCache;
use super::call::CallOutcome;
use super::decision::LastFailure;
use super::entry::{CallSpan, EntryState, HeldValue, SeenBetween, ValueEntry};
use super::policy::PROBE_INTERVAL;
use super::refusal::{RefusedPart, TooOld};
use super::rotation::until_check;
use super::upstream::{CallResult, UpstreamFailure};
use super::value::{CachedValue, FetchedValue};

/// When a call was made.
#[derive(Clone, Copy)]
pub(super) struct CallTimes {
    pub(super) span: CallSpan,
    /// When it began, by uptime.
    pub(super) began: Duration,
}

/// What a call found.
pub(super) enum CallFound {
    /// The version that this value is of.
    Unchanged(Rc<CachedValue>),
    Value(FetchedValue),
}

impl SecretsCache {
    /// Takes the result of a call into the entry.
    pub(super) fn finish(
        &self,
        entry: &Rc<ValueEntry>,
        found: CallResult<CallFound>,
        times: CallTimes,
    ) -> CallOutcome {
        let item = entry.state.borrow().item.clone();
        let now = self.ports.clock.uptime();
        let service = &entry.service;
        let (outage, failure) = match found {
            Ok(found) => {
                self.outages.borrow_mut().end(service, times.span.ended, now);
                return match found {
                    CallFound::Unchanged(value) => self.confirm(entry, &value, times),
                    CallFound::Value(fetched) => self.store(entry, fetched, times),
                };
            }
            Err(UpstreamFailure::Refused(failure)) => {
                self.outages.borrow_mut().end(service, times.span.ended, now);
                return Err(self.refuse(entry, (&item, RefusedPart::Whole), failure, times));
            }
            Err(UpstreamFailure::NoVersion(failure)) => {
                self.outages.borrow_mut().end(service, times.span.ended, now);
                return Err(self.refuse(entry, (&item, RefusedPart::Version), failure, times));
            }
            Err(UpstreamFailure::Outage(reason, failure)) => {
                let failure = LastFailure { at: now, outage: Some(reason), failure };
                self.outages.borrow_mut().begin(service, &failure, times.span.began);
                (Some(reason), failure.failure)
            }
        };
        let failure = LastFailure { at: now, outage, failure };
        let mut state = entry.state.borrow_mut();
        state.failure = Some(Box::new(failure.clone()));
        state.next_check = now + PROBE_INTERVAL;
        Err(failure)
    }

    fn confirm(
        &self,
        entry: &ValueEntry,
        value: &Rc<CachedValue>,
        times: CallTimes,
    ) -> CallOutcome {
        let refused = self.refused_since(entry, value.content(), times);
        let mut state = entry.state.borrow_mut();
        match (&mut state.held, refused) {
            (Some(held), _) if Rc::ptr_eq(&held.value, value) => held.confirm(times),
            // Another value came meanwhile, or all were dropped.
            (Some(held), _) => return Ok((Rc::clone(&held.value), held.confirmed)),
            (None, Some(TooOld::Refused(failure))) => return Err(failure),
            (None, _) => return Ok((Rc::clone(value), times.began)),
        }
        state.failure = None;
        self.schedule(&mut state, times);
        drop(state);
        self.copy(entry);
        Ok((Rc::clone(value), times.began))
    }

    /// Keeps what AWS returned, unless a later call has been answered already. An error if that was a
    /// refusal.
    pub(super) fn store(
        &self,
        entry: &Rc<ValueEntry>,
        fetched: FetchedValue,
        times: CallTimes,
    ) -> CallOutcome {
        match self.refused_since(entry, &fetched, times) {
            None => {}
            Some(TooOld::Refused(failure)) => return Err(failure),
            Some(TooOld::Unknown) => {
                return Ok((Rc::new(CachedValue::new(fetched)), times.began));
            }
        }
        let entry = self.entries.borrow_mut().identify(entry, &fetched);
        let mut state = entry.state.borrow_mut();
        state.failure = None;
        match &mut state.held {
            Some(held) if held.seen.last.began > times.span.began => {
                return Ok((Rc::clone(&held.value), held.confirmed));
            }
            Some(held) if held.copy.is_none() && held.value.is_same(&fetched) => {
                held.confirm(times);
                held.fetched = times.began;
            }
            held => {
                *held = Some(HeldValue::new(fetched, times));
                entry.changed.notify_waiters();
            }
        }
        self.schedule(&mut state, times);
        let held = state.held.as_ref().expect("it has just been set");
        let result = (Rc::clone(&held.value), held.confirmed);
        drop(state);
        self.copy(&entry);
        Ok(result)
    }

    fn schedule(&self, state: &mut EntryState, times: CallTimes) {
        let (now, random) = (self.ports.clock.now(), self.ports.entropy.bits());
        let wait = until_check(self.policy.get().ttl, state.rotation, now, random);
        state.next_check = times.began + wait;
    }
}

impl HeldValue {
    fn new(fetched: FetchedValue, CallTimes { span, began }: CallTimes) -> Self {
        Self {
            value: Rc::new(CachedValue::new(fetched)),
            confirmed: began,
            fetched: began,
            changed: began,
            seen: SeenBetween { first: span, last: span },
            copy: None,
        }
    }

    fn confirm(&mut self, CallTimes { span, began }: CallTimes) {
        if span.began > self.seen.last.began {
            (self.confirmed, self.seen.last) = (began, span);
        }
    }
}
