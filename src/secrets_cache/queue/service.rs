//! The calls of a role to a service in a Region: those of readers in turn, then those of the background.

#[cfg(test)]
use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use super::{CallMaker, CallPlace, PendingCall};
use crate::secrets_cache::entry::ValueEntry;

/// How many places of calls that left a queue are kept before it is rebuilt.
const LEAST_LEFT: usize = 32;

pub(super) type QueuedCall = (Rc<ValueEntry>, Rc<PendingCall>);

/// The calls of a role to a service in a Region.
#[derive(Default)]
pub(super) struct ServiceQueue {
    of_readers: HashMap<Option<Rc<str>>, VecDeque<QueuedCall>>,
    /// The clients that have calls, in turn: many of one do not keep those of others waiting.
    clients: VecDeque<Option<Rc<str>>>,
    in_background: VecDeque<QueuedCall>,
    /// How many calls are in these queues.
    length: usize,
    /// How many of them have left.
    left: usize,
    /// Those in flight that neither wait nor are late.
    pub(super) active: usize,
    /// Whether it is among those with a call that may begin.
    pub(super) is_ready: bool,
}

#[cfg(test)]
thread_local! {
    /// How many calls were examined to rebuild queues.
    pub(in crate::secrets_cache) static EXAMINED: Cell<usize> = const { Cell::new(0) };
}

impl ServiceQueue {
    /// Returns how many calls are to be made.
    pub(super) fn queued(&self) -> usize {
        self.length - self.left
    }

    /// Adds a call to the queue of its place.
    pub(super) fn push(&mut self, entry: &Rc<ValueEntry>, call: &Rc<PendingCall>) {
        let queue = match (call.place.get(), &call.maker) {
            (CallPlace::InBackground, _) => &mut self.in_background,
            (_, maker) => {
                let client = match maker {
                    CallMaker::Reader(client) => client.clone(),
                    CallMaker::Background => None,
                };
                if !self.of_readers.contains_key(&client) {
                    self.clients.push_back(client.clone());
                }
                self.of_readers.entry(client).or_default()
            }
        };
        queue.push_back((Rc::clone(entry), Rc::clone(call)));
        self.length += 1;
    }

    /// Returns the next call, which leaves its queue.
    pub(super) fn pop(&mut self) -> Option<QueuedCall> {
        loop {
            let (place, next) = match self.pop_of_readers() {
                Some(next) => (CallPlace::OfReaders, next),
                None => (CallPlace::InBackground, self.in_background.pop_front()?),
            };
            self.length -= 1;
            if next.1.place.get() == place {
                next.1.place.set(CallPlace::Left);
                return Some(next);
            }
            self.left -= 1;
        }
    }

    /// Returns the first call of the client whose turn it is.
    fn pop_of_readers(&mut self) -> Option<QueuedCall> {
        let client = self.clients.pop_front()?;
        let queue = self.of_readers.get_mut(&client)?;
        let next = queue.pop_front();
        if queue.is_empty() {
            self.of_readers.remove(&client);
        } else {
            self.clients.push_back(client);
        }
        next
    }

    /// Counts a call that has left its queue; its place is removed later, together with others.
    pub(super) fn leave(&mut self) {
        self.left += 1;
        if self.left < LEAST_LEFT.max(self.queued()) {
            return;
        }
        #[cfg(test)]
        EXAMINED.set(EXAMINED.get() + self.length);
        self.of_readers.retain(|_, queue| {
            queue.retain(|(_, call)| call.place.get() == CallPlace::OfReaders);
            !queue.is_empty()
        });
        self.clients.retain(|client| self.of_readers.contains_key(client));
        self.in_background.retain(|(_, call)| call.place.get() == CallPlace::InBackground);
        (self.length, self.left) = (self.queued(), 0);
    }
}
