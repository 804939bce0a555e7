//! Known outages: of all secrets, or of all parameters, of a role in a Region.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use super::decision::LastFailure;
use super::policy::{CALL_LIMIT, OUTAGE_KNOWN_FOR, OUTAGE_PERSISTS_AFTER, PROBE_INTERVAL};
use super::read::{OutageReason, ReadItem};
use super::upstream::CallScope;

/// The outages that are known. Times are of the process's uptime.
#[derive(Default)]
pub(super) struct KnownOutages {
    outages: HashMap<ServiceScope, KnownOutage>,
    /// When AWS last answered, while calls may be in flight that began before.
    answers: HashMap<ServiceScope, LastAnswer>,
}

/// What fails at once: the calls of a role to a service in a Region.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct ServiceScope {
    role: Rc<str>,
    region: Box<str>,
    is_secret: bool,
}

struct KnownOutage {
    /// How the last call failed.
    last: LastFailure,
    began: Duration,
    /// When a call may be made again for a value that can be served meanwhile.
    next_probe: Duration,
}

/// The number and the time of an answer.
#[derive(Clone, Copy)]
struct LastAnswer {
    number: u64,
    at: Duration,
}

/// How many services the time of the last answer is kept of, unless it is a recent one.
const ANSWERS_KEPT: usize = 64;

impl ServiceScope {
    /// Returns what calls for `item` fail with.
    pub(super) fn of(scope: &CallScope, item: &ReadItem) -> Self {
        Self {
            role: Rc::clone(&scope.role.id),
            region: scope.region.as_str().into(),
            is_secret: matches!(item, ReadItem::Secret(_)),
        }
    }
}

impl KnownOutages {
    /// Returns the outage that calls of a service meet at `now`, if one is known.
    pub(super) fn of(&self, service: &ServiceScope, now: Duration) -> Option<OutageReason> {
        self.known(service, now)?.last.outage
    }

    /// Returns the failure that further calls of a service meet, unless the outage has just begun.
    pub(super) fn persistent(&self, service: &ServiceScope, now: Duration) -> Option<LastFailure> {
        let known = self.known(service, now)?;
        let persists = now.saturating_sub(known.began) >= OUTAGE_PERSISTS_AFTER;
        persists.then(|| LastFailure { at: now, ..known.last.clone() })
    }

    fn known(&self, service: &ServiceScope, now: Duration) -> Option<&KnownOutage> {
        // This is asked for each read that is not served at once.
        if self.outages.is_empty() {
            return None;
        }
        let known = self.outages.get(service)?;
        (now.saturating_sub(known.last.at) < OUTAGE_KNOWN_FOR).then_some(known)
    }

    /// Returns whether a call may be made for a value that can be served meanwhile: always without an
    /// outage, else one in a while.
    pub(super) fn allow_call(&mut self, service: &ServiceScope, now: Duration) -> bool {
        match self.outages.get_mut(service) {
            Some(known) if now < known.next_probe => false,
            Some(known) => {
                known.next_probe = now + PROBE_INTERVAL;
                true
            }
            None => true,
        }
    }

    /// Remembers that a call failed, the one that began with the number `began`.
    pub(super) fn begin(&mut self, service: &ServiceScope, failure: &LastFailure, began: u64) {
        if !failure.outage.is_some_and(OutageReason::concerns_all) {
            return;
        }
        // AWS has answered since, so the outage that this call met has ended.
        if self.answers.get(service).is_some_and(|answer| began < answer.number) {
            return;
        }
        let now = failure.at;
        // A client may name any Region: only outages that are known now are kept.
        self.outages
            .retain(|_, known| now < known.next_probe.max(known.last.at + OUTAGE_KNOWN_FOR));
        let known = self.outages.entry(service.clone()).or_insert_with(|| KnownOutage {
            last: failure.clone(),
            began: now,
            next_probe: now + PROBE_INTERVAL,
        });
        known.last = failure.clone();
    }

    /// Remembers that AWS answered at `now`; `number` is that of the end of the call.
    pub(super) fn end(&mut self, service: &ServiceScope, number: u64, now: Duration) {
        self.outages.remove(service);
        if self.answers.len() >= ANSWERS_KEPT {
            self.answers.retain(|_, answer| now.saturating_sub(answer.at) <= CALL_LIMIT);
        }
        self.answers.insert(service.clone(), LastAnswer { number, at: now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets_cache::{ReadFailure, ReadingRole};
    use roles_anywhere_client::aws::get_secret_value::SecretRequest;
    use roles_anywhere_client::region::Region;

    #[test]
    fn outages_of_many_regions_are_forgotten() {
        let region = |n: u32| Region::parse(&format!("xx-region-{n}")).unwrap();
        let role = Rc::new(ReadingRole {
            id: "app".into(),
            arn: "arn:aws:iam::123456789012:role/app".into(),
            account: "123456789012".into(),
            region: region(0),
        });
        let scope = |n| CallScope { role: Rc::clone(&role), region: region(n) };
        let item = ReadItem::Secret(SecretRequest::current("s".parse().unwrap()));
        let mut outages = KnownOutages::default();
        for n in 0..1_000 {
            let now = Duration::from_secs(n.into());
            let outage = Some(OutageReason::Connection);
            let failure = LastFailure { at: now, outage, failure: ReadFailure::Unreachable };
            let service = ServiceScope::of(&scope(n), &item);
            outages.begin(&service, &failure, 1);
            assert_eq!(outages.of(&service, now), Some(OutageReason::Connection));
        }
        assert_eq!(outages.outages.len(), 30);
        for n in 0..1_000 {
            let service = ServiceScope::of(&scope(n), &item);
            outages.end(&service, 2, Duration::from_secs((2_000 + n).into()));
        }
        assert!(outages.answers.len() <= ANSWERS_KEPT, "{}", outages.answers.len());
    }
}
