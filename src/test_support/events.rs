//! Events that a test makes happen.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::path::PathBuf;
use std::task::Poll;

use futures_util::future::LocalBoxFuture;

use crate::daemon::{Event, Events};

/// The events that have not been handled yet. It wakes no task: what waits for one is to be polled again.
#[derive(Debug, Default)]
pub(crate) struct FakeEvents(RefCell<VecDeque<Event>>);

impl FakeEvents {
    /// Lets an event happen, after those before it.
    pub(crate) fn happen(&self, event: Event) {
        self.0.borrow_mut().push_back(event);
    }
}

impl Events for FakeEvents {
    fn next(&self) -> LocalBoxFuture<'_, Event> {
        let next = || self.0.borrow_mut().pop_front().map_or(Poll::Pending, Poll::Ready);
        Box::pin(poll_fn(move |_| next()))
    }

    fn watch(&self, _files: Vec<PathBuf>) -> LocalBoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
