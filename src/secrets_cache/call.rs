//! The calls of the cache: one for an entry at a time, whose readers all get its result.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use super::SecretsCache;
use super::decision::LastFailure;
use super::entry::{CallSpan, EntryState, ValueEntry};
use super::key::CURRENT;
use super::outcome::{CallFound, CallTimes};
use super::policy::{
    CALL_LIMIT, CachePolicy, DENIED_FOR, PROBES_AT_ONCE, READER_LIMIT, REFRESH_INTERVAL,
};
use super::queue::{CallKind, CallMaker, NextCall, PendingCall};
use super::read::{OutageReason, ReadFailure, ReadItem, RequestedFreshness};
use super::rotation::RotationWindow;
use super::upstream::{CallResult, UpstreamFailure};
use super::value::{CachedValue, FetchedValue};
use super::waiting::{BegunCall, IdleCall, WaitingReader};
use futures_util::future::{Either, select};
use roles_anywhere_client::aws::get_secret_value::SecretRequest;
use roles_anywhere_client::aws::json_protocol::JsonOperation;
use roles_anywhere_client::aws::secret_description::SecretDescription;

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

impl SecretsCache {
    /// Returns the result of a call for a reader of `client`; that of none by `deadline` is a timeout.
    pub(super) async fn wait_for_call(
        &self,
        entry: &Rc<ValueEntry>,
        (freshness, client): (RequestedFreshness, Option<&Rc<str>>),
        deadline: Duration,
    ) -> CallOutcome {
        let call = match self.call_for(entry, freshness, client) {
            Ok(call) => call,
            Err(failure) => {
                self.entries.borrow_mut().remove_if_empty(entry);
                return Err(failure);
            }
        };
        let reader = WaitingReader::new(self, entry, call);
        let clock = &self.ports.clock;
        let remaining = deadline.saturating_sub(clock.uptime());
        match select(pin!(reader.call.outcome()), self.ports.timer.sleep(remaining)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(LastFailure::timeout(clock.uptime())),
        }
    }

    /// Returns the call whose result a reader of `entry` gets: the one in flight, or another one. The error
    /// is the result if none is made.
    fn call_for(
        &self,
        entry: &Rc<ValueEntry>,
        freshness: RequestedFreshness,
        client: Option<&Rc<str>>,
    ) -> Result<Rc<PendingCall>, LastFailure> {
        let mut queue = self.queue.borrow_mut();
        let mut state = entry.state.borrow_mut();
        if let Some(call) = &state.call {
            queue.hurry(entry, call);
            return Ok(Rc::clone(call));
        }
        let (now, service) = (self.ports.clock.uptime(), &entry.service);
        if queue.calls_of(service) >= PROBES_AT_ONCE
            && let Some(failure) = self.outages.borrow().persistent(service, now)
        {
            return Err(failure);
        }
        if !queue.has_room(client.map(|client| &**client)) {
            return Err(LastFailure { at: now, outage: None, failure: ReadFailure::TooManyReads });
        }
        let maker = CallMaker::Reader(client.map(Rc::clone));
        let call = match (freshness, state.last_call_ended) {
            (RequestedFreshness::Cached, _) => {
                state.new_call(CallKind::Check, Duration::ZERO, maker)
            }
            (RequestedFreshness::Now, ended) => {
                let not_before = ended.map_or(Duration::ZERO, |ended| ended + REFRESH_INTERVAL);
                state.new_call(CallKind::Get, not_before, maker)
            }
        };
        queue.push(entry, &call);
        self.queued.notify_one();
        Ok(call)
    }

    /// Returns a call for which no reader waits yet, or the one in flight.
    pub(super) fn call_in_background(&self, entry: &Rc<ValueEntry>) -> Rc<PendingCall> {
        let mut state = entry.state.borrow_mut();
        if let Some(call) = &state.call {
            return Rc::clone(call);
        }
        let call = state.new_call(CallKind::Check, Duration::ZERO, CallMaker::Background);
        self.queue.borrow_mut().push(entry, &call);
        self.queued.notify_one();
        call
    }

