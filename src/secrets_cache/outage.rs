//! Known outages: of all secrets, or of all parameters, of a role in a Region.

use std::collections::HashMap;
use std::time::Duration;

use super::policy::{OUTAGE_KNOWN_FOR, PROBE_INTERVAL};
use super::read::{OutageReason, ReadItem};
use super::upstream::CallScope;

/// The outages that are known. Times are of the process's uptime.
#[derive(Default)]
pub(super) struct KnownOutages(HashMap<OutageScope, KnownOutage>);

/// What fails at once: the calls of a role to one service in a Region.
type OutageScope = (Box<str>, Box<str>, bool);

struct KnownOutage {
    reason: OutageReason,
    /// When the last call failed.
    failed: Duration,
    /// When a call may be made again for a value that can be served meanwhile.
    next_probe: Duration,
}

fn scope_of(scope: &CallScope, item: &ReadItem) -> OutageScope {
    let is_secret = matches!(item, ReadItem::Secret(_));
    (scope.role.id.as_ref().into(), scope.region.as_str().into(), is_secret)
}

impl KnownOutages {
    /// Returns the outage that calls for `item` meet at `now`, if one is known.
    pub(super) fn of(
        &self,
        scope: &CallScope,
        item: &ReadItem,
        now: Duration,
    ) -> Option<OutageReason> {
        if self.0.is_empty() {
            return None;
        }
        let known = self.0.get(&scope_of(scope, item))?;
        (now.saturating_sub(known.failed) < OUTAGE_KNOWN_FOR).then_some(known.reason)
    }

    /// Returns whether a call may be made for a value that can be served meanwhile: always without an
    /// outage, else one in a while.
    pub(super) fn allow_call(&mut self, scope: &CallScope, item: &ReadItem, now: Duration) -> bool {
        match self.0.get_mut(&scope_of(scope, item)) {
            Some(known) if now < known.next_probe => false,
            Some(known) => {
                known.next_probe = now + PROBE_INTERVAL;
                true
            }
            None => true,
        }
    }

    /// Remembers that a call failed at `now`.
    pub(super) fn begin(
        &mut self,
        scope: &CallScope,
        item: &ReadItem,
        reason: OutageReason,
        now: Duration,
    ) {
        if !reason.concerns_all() {
            return;
        }
        // A client may name any Region: only outages that are known now are kept.
        self.0.retain(|_, known| now < known.next_probe.max(known.failed + OUTAGE_KNOWN_FOR));
        let next_probe = now + PROBE_INTERVAL;
        let known = self.0.entry(scope_of(scope, item));
        let known = known.or_insert(KnownOutage { reason, failed: now, next_probe });
        (known.reason, known.failed) = (reason, now);
    }

    /// Remembers that AWS answered.
    pub(super) fn end(&mut self, scope: &CallScope, item: &ReadItem) {
        if !self.0.is_empty() {
            self.0.remove(&scope_of(scope, item));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::secrets_cache::ReadingRole;
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
            outages.begin(&scope(n), &item, OutageReason::Connection, now);
            assert_eq!(outages.of(&scope(n), &item, now), Some(OutageReason::Connection));
        }
        assert_eq!(outages.0.len(), 30);
    }
}
