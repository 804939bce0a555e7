//! The calls of the cache: one for an entry at a time, whose readers all get its result.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::Notify;

use super::SecretsCache;
use super::decision::LastFailure;
use super::entry::{CallSpan, EntryState, ValueEntry};
use super::key::CURRENT;
use super::outcome::{CallFound, CallTimes};
use super::policy::{CALL_LIMIT, DENIED_FOR, LONGEST_WITHOUT_GET, READER_LIMIT, REFRESH_INTERVAL};
use super::read::{OutageReason, ReadFailure, ReadItem, RequestedFreshness};
use super::rotation::RotationWindow;
use super::upstream::{CallResult, UpstreamFailure};
use super::value::{CachedValue, FetchedValue};
use roles_anywhere_client::aws::get_secret_value::SecretRequest;
use roles_anywhere_client::aws::json_protocol::JsonOperation;
use roles_anywhere_client::aws::secret_description::SecretDescription;

/// A call that is to be made, or is in flight.
pub(super) struct PendingCall {
    kind: CallKind,
    not_before: Duration,
    ended: Notify,
    outcome: RefCell<Option<CallOutcome>>,
}

/// What is called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum CallKind {
    /// `DescribeSecret` if it can tell that the version has not changed, else [`CallKind::Get`].
    Check,
    /// `GetSecretValue` or `GetParameter`.
    Get,
}

/// A value with the time when the call began that confirmed it, or the failure.
pub(super) type CallOutcome = Result<(Rc<CachedValue>, Duration), LastFailure>;

impl PendingCall {
    /// Completes when the call has ended.
    pub(super) async fn outcome(&self) -> CallOutcome {
        loop {
            let ended = self.ended.notified();
            if let Some(outcome) = &*self.outcome.borrow() {
                return outcome.clone();
            }
            ended.await;
        }
    }
}

/// Calls that are to be made.
#[derive(Default)]
pub(super) struct CallQueue {
    of_readers: VecDeque<(Rc<ValueEntry>, Rc<PendingCall>)>,
    in_background: VecDeque<(Rc<ValueEntry>, Rc<PendingCall>)>,
}

impl CallQueue {
    /// Returns the next call; readers go before the background.
    pub(super) fn next(&mut self) -> Option<(Rc<ValueEntry>, Rc<PendingCall>)> {
        self.of_readers.pop_front().or_else(|| self.in_background.pop_front())
    }

    /// Removes a call that has not begun; returns whether it was there.
    fn remove(&mut self, call: &Rc<PendingCall>) -> bool {
        let at = self.of_readers.iter().position(|(_, queued)| Rc::ptr_eq(queued, call));
        at.and_then(|at| self.of_readers.remove(at)).is_some()
    }

    fn hurry(&mut self, call: &Rc<PendingCall>) {
        let at = self.in_background.iter().position(|(_, queued)| Rc::ptr_eq(queued, call));
        self.of_readers.extend(at.and_then(|at| self.in_background.remove(at)));
    }
}

/// A reader that waits for a call. If it gives up before the call has begun, and nobody else waits, there is
/// no call: clients that hang up must not make the queue longer and longer.
struct WaitingReader<'a> {
    cache: &'a SecretsCache,
    entry: &'a Rc<ValueEntry>,
    call: Rc<PendingCall>,
}

impl Drop for WaitingReader<'_> {
    fn drop(&mut self) {
        // The queue, the entry, and this reader.
        let is_last = Rc::strong_count(&self.call) <= 3;
        if is_last && self.cache.queue.borrow_mut().remove(&self.call) {
            self.entry.state.borrow_mut().call = None;
            self.cache.entries.borrow_mut().remove_if_empty(self.entry);
        }
    }
}

