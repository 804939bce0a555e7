//! Readers that wait for calls, and calls that wait or were begun.

use std::rc::Rc;

use super::SecretsCache;
use super::call::CallOutcome;
use super::decision::LastFailure;
use super::entry::ValueEntry;
use super::outage::ServiceScope;
use super::queue::{NextCall, PendingCall};

/// A reader that waits for a call. If it gives up before the call has begun, and no other reader waits, there is
/// no call: clients that hang up must not make the queue longer and longer.
pub(super) struct WaitingReader<'a> {
    cache: &'a SecretsCache,
    entry: &'a Rc<ValueEntry>,
    pub(super) call: Rc<PendingCall>,
}

impl<'a> WaitingReader<'a> {
    pub(super) fn new(
        cache: &'a SecretsCache,
        entry: &'a Rc<ValueEntry>,
        call: Rc<PendingCall>,
    ) -> Self {
        call.readers.set(call.readers.get() + 1);
        Self { cache, entry, call }
    }
}

impl Drop for WaitingReader<'_> {
    fn drop(&mut self) {
        let readers = self.call.readers.get() - 1;
        self.call.readers.set(readers);
        if readers == 0 && self.cache.queue.borrow_mut().withdraw(self.entry, &self.call) {
            self.entry.state.borrow_mut().call = None;
            self.cache.entries.borrow_mut().remove_if_empty(self.entry);
        }
    }
}

/// Counts a call in flight as idle while it waits or is late: another one may begin in its place.
pub(super) struct IdleCall<'a> {
    cache: &'a SecretsCache,
    service: &'a ServiceScope,
}

impl<'a> IdleCall<'a> {
    pub(super) fn new(cache: &'a SecretsCache, service: &'a ServiceScope) -> Self {
        cache.queue.borrow_mut().release(service);
        cache.queued.notify_one();
        Self { cache, service }
    }
}

impl Drop for IdleCall<'_> {
    fn drop(&mut self) {
        self.cache.queue.borrow_mut().resume(self.service);
    }
}

/// A call that has left its queue. If it is dropped before its end, its readers get a timeout, and another one may
/// be made: what makes the calls may be dropped, and run again.
pub(super) struct BegunCall<'a> {
    cache: &'a SecretsCache,
    next: NextCall,
    outcome: Option<CallOutcome>,
}

impl<'a> BegunCall<'a> {
    pub(super) fn new(cache: &'a SecretsCache, next: NextCall) -> Self {
        Self { cache, next, outcome: None }
    }

    pub(super) fn call(&self) -> &NextCall {
        &self.next
    }

    /// Hands the outcome to the readers that wait for it.
    pub(super) fn end(mut self, outcome: CallOutcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for BegunCall<'_> {
    fn drop(&mut self) {
        let NextCall { entry, call, service } = &self.next;
        let now = self.cache.ports.clock.uptime();
        {
            let mut state = entry.state.borrow_mut();
            state.call = None;
            state.last_call_ended = Some(now);
        }
        let outcome = self.outcome.take().unwrap_or_else(|| Err(LastFailure::timeout(now)));
        *call.outcome.borrow_mut() = Some(outcome);
        call.ended.notify_waiters();
        let mut queue = self.cache.queue.borrow_mut();
        queue.ended(call);
        queue.release(service);
    }
}
