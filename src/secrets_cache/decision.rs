//! What a read gets: a pure function of the entry, the time and known outages.

use std::time::Duration;

use super::offline::FromCopy;
use super::policy::{CachePolicy, FAILURE_TTL, OUTAGE_KNOWN_FOR};
use super::read::{OutageReason, ReadFailure, RequestedFreshness};

/// What is known of a secret or parameter. Times are of the process's uptime.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EntryView<'a> {
    /// When AWS last confirmed the value; `None` without a value.
    pub(super) confirmed: Option<Duration>,
    /// Set if the value is from a copy on disk.
    pub(super) copy: Option<FromCopy>,
    /// How the last call failed, if it failed.
    pub(super) failure: Option<&'a LastFailure>,
    /// The outage of all secrets or parameters of the role and Region, if one is known.
    pub(super) outage: Option<OutageReason>,
}

/// A call that failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct LastFailure {
    /// When it ended.
    pub(super) at: Duration,
    /// The outage; `None` if AWS refused it.
    pub(super) outage: Option<OutageReason>,
    /// What a reader is told.
    pub(super) failure: ReadFailure,
}

impl LastFailure {
    /// Returns that there was no response in time.
    pub(super) fn timeout(at: Duration) -> Self {
        Self { at, outage: Some(OutageReason::Timeout), failure: ReadFailure::Timeout }
    }
}

/// What a read gets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum ReadDecision {
    /// The value, which is within its TTL.
    Fresh,
    /// The value at once, although its TTL has passed.
    Stale(OutageReason),
    /// The failure of the last call.
    Fail(ReadFailure),
    /// The result of a call: of the one in flight, or of another one.
    Wait,
}

/// Returns what a read gets at `now`.
pub(super) fn decide(
    entry: &EntryView<'_>,
    freshness: RequestedFreshness,
    now: Duration,
    policy: &CachePolicy,
) -> ReadDecision {
    if freshness == RequestedFreshness::Now {
        return ReadDecision::Wait;
    }
    if let Some(confirmed) = entry.confirmed {
        if entry.copy.is_none() && now.saturating_sub(confirmed) < policy.ttl {
            return ReadDecision::Fresh;
        }
        if let Some(reason) = entry.known_outage(now)
            && may_be_stale((confirmed, entry.copy), reason, now, policy)
        {
            return ReadDecision::Stale(reason);
        }
    }
    match entry.failure {
        Some(last) if now.saturating_sub(last.at) < FAILURE_TTL => {
            ReadDecision::Fail(last.failure.clone())
        }
        _ => ReadDecision::Wait,
    }
}

/// Returns whether a value that was confirmed at `confirmed` may be served at `now` in an outage for `reason`.
pub(super) fn may_be_stale(
    (confirmed, copy): (Duration, Option<FromCopy>),
    reason: OutageReason,
    now: Duration,
    policy: &CachePolicy,
) -> bool {
    let before = copy.map_or(Duration::ZERO, |copy| copy.age);
    let past_ttl = (now.saturating_sub(confirmed) + before).saturating_sub(policy.ttl);
    let is_usable = copy.is_none_or(|copy| now <= copy.until && reason.allows_copies());
    !policy.max_stale.is_zero() && past_ttl <= policy.max_stale && is_usable
}

