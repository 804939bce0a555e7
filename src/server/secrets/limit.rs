//! How many requests are answered at a time. Those that wait for a change do not count among the others.

use std::cell::Cell;

/// The requests that are being answered.
#[derive(Debug)]
pub(super) struct RequestLimit {
    most: Cell<usize>,
    answered: Cell<usize>,
    waiting: Cell<usize>,
}

/// A request among those that are being answered, until it is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    limit: &'a RequestLimit,
    is_waiting: bool,
}

/// How many more requests for health are answered.
const MORE_FOR_HEALTH: usize = 2;

impl RequestLimit {
    /// Returns a limit of `most` requests, and of as many that wait.
    pub(super) fn new(most: usize) -> Self {
        Self { most: Cell::new(most), answered: Cell::default(), waiting: Cell::default() }
    }

    /// Answers at most `most` requests from now on.
    pub(super) fn set(&self, most: usize) {
        self.most.set(most);
    }

    /// Returns how many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.get()
    }

    /// Counts a request; `None` if there are too many.
    pub(super) fn enter(&self, is_health: bool) -> Option<Place<'_>> {
        let most = self.most.get() + if is_health { MORE_FOR_HEALTH } else { 0 };
        let answered = self.answered.get();
        (answered < most).then(|| {
            self.answered.set(answered + 1);
            Place { limit: self, is_waiting: false }
        })
    }
}

impl Place<'_> {
    /// Counts the request among those that wait; returns whether there are not too many.
    #[must_use]
    pub(super) fn wait(&mut self) -> bool {
        let RequestLimit { most, answered, waiting } = self.limit;
        let may_wait = self.is_waiting || waiting.get() < most.get();
        if may_wait && !self.is_waiting {
            self.is_waiting = true;
            answered.set(answered.get() - 1);
            waiting.set(waiting.get() + 1);
        }
        may_wait
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let count = if self.is_waiting { &self.limit.waiting } else { &self.limit.answered };
        count.set(count.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_wait_leave_room_for_others() {
        let limit = RequestLimit::new(2);
        let mut first = limit.enter(false).unwrap();
        let _second = limit.enter(false).unwrap();
        assert!(limit.enter(false).is_none());
        assert!(first.wait() && first.wait());
        let mut third = limit.enter(false).unwrap();
        assert!(third.wait());
        let mut fourth = limit.enter(false).unwrap();
        assert!(!fourth.wait());
        assert!(limit.enter(false).is_none());
        drop(first);
        assert!(fourth.wait());
        assert!(limit.enter(false).is_some());
    }

    #[test]
    fn two_more_requests_for_health_are_answered() {
        let limit = RequestLimit::new(1);
        let _first = limit.enter(false).unwrap();
        let (second, third) = (limit.enter(true), limit.enter(true));
        assert!(second.is_some() && third.is_some());
        assert!(limit.enter(true).is_none());
        drop((second, third));
        assert!(limit.enter(false).is_none() && limit.enter(true).is_some());
    }
}