impl SecretsCache {
    /// Returns the result of a call for a reader; that of none by `deadline` is a timeout.
    pub(super) async fn wait_for_call(
        &self,
        entry: &Rc<ValueEntry>,
        freshness: RequestedFreshness,
        deadline: Duration,
    ) -> CallOutcome {
        let call = self.call_for(entry, freshness);
        let reader = WaitingReader { cache: self, entry, call };
        let clock = &self.ports.clock;
        let remaining = deadline.saturating_sub(clock.uptime());
        match select(pin!(reader.call.outcome()), self.ports.timer.sleep(remaining)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(LastFailure {
                at: clock.uptime(),
                outage: Some(OutageReason::Timeout),
                failure: ReadFailure::Timeout,
            }),
        }
    }

    /// Returns the call whose result a reader of `entry` gets: the one in flight, or another one.
    fn call_for(&self, entry: &Rc<ValueEntry>, freshness: RequestedFreshness) -> Rc<PendingCall> {
        let mut queue = self.queue.borrow_mut();
        let mut state = entry.state.borrow_mut();
        if let Some(call) = &state.call {
            queue.hurry(call);
            return Rc::clone(call);
        }
        let call = match (freshness, state.last_call_ended) {
            (RequestedFreshness::Cached, _) => state.new_call(CallKind::Check, Duration::ZERO),
            (RequestedFreshness::Now, ended) => {
                let not_before = ended.map_or(Duration::ZERO, |ended| ended + REFRESH_INTERVAL);
                state.new_call(CallKind::Get, not_before)
            }
        };
        queue.of_readers.push_back((Rc::clone(entry), Rc::clone(&call)));
        self.queued.notify_one();
        call
    }

    /// Returns a call for which no reader waits yet, or the one in flight.
    pub(super) fn call_in_background(&self, entry: &Rc<ValueEntry>) -> Rc<PendingCall> {
        let mut state = entry.state.borrow_mut();
        if let Some(call) = &state.call {
            return Rc::clone(call);
        }
        let call = state.new_call(CallKind::Check, Duration::ZERO);
        let queued = (Rc::clone(entry), Rc::clone(&call));
        self.queue.borrow_mut().in_background.push_back(queued);
        self.queued.notify_one();
        call
    }

    /// Makes a call, and hands its result to the readers that wait for it.
    pub(super) async fn perform(&self, entry: Rc<ValueEntry>, call: Rc<PendingCall>) {
        let pause = call.not_before.saturating_sub(self.ports.clock.uptime());
        if !pause.is_zero() {
            let _idle = self.idle_call();
            self.ports.timer.sleep(pause).await;
        }
        let began = (self.next_number(), self.ports.clock.uptime());
        let found = self.within_limit(&entry, self.find(&entry, call.kind)).await;
        let span = CallSpan { began: began.0, ended: self.next_number() };
        let outcome = self.finish(&entry, found, CallTimes { span, began: began.1 });
        {
            let mut state = entry.state.borrow_mut();
            state.call = None;
            state.last_call_ended = Some(self.ports.clock.uptime());
        }
        *call.outcome.borrow_mut() = Some(outcome);
        call.ended.notify_waiters();
        self.shrink();
    }

    /// Returns the result of `work`. Once it has taken as long as readers wait, an outage is known; it may
    /// go on, and end that.
    async fn within_limit<T>(
        &self,
        entry: &ValueEntry,
        work: impl Future<Output = CallResult<T>>,
    ) -> CallResult<T> {
        let timer = &self.ports.timer;
        let mut work = pin!(work);
        if let Either::Left((found, _)) = select(work.as_mut(), timer.sleep(READER_LIMIT)).await {
            return found;
        }
        let _idle = self.idle_call();
        let item = entry.state.borrow().item.clone();
        let now = self.ports.clock.uptime();
        self.outages.borrow_mut().begin(&entry.scope, &item, OutageReason::Timeout, now);
        match select(work, timer.sleep(CALL_LIMIT - READER_LIMIT)).await {
            Either::Left((found, _)) => found,
            Either::Right(_) => {
                Err(UpstreamFailure::Outage(OutageReason::Timeout, ReadFailure::Timeout))
            }
        }
    }