impl EntryView<'_> {
    /// Returns the outage because of which nothing is to be expected of a call.
    fn known_outage(&self, now: Duration) -> Option<OutageReason> {
        let of_entry = self.failure.filter(|last| now.saturating_sub(last.at) < OUTAGE_KNOWN_FOR);
        of_entry.and_then(|last| last.outage).or(self.outage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: CachePolicy = CachePolicy {
        ttl: Duration::from_secs(300),
        max_stale: Duration::from_secs(1_000),
        max_entries: 10,
        max_bytes: 10,
    };

    fn refused(at: u64) -> LastFailure {
        let (at, failure) = (Duration::from_secs(at), ReadFailure::Internal);
        LastFailure { at, outage: None, failure }
    }

    fn lost(at: u64) -> LastFailure {
        let (at, failure) = (Duration::from_secs(at), ReadFailure::Timeout);
        LastFailure { at, outage: Some(OutageReason::Timeout), failure }
    }

    #[test]
    fn each_state_of_an_entry_has_its_answer() {
        use OutageReason::{Throttled, Timeout};
        use ReadDecision::{Fail, Fresh, Stale, Wait};
        // Confirmed at 1,000, if there is a value.
        let rows = [
            (true, None, None, 1_299, Fresh),
            (true, None, None, 1_300, Wait),
            // Within the TTL, nothing else matters.
            (true, Some(lost(1_299)), Some(Throttled), 1_299, Fresh),
            // A known outage: of the entry, or of all.
            (true, Some(lost(1_300)), None, 1_300, Stale(Timeout)),
            (true, Some(lost(1_300)), None, 1_329, Stale(Timeout)),
            (true, Some(lost(1_300)), None, 1_330, Wait),
            (true, None, Some(Throttled), 1_300, Stale(Throttled)),
            (true, Some(lost(1_300)), Some(Throttled), 1_301, Stale(Timeout)),
            (true, None, Some(Throttled), 2_300, Stale(Throttled)),
            // Older than the longest staleness.
            (true, None, Some(Throttled), 2_301, Wait),
            (true, Some(lost(2_300)), Some(Throttled), 2_301, Fail(ReadFailure::Timeout)),
            (true, Some(lost(2_300)), Some(Throttled), 2_305, Wait),
            // Nothing is there.
            (false, None, None, 0, Wait),
            (false, None, Some(Throttled), 0, Wait),
            (false, Some(lost(1_000)), None, 1_004, Fail(ReadFailure::Timeout)),
            (false, Some(lost(1_000)), None, 1_005, Wait),
            (false, Some(refused(1_000)), None, 1_004, Fail(ReadFailure::Internal)),
            (false, Some(refused(1_000)), None, 1_005, Wait),
        ];
        for (has_value, failure, outage, now, expected) in rows {
            let confirmed = has_value.then_some(Duration::from_secs(1_000));
            let view = EntryView { confirmed, copy: None, failure: failure.as_ref(), outage };
            let (cached, now) = (RequestedFreshness::Cached, Duration::from_secs(now));
            assert_eq!(decide(&view, cached, now, &POLICY), expected, "{view:?} {now:?}");
            assert_eq!(decide(&view, RequestedFreshness::Now, now, &POLICY), Wait);
        }
    }

    #[test]
    fn a_copy_is_never_fresh_and_served_in_an_outage_until_it_is_too_old() {
        use ReadDecision::{Fail, Stale, Wait};
        let seconds = Duration::from_secs;
        // Loaded at 1,000, when it was 100 s old; of at most 700 s.
        let copy = Some(FromCopy { age: seconds(100), until: seconds(1_600) });
        let rows = [
            (None, None, 1_000, Wait),
            (None, Some(OutageReason::Tls), 1_000, Stale(OutageReason::Tls)),
            (Some(lost(1_000)), None, 1_001, Stale(OutageReason::Timeout)),
            (None, Some(OutageReason::Tls), 1_600, Stale(OutageReason::Tls)),
            (None, Some(OutageReason::Tls), 1_601, Wait),
            (Some(lost(1_600)), None, 1_601, Fail(ReadFailure::Timeout)),
            (Some(refused(1_000)), None, 1_001, Fail(ReadFailure::Internal)),
            // The certificate or the key cannot be used.
            (None, Some(OutageReason::Identity), 1_000, Wait),
        ];
        for (failure, outage, now, expected) in rows {
            let failure = failure.as_ref();
            let view = EntryView { confirmed: Some(seconds(1_000)), copy, failure, outage };
            let decision = decide(&view, RequestedFreshness::Cached, seconds(now), &POLICY);
            assert_eq!(decision, expected, "{view:?} {now}");
            // `max-stale` limits it too.
            let policy = CachePolicy { max_stale: Duration::ZERO, ..POLICY };
            let decision = decide(&view, RequestedFreshness::Cached, seconds(now), &policy);
            assert!(!matches!(decision, Stale(_)), "{view:?} {now}");
        }
    }

    #[test]
    fn without_stale_answers_a_known_outage_changes_nothing() {
        let policy = CachePolicy { max_stale: Duration::ZERO, ..POLICY };
        let (confirmed, outage) = (Some(Duration::ZERO), Some(OutageReason::Tls));
        let view = EntryView { confirmed, outage, ..EntryView::default() };
        let at = |now| decide(&view, RequestedFreshness::Cached, Duration::from_secs(now), &policy);
        assert_eq!((at(299), at(300)), (ReadDecision::Fresh, ReadDecision::Wait));
        // Without a TTL, each read makes a call.
        let policy =
            CachePolicy { ttl: Duration::ZERO, max_stale: Duration::from_secs(9), ..POLICY };
        let view = EntryView { confirmed, ..EntryView::default() };
        let at = |view| decide(view, RequestedFreshness::Cached, Duration::ZERO, &policy);
        assert_eq!(at(&view), ReadDecision::Wait);
        assert_eq!(at(&EntryView { outage, ..view }), ReadDecision::Stale(OutageReason::Tls));
    }
}
