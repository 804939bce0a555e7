//! Readers that wait for calls, and calls that wait.

use std::rc::Rc;

use super::SecretsCache;
use super::entry::ValueEntry;
use super::outage::ServiceScope;
use super::queue::PendingCall;

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
