//! The calls that are to be made: which is next, and how many are made at a time.
//!
//! What an operation costs does not depend on the number of calls.

pub(super) mod service;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

use super::call::CallOutcome;
use super::entry::ValueEntry;
use super::outage::ServiceScope;
use service::ServiceQueue;

/// How many calls of a role to a service in a Region are in flight at the same time: each may need a
/// connection of its own. Those that wait or are late do not count.
pub(super) const CALLS_AT_ONCE: usize = 16;

/// The same of all roles, services and Regions.
const CALLS_IN_ALL: usize = 64;

/// How many calls there may be for readers, in flight or not: more would not be answered while those wait.
const CALLS_OF_READERS: usize = 2_000;

/// The same for one client.
const CALLS_OF_CLIENT: usize = CALLS_OF_READERS / 2;

/// A call that is to be made, or is in flight.
pub(super) struct PendingCall {
    pub(super) kind: CallKind,
    pub(super) not_before: Duration,
    pub(super) ended: Notify,
    pub(super) outcome: RefCell<Option<CallOutcome>>,
    /// The readers that wait for it.
    pub(super) readers: Cell<usize>,
    place: Cell<CallPlace>,
    maker: CallMaker,
}

/// What is called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum CallKind {
    /// `DescribeSecret` if it can tell that the version has not changed, else [`CallKind::Get`].
    Check,
    /// `GetSecretValue` or `GetParameter`.
    Get,
}

/// Why a call is made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum CallMaker {
    /// It is made whether or not a reader waits for it.
    Background,
    /// For readers, the first of which is of this client.
    Reader(Option<Rc<str>>),
}

/// Where a call is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum CallPlace {
    InBackground,
    OfReaders,
    /// It was taken from its queue, or is not to be made.
    Left,
}

/// A call that is made now.
pub(super) struct NextCall {
    pub(super) entry: Rc<ValueEntry>,
    pub(super) call: Rc<PendingCall>,
    pub(super) service: ServiceScope,
}

/// Calls that are to be made, and the numbers of those in flight.
#[derive(Default)]
pub(super) struct CallQueue {
    services: HashMap<ServiceScope, ServiceQueue>,
    /// The services with a call that may begin, in turn.
    ready: VecDeque<ServiceScope>,
    /// The calls in flight that neither wait nor are late.
    active: usize,
    of_readers: usize,
    of_clients: HashMap<Rc<str>, usize>,
}

impl PendingCall {
    pub(super) fn new(kind: CallKind, not_before: Duration, maker: CallMaker) -> Self {
        Self {
            kind,
            not_before,
            ended: Notify::new(),
            outcome: RefCell::default(),
            readers: Cell::default(),
            place: Cell::new(match maker {
                CallMaker::Background => CallPlace::InBackground,
                CallMaker::Reader(_) => CallPlace::OfReaders,
            }),
            maker,
        }
    }
}

impl CallQueue {
    /// Returns the next call, which is in flight from now on; readers go before the background.
    pub(super) fn next(&mut self) -> Option<NextCall> {
        while self.active < CALLS_IN_ALL {
            let service = self.ready.pop_front()?;
            let Some(queue) = self.services.get_mut(&service) else { continue };
            queue.is_ready = false;
            let next = if queue.active < CALLS_AT_ONCE { queue.pop() } else { None };
            if next.is_some() {
                queue.active += 1;
                self.active += 1;
            }
            self.settle(&service);
            if let Some((entry, call)) = next {
                return Some(NextCall { entry, call, service });
            }
        }
        None
    }

    /// Returns whether there may be one more call for a reader of `client`.
    pub(super) fn has_room(&self, client: Option<&str>) -> bool {
        let of_client = client.and_then(|client| self.of_clients.get(client));
        self.of_readers < CALLS_OF_READERS && of_client.is_none_or(|of| *of < CALLS_OF_CLIENT)
    }

    /// Adds a call.
    pub(super) fn push(&mut self, entry: &Rc<ValueEntry>, call: &Rc<PendingCall>) {
        let service = entry.service.clone();
        let queue = self.services.entry(service.clone()).or_default();
        queue.push(entry, call);
        match &call.maker {
            CallMaker::Background => {}
            CallMaker::Reader(client) => {
                self.of_readers += 1;
                if let Some(client) = client {
                    *self.of_clients.entry(Rc::clone(client)).or_default() += 1;
                }
            }
        }
        self.settle(&service);
    }

    /// Puts a call that is to be made in the background among those of readers.
    pub(super) fn hurry(&mut self, entry: &Rc<ValueEntry>, call: &Rc<PendingCall>) {
        if call.place.get() != CallPlace::InBackground {
            return;
        }
        if let Some(queue) = self.services.get_mut(&entry.service) {
            call.place.set(CallPlace::OfReaders);
            queue.push(entry, call);
            queue.leave();
        }
    }

    /// Removes a call that was to be made for readers only, and has not begun; returns whether it is one.
    pub(super) fn withdraw(&mut self, entry: &ValueEntry, call: &PendingCall) -> bool {
        let is_of_readers = call.maker != CallMaker::Background;
        if !is_of_readers || call.place.get() != CallPlace::OfReaders {
            return false;
        }
        call.place.set(CallPlace::Left);
        let service = entry.service.clone();
        if let Some(queue) = self.services.get_mut(&service) {
            queue.leave();
        }
        self.ended(call);
        self.settle(&service);
        true
    }

    /// Counts a call no more, which has ended.
    pub(super) fn ended(&mut self, call: &PendingCall) {
        let CallMaker::Reader(client) = &call.maker else { return };
        self.of_readers -= 1;
        if let Some(client) = client
            && let Some(of_client) = self.of_clients.get_mut(client)
        {
            *of_client -= 1;
            if *of_client == 0 {
                self.of_clients.remove(client);
            }
        }
    }

    /// Lets another call begin in the place of one in flight.
    pub(super) fn release(&mut self, service: &ServiceScope) {
        if let Some(queue) = self.services.get_mut(service) {
            queue.active -= 1;
            self.active -= 1;
        }
        self.settle(service);
    }

    /// Counts a call in flight again.
    pub(super) fn resume(&mut self, service: &ServiceScope) {
        self.services.entry(service.clone()).or_default().active += 1;
        self.active += 1;
    }

    /// Returns how many calls of a service are to be made or in flight; those that are late do not count.
    pub(super) fn calls_of(&self, service: &ServiceScope) -> usize {
        self.services.get(service).map_or(0, |queue| queue.queued() + queue.active)
    }

    /// Puts a service among those that are ready if a call of it may begin; forgets it if it has none.
    fn settle(&mut self, service: &ServiceScope) {
        let Some(queue) = self.services.get_mut(service) else { return };
        if queue.queued() == 0 && queue.active == 0 && !queue.is_ready {
            self.services.remove(service);
        } else if queue.queued() > 0 && queue.active < CALLS_AT_ONCE && !queue.is_ready {
            queue.is_ready = true;
            self.ready.push_back(service.clone());
        }
    }
}