    /// Asks AWS.
    async fn find(&self, entry: &ValueEntry, kind: CallKind) -> CallResult<CallFound> {
        let now = self.ports.clock.uptime();
        let (item, checked) = {
            let state = entry.state.borrow();
            (state.item.clone(), (kind == CallKind::Check).then(|| state.describable(now)))
        };
        let mut denied_describe = false;
        if let (Some(Some(value)), ReadItem::Secret(request)) = (checked, &item) {
            match self.describe(entry, request).await {
                Ok(description) if confirms(&description, request, value.content()) => {
                    return Ok(CallFound::Unchanged(value));
                }
                Ok(_) => {}
                Err(UpstreamFailure::Refused(_)) => denied_describe = true,
                Err(outage) => return Err(outage),
            }
        }
        let found = self.upstream.get(&entry.scope, &item, CALL_LIMIT).await;
        let operation = match item {
            ReadItem::Secret(_) => JsonOperation::GetSecretValue,
            ReadItem::Parameter(..) => JsonOperation::GetParameter,
        };
        self.statistics.borrow_mut().count_call(operation, &found);
        let found = found?;
        if denied_describe {
            // The secret is there, so it is the operation that the role may not use.
            entry.state.borrow_mut().describe_denied_until = now + DENIED_FOR;
        }
        Ok(CallFound::Value(found))
    }

    async fn describe(
        &self,
        entry: &ValueEntry,
        request: &SecretRequest,
    ) -> CallResult<SecretDescription> {
        let described = self.upstream.describe(&entry.scope, &request.secret, CALL_LIMIT).await;
        self.statistics.borrow_mut().count_call(JsonOperation::DescribeSecret, &described);
        match &described {
            Ok(description) => {
                entry.state.borrow_mut().rotation = RotationWindow::of(description);
            }
            // It would never be followed by another one.
            Err(UpstreamFailure::Refused(_)) => entry.state.borrow_mut().rotation = None,
            Err(UpstreamFailure::Outage(..)) => {}
        }
        described
    }
}

impl EntryState {
    fn new_call(&mut self, kind: CallKind, not_before: Duration) -> Rc<PendingCall> {
        let (ended, outcome) = (Notify::new(), RefCell::new(None));
        let call = Rc::new(PendingCall { kind, not_before, ended, outcome });
        self.call = Some(Rc::clone(&call));
        call
    }

    /// Returns the value if `DescribeSecret` may confirm it.
    fn describable(&self, now: Duration) -> Option<Rc<CachedValue>> {
        let held = self.held.as_ref()?;
        let is_recent = now.saturating_sub(held.fetched) < LONGEST_WITHOUT_GET;
        let is_allowed = now >= self.describe_denied_until;
        (is_recent && is_allowed).then(|| Rc::clone(&held.value))
    }
}

/// Returns whether a secret is described as it was read: the version still has its staging labels, with the
/// one that was asked for.
fn confirms(
    description: &SecretDescription,
    request: &SecretRequest,
    value: &FetchedValue,
) -> bool {
    let FetchedValue::Secret(secret) = value else { return false };
    let stages =
        secret.version_id.as_ref().and_then(|id| description.version_ids_to_stages.get(id));
    let Some(stages) = stages else { return false };
    let has_stage = match (&request.version_stage, &request.version_id) {
        (Some(stage), _) => stages.contains(stage),
        (None, Some(_)) => true,
        (None, None) => stages.iter().any(|stage| stage == CURRENT),
    };
    let sorted = |stages: &[String]| {
        let mut stages = stages.to_vec();
        stages.sort();
        stages
    };
    has_stage
        && description.deleted_date.is_none()
        && (&description.arn, &description.name) == (&secret.arn, &secret.name)
        && sorted(stages) == sorted(&secret.version_stages)
}
