//! How many requests are answered at a time. Those that wait for a change do not count among the others.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// The requests that are being answered.
#[derive(Debug)]
pub(super) struct RequestLimit {
    most: Cell<usize>,
    answered: Cell<usize>,
    waiting: Cell<usize>,
    /// Those that wait, by the names of their tokens.
    of_tokens: RefCell<HashMap<Rc<str>, usize>>,
}

/// A request among those that are being answered, until it is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    limit: &'a RequestLimit,
    /// The token of a request that waits.
    waits_for: Option<Rc<str>>,
}

/// How many more requests for health are answered.
const MORE_FOR_HEALTH: usize = 2;

impl RequestLimit {
    /// Returns a limit of `most` requests, and of as many that wait.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: Cell::new(most),
            answered: Cell::default(),
            waiting: Cell::default(),
            of_tokens: RefCell::default(),
        }
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
            Place { limit: self, waits_for: None }
        })
    }
}

impl Place<'_> {
    /// Counts the request among those that wait; returns whether there are not too many. If there are
    /// several tokens, the holders of one have at most half of the places.
    #[must_use]
    pub(super) fn wait(&mut self, token: &Rc<str>, is_only_token: bool) -> bool {
        if self.waits_for.is_some() {
            return true;
        }
        let RequestLimit { most, answered, waiting, of_tokens } = self.limit;
        let most_of_token = if is_only_token { most.get() } else { most.get().div_ceil(2) };
        let mut of_tokens = of_tokens.borrow_mut();
        let of_token = of_tokens.get(token).copied().unwrap_or_default();
        if waiting.get() >= most.get() || of_token >= most_of_token {
            return false;
        }
        of_tokens.insert(Rc::clone(token), of_token + 1);
        self.waits_for = Some(Rc::clone(token));
        answered.set(answered.get() - 1);
        waiting.set(waiting.get() + 1);
        true
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some(token) = self.waits_for.take() else {
            self.limit.answered.set(self.limit.answered.get() - 1);
            return;
        };
        self.limit.waiting.set(self.limit.waiting.get() - 1);
        let mut of_tokens = self.limit.of_tokens.borrow_mut();
        match of_tokens.get_mut(&token) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(of_tokens.remove(&token)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_wait_leave_room_for_others() {
        let limit = RequestLimit::new(2);
        let wait = |place: &mut Place<'_>| place.wait(&"web".into(), true);
        let mut first = limit.enter(false).unwrap();
        let _second = limit.enter(false).unwrap();
        assert!(limit.enter(false).is_none());
        assert!(wait(&mut first) && wait(&mut first));
        let mut third = limit.enter(false).unwrap();
        assert!(wait(&mut third));
        let mut fourth = limit.enter(false).unwrap();
        assert!(!wait(&mut fourth));
        assert!(limit.enter(false).is_none());
        drop(first);
        assert!(wait(&mut fourth));
        assert!(limit.enter(false).is_some());
    }

    #[test]
    fn one_of_several_tokens_has_at_most_half_of_the_places() {
        let limit = RequestLimit::new(3);
        let wait = |token: &str| {
            let mut place = limit.enter(false).unwrap();
            place.wait(&token.into(), false).then_some(place)
        };
        let places = [wait("web"), wait("web")];
        assert!(places.iter().all(Option::is_some) && wait("web").is_none());
        let other = wait("batch");
        assert!(other.is_some() && wait("batch").is_none());
        drop(places);
        assert!(wait("web").is_some());
        drop(other);
        assert!(limit.of_tokens.borrow().is_empty());
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
