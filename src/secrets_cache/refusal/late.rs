//! Answers that are too old to be kept: those of calls that began before a refusal was known.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};

use crate::secrets_cache::SecretsCache;
use crate::secrets_cache::decision::LastFailure;
use crate::secrets_cache::key::EntryKey;

/// The most refusals that are remembered for calls in flight. Beyond it, these keep nothing.
const MAX_REFUSALS: usize = 1_000;

/// The refusals that may be later than what calls in flight return.
#[derive(Default)]
pub(in crate::secrets_cache) struct LateRefusals {
    /// The numbers of the begins of the calls in flight.
    in_flight: BTreeSet<u64>,
    /// By the hash of the key of what was refused: names may be long.
    refusals: HashMap<u64, Refusal>,
    hasher: RandomState,
    /// Of a call that began before this number, nothing is known.
    unknown_before: u64,
}

struct Refusal {
    /// The number of the end of the call: what was asked before it may be of the time before.
    ended: u64,
    failure: LastFailure,
}

/// A call in flight, until it is dropped.
pub(in crate::secrets_cache) struct CallInFlight<'a> {
    cache: &'a SecretsCache,
    /// The number of its begin.
    pub(in crate::secrets_cache) began: u64,
}

impl Drop for CallInFlight<'_> {
    fn drop(&mut self) {
        self.cache.late_refusals.borrow_mut().end(self.began);
    }
}

/// What an older answer becomes.
pub(in crate::secrets_cache) enum TooOld {
    /// It was refused since.
    Refused(LastFailure),
    /// It may have been refused since.
    Unknown,
}

impl LateRefusals {
    fn end(&mut self, began: u64) {
        self.in_flight.remove(&began);
        let oldest = self.in_flight.first().copied();
        self.refusals.retain(|_, refusal| oldest.is_some_and(|oldest| oldest < refusal.ended));
    }

    /// Remembers what was refused by a call that ended as the event with this number.
    pub(super) fn remember(&mut self, keys: &[EntryKey], ended: u64, failure: &LastFailure) {
        // The call that was refused is one of them.
        if self.in_flight.len() <= 1 {
            return;
        }
        if self.refusals.len() + keys.len() > MAX_REFUSALS {
            self.refusals.clear();
            self.unknown_before = ended;
        }
        for key in keys {
            let refusal = Refusal { ended, failure: failure.clone() };
            self.refusals.insert(self.hasher.hash_one(key), refusal);
        }
    }

    /// Returns what an answer of a call becomes that began as the event with this number.
    pub(super) fn since(&self, began: u64, keys: impl FnOnce() -> Vec<EntryKey>) -> Option<TooOld> {
        if began < self.unknown_before {
            return Some(TooOld::Unknown);
        }
        if self.refusals.is_empty() {
            return None;
        }
        let find = |key: &EntryKey| self.refusals.get(&self.hasher.hash_one(key));
        let keys = keys();
        let mut refusals = keys.iter().filter_map(find).filter(|it| began < it.ended);
        refusals.next().map(|it| TooOld::Refused(it.failure.clone()))
    }
}

impl SecretsCache {
    /// Remembers that a call begins.
    pub(in crate::secrets_cache) fn begin_call(&self) -> CallInFlight<'_> {
        let began = self.next_number();
        self.late_refusals.borrow_mut().in_flight.insert(began);
        CallInFlight { cache: self, began }
    }
}
