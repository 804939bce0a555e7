//! What is known of one secret or parameter.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

use super::decision::{EntryView, LastFailure};
use super::key::EntryKey;
use super::offline::FromCopy;
use super::outage::ServiceScope;
use super::queue::PendingCall;
use super::read::{OutageReason, ReadItem};
use super::rotation::RotationWindow;
use super::upstream::CallScope;
use super::value::CachedValue;

/// A version of a secret or a parameter, by whatever names it is read. Times are of the process's uptime.
pub(super) struct ValueEntry {
    pub(super) scope: CallScope,
    /// What its calls fail with.
    pub(super) service: ServiceScope,
    pub(super) state: RefCell<EntryState>,
    /// Wakes readers that wait for another version.
    pub(super) changed: Notify,
    pub(super) last_read: Cell<Option<Duration>>,
    /// The number of its last use, of which the entry with the lowest is removed first.
    pub(super) last_use: Cell<u64>,
    /// Its index among all entries; `None` if it was removed.
    pub(super) position: Cell<Option<usize>>,
}

/// The part of an entry that calls change.
pub(super) struct EntryState {
    /// What AWS is asked for.
    pub(super) item: ReadItem,
    pub(super) held: Option<HeldValue>,
    /// The call that is to be made, or is in flight.
    pub(super) call: Option<Rc<PendingCall>>,
    /// How the last call failed, if it failed.
    pub(super) failure: Option<Box<LastFailure>>,
    pub(super) last_call_ended: Option<Duration>,
    /// When it is checked in the background.
    pub(super) next_check: Duration,
    pub(super) rotation: Option<RotationWindow>,
    /// Until when `DescribeSecret` is not tried, as the role may not use it.
    pub(super) describe_denied_until: Duration,
    /// The keys that lead to it.
    pub(super) names: Vec<EntryKey>,
}

/// A value that was read.
pub(super) struct HeldValue {
    pub(super) value: Rc<CachedValue>,
    /// When the last call began that confirmed it.
    pub(super) confirmed: Duration,
    /// When the last call began that returned it.
    pub(super) fetched: Duration,
    /// When the first call began that returned it.
    pub(super) changed: Duration,
    pub(super) seen: SeenBetween,
    /// Set if it is from a copy on disk, and AWS has not confirmed it since the start.
    pub(super) copy: Option<FromCopy>,
}

/// A call: the numbers of its begin and of its end, among those of all calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct CallSpan {
    pub(super) began: u64,
    pub(super) ended: u64,
}

/// The first and the last of the calls that found the same version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct SeenBetween {
    pub(super) first: CallSpan,
    pub(super) last: CallSpan,
}

impl SeenBetween {
    /// Returns whether both versions had their staging labels at one and the same time.
    ///
    /// A version had its label from the end of the first call that found it to the begin of the last one,
    /// and at some time during each of them.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let surely = |it: &Self| (it.first.ended, it.last.began);
        let holds = |(from, to): (u64, u64), span: CallSpan| from < span.began && span.ended < to;
        let ((from, to), (other_from, other_to)) = (surely(self), surely(other));
        let both = from.max(other_from) < to.min(other_to);
        both || holds((from, to), other.last) || holds((other_from, other_to), self.last)
    }
}

impl ValueEntry {
    /// Returns an entry without a value.
    pub(super) fn new(scope: CallScope, item: ReadItem) -> Self {
        let service = ServiceScope::of(&scope, &item);
        let state = EntryState {
            item,
            held: None,
            call: None,
            failure: None,
            last_call_ended: None,
            next_check: Duration::ZERO,
            rotation: None,
            describe_denied_until: Duration::ZERO,
            // Its name and its ARN.
            names: Vec::with_capacity(2),
        };
        Self {
            scope,
            service,
            state: RefCell::new(state),
            changed: Notify::new(),
            last_read: Cell::new(None),
            last_use: Cell::new(0),
            position: Cell::new(None),
        }
    }

    /// Returns whether it was read within `time` before `now`.
    pub(super) fn was_read_within(&self, time: Duration, now: Duration) -> bool {
        self.last_read.get().is_some_and(|read| now.saturating_sub(read) <= time)
    }
}

impl EntryState {
    /// Returns it for a decision, with the outage of all that fail with it, if one is known.
    pub(super) fn view(&self, outage: Option<OutageReason>) -> EntryView<'_> {
        EntryView {
            confirmed: self.held.as_ref().map(|held| held.confirmed),
            copy: self.held.as_ref().and_then(|held| held.copy),
            failure: self.failure.as_deref(),
            outage,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(first: (u64, u64), last: (u64, u64)) -> SeenBetween {
        let span = |(began, ended)| CallSpan { began, ended };
        SeenBetween { first: span(first), last: span(last) }
    }

    #[test]
    fn versions_belong_together_if_one_was_seen_between_calls_that_saw_the_other() {
        let rows = [
            // One call each, one after the other or at the same time: the label may have moved between.
            (seen((1, 2), (1, 2)), seen((3, 4), (3, 4)), false),
            (seen((1, 4), (1, 4)), seen((2, 3), (2, 3)), false),
            // Seen before and after the other.
            (seen((1, 2), (5, 6)), seen((3, 4), (3, 4)), true),
            (seen((1, 4), (5, 6)), seen((2, 3), (2, 3)), false),
            (seen((1, 2), (4, 6)), seen((3, 5), (3, 5)), false),
            // Both more than once.
            (seen((1, 2), (7, 8)), seen((3, 4), (9, 10)), true),
            (seen((1, 2), (3, 4)), seen((5, 6), (7, 8)), false),
        ];
        for (one, other, expected) in rows {
            assert_eq!(one.overlaps(&other), expected, "{one:?} {other:?}");
            assert_eq!(other.overlaps(&one), expected, "{other:?} {one:?}");
        }
    }
}
