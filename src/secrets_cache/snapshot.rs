//! Values that are read together, and belong together.

use std::rc::Rc;

use futures_util::future::join_all;

use super::SecretsCache;
use super::entry::{SeenBetween, ValueEntry};
use super::key::{CURRENT, stage};
use super::read::{
    ReadFailure, ReadItem, ReadRequest, RequestedFreshness, ServedValue, StaleReason,
};
use super::value::CachedValue;

/// How often versions are asked for again that may not belong together.
const ROUNDS: usize = 8;

/// The result of a read.
type ReadResult = Result<ServedValue, ReadFailure>;

impl SecretsCache {
    /// Reads all of `requests`.
    pub(super) async fn read_together(&self, requests: &[ReadRequest]) -> Vec<ReadResult> {
        let deadline = self.deadline(requests);
        let reads = requests.iter().map(|request| self.read_by(request, deadline));
        let mut results = join_all(reads).await;
        for _ in 0..ROUNDS {
            self.use_last_values(requests, &mut results);
            let Some((older, _)) = self.first_torn_pair(requests, &results) else {
                return results;
            };
            let is_late = self.ports.clock.uptime() >= deadline;
            let role = self.upstream.role(requests[older].role.as_deref());
            let Some(role) = role.filter(|_| !is_late) else { break };
            let entry = self.entry_of(&role, &requests[older]);
            let of_reader = (RequestedFreshness::Cached, requests[older].client.as_ref());
            let checked = self.wait_for_call(&entry, of_reader, deadline).await;
            match checked {
                Ok((value, _)) => {
                    if let Ok(served) = &mut results[older] {
                        served.value = value;
                    }
                }
                Err(_) => break,
            }
        }
        self.use_last_values(requests, &mut results);
        while let Some((one, other)) = self.first_torn_pair(requests, &results) {
            let is_current = label(&requests[one].item) == Some(CURRENT);
            results[if is_current { other } else { one }] = Err(ReadFailure::Inconsistent);
        }
        results
    }

    /// Replaces values by later ones of the same entry, which another read may have got.
    fn use_last_values(&self, requests: &[ReadRequest], results: &mut [ReadResult]) {
        let now = self.ports.clock.uptime();
        for (request, result) in requests.iter().zip(results) {
            let (Some(entry), Ok(served)) = (self.entry_if_known(request), result) else {
                continue;
            };
            let state = entry.state.borrow();
            if let Some(held) = &state.held {
                served.value = Rc::clone(&held.value);
                served.age = held.age(now);
                served.stale = served.stale.and_then(|stale| {
                    let past_ttl = held.past_ttl(now, self.policy.get().ttl)?;
                    Some(StaleReason { past_ttl, ..stale })
                });
                if served.source.is_stale() {
                    served.source = held.source(served.stale.is_some());
                }
            }
        }
    }

    /// Returns two versions of one secret that may never have had their labels at the same time, the one
    /// first that was confirmed earlier.
    fn first_torn_pair(
        &self,
        requests: &[ReadRequest],
        results: &[ReadResult],
    ) -> Option<(usize, usize)> {
        for one in 0..results.len() {
            for other in one + 1..results.len() {
                let (Ok(value), Ok(other_value)) = (&results[one], &results[other]) else {
                    continue;
                };
                let (request, other_request) = (&requests[one], &requests[other]);
                if !is_pair((request, value), (other_request, other_value)) {
                    continue;
                }
                match (
                    self.seen(request, &value.value),
                    self.seen(other_request, &other_value.value),
                ) {
                    (Some(seen), Some(other_seen)) if seen.overlaps(&other_seen) => {}
                    (Some(seen), Some(other_seen)) if seen.last.ended < other_seen.last.ended => {
                        return Some((one, other));
                    }
                    (None, _) => return Some((one, other)),
                    _ => return Some((other, one)),
                }
            }
        }
        None
    }

    /// Returns when a version was seen, if the entry still has it.
    fn seen(&self, request: &ReadRequest, value: &Rc<CachedValue>) -> Option<SeenBetween> {
        let entry = self.entry_if_known(request)?;
        let state = entry.state.borrow();
        state.held.as_ref().filter(|held| Rc::ptr_eq(&held.value, value)).map(|held| held.seen)
    }

    fn entry_if_known(&self, request: &ReadRequest) -> Option<Rc<ValueEntry>> {
        let role = self.upstream.role(request.role.as_deref())?;
        self.known_entry(&role, request)
    }
}

/// Returns whether two reads are of one secret, by different staging labels, which move together.
fn is_pair(
    (request, served): (&ReadRequest, &ServedValue),
    (other, other_served): (&ReadRequest, &ServedValue),
) -> bool {
    let labels = label(&request.item).zip(label(&other.item));
    let is_other_label = labels.is_some_and(|(label, other)| label != other);
    let arn = |served: &ServedValue| served.value.content().arn().map(str::to_owned);
    is_other_label && request.role == other.role && arn(served) == arn(other_served)
}

/// Returns the staging label by which a version of a secret is read.
fn label(item: &ReadItem) -> Option<&str> {
    match item {
        ReadItem::Secret(request) if request.version_id.is_none() => {
            Some(stage(request).unwrap_or(CURRENT))
        }
        ReadItem::Secret(_) | ReadItem::Parameter(..) => None,
    }
}