    /// Makes a call, and hands its result to the readers that wait for it.
    pub(super) async fn perform(&self, next: NextCall) {
        let begun = BegunCall::new(self, next);
        let NextCall { entry, call, service } = begun.call();
        let pause = call.not_before.saturating_sub(self.ports.clock.uptime());
        if !pause.is_zero() {
            let _idle = IdleCall::new(self, service);
            self.ports.timer.sleep(pause).await;
        }
        let (in_flight, began) = (self.begin_call(), self.ports.clock.uptime());
        let work = self.find(entry, call.kind);
        let found = self.within_limit(entry, in_flight.began, work).await;
        let span = CallSpan { began: in_flight.began, ended: self.next_number() };
        let outcome = self.finish(entry, found, CallTimes { span, began });
        drop(in_flight);
        let entry = Rc::clone(entry);
        begun.end(outcome);
        self.entries.borrow_mut().shrink_after(&entry, &self.policy.get());
    }

    /// Returns the result of `work`. Once it has taken as long as readers wait, an outage is known; it may
    /// go on, and end that.
    async fn within_limit<T>(
        &self,
        entry: &ValueEntry,
        began: u64,
        work: impl Future<Output = CallResult<T>>,
    ) -> CallResult<T> {
        let timer = &self.ports.timer;
        let mut work = pin!(work);
        if let Either::Left((found, _)) = select(work.as_mut(), timer.sleep(READER_LIMIT)).await {
            return found;
        }
        let _idle = IdleCall::new(self, &entry.service);
        let failure = LastFailure::timeout(self.ports.clock.uptime());
        self.outages.borrow_mut().begin(&entry.service, &failure, began);
        entry.state.borrow_mut().failure = Some(Box::new(failure));
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
            (
                state.item.clone(),
                (kind == CallKind::Check).then(|| state.describable(&self.policy.get(), now)),
            )
        };
        let (mut denied_describe, mut is_described) = (false, false);
        if let (Some(Some(value)), ReadItem::Secret(request)) = (checked, &item) {
            match self.describe(entry, request).await {
                Ok(description) if confirms(&description, request, value.content()) => {
                    return Ok(CallFound::Unchanged(value));
                }
                Ok(_) => is_described = true,
                Err(UpstreamFailure::Refused(_) | UpstreamFailure::NoVersion(_)) => {
                    denied_describe = true;
                }
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
        if !is_described {
            entry.state.borrow_mut().forget_old_rotation(self.policy.get().ttl, now);
        }
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
            Err(UpstreamFailure::Refused(_) | UpstreamFailure::NoVersion(_)) => {
                entry.state.borrow_mut().rotation = None;
            }
            Err(UpstreamFailure::Outage(..)) => {}
        }
        described
    }
}

impl EntryState {
    fn new_call(
        &mut self,
        kind: CallKind,
        not_before: Duration,
        maker: CallMaker,
    ) -> Rc<PendingCall> {
        let call = Rc::new(PendingCall::new(kind, not_before, maker));
        self.call = Some(Rc::clone(&call));
        call
    }

    /// Forgets when the secret is to be rotated if it is not checked any more: another rotation may have
    /// followed, of which only `DescribeSecret` tells.
    fn forget_old_rotation(&mut self, ttl: Duration, now: Duration) {
        let is_old =
            self.held.as_ref().is_some_and(|held| now.saturating_sub(held.confirmed) >= ttl);
        if is_old {
            self.rotation = None;
        }
    }

    /// Returns the value if `DescribeSecret` may confirm it.
    fn describable(&self, policy: &CachePolicy, now: Duration) -> Option<Rc<CachedValue>> {
        let held = self.held.as_ref()?;
        // Of a copy, only `GetSecretValue` tells whether the role may still read it.
        let is_recent =
            held.copy.is_none() && now.saturating_sub(held.fetched) < policy.longest_without_get();
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
