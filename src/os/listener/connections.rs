//! All connections: how many there may be, and who is shown the door.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::select;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use super::Limits;

/// The connections that there are.
///
/// One clock looks after all of them, so that a request costs no timer of its own; a limit may be
/// overrun by a quarter of the shortest.
#[derive(Debug)]
pub(super) struct Crowd {
    limits: Limits,
    seats: RefCell<HashMap<u64, Seat>>,
    last: Cell<u64>,
    /// Somebody came where nobody was.
    came: Notify,
    /// Somebody left.
    left: Notify,
    /// All are to leave, and whoever comes is too late.
    closed: Cell<bool>,
    ending: Notify,
}

#[derive(Debug)]
struct Seat {
    pulse: Rc<Pulse>,
    task: AbortHandle,
}

/// What a connection is at, and since when.
#[derive(Debug)]
pub(super) struct Pulse(Cell<(Phase, Instant)>);

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Phase {
    /// Between requests, or before the first.
    Idle,
    /// It was refused, and may still send what nobody wants.
    Leaving,
    /// The head of a request has begun.
    Reading,
    /// The client has yet to take the answer, and leaves with it.
    Refusing,
    /// The client has yet to take the answer.
    Writing,
    /// It is for us to answer.
    Answering,
}

/// What came behind the last head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rest {
    /// Nothing, or other heads that are whole.
    Nothing,
    /// The beginning of another.
    Begun,
}

impl Crowd {
    pub(super) fn new(limits: Limits) -> Rc<Self> {
        Rc::new(Self {
            limits,
            seats: RefCell::default(),
            last: Cell::default(),
            came: Notify::new(),
            left: Notify::new(),
            closed: Cell::new(false),
            ending: Notify::new(),
        })
    }

    /// Spawns `converse` where there is room for one more.
    ///
    /// Where there is none, who has kept us waiting longest leaves: the silent first, who lose
    /// nothing, then those who are slow. Only where every connection waits for us is the new one
    /// closed at once, which tells its client more than a wait in the backlog would.
    pub(super) fn seat<F: Future<Output = ()> + 'static>(
        self: &Rc<Self>,
        converse: impl FnOnce(Rc<Pulse>, EndingOf) -> F,
    ) {
        if self.seats.borrow().len() >= self.limits.connections && !self.make_room() {
            return;
        }
        let number = self.last.get() + 1;
        self.last.set(number);
        let pulse = Rc::new(Pulse::new());
        let leave = Leave { crowd: Rc::clone(self), number };
        let conversation = converse(Rc::clone(&pulse), EndingOf(Rc::clone(self)));
        let task = tokio::task::spawn_local(async move {
            let _leave = leave;
            conversation.await;
        });
        let seat = Seat { pulse, task: task.abort_handle() };
        let mut seats = self.seats.borrow_mut();
        seats.insert(number, seat);
        if seats.len() == 1 {
            self.came.notify_one();
        }
    }

    /// Shows those the door who take longer than they may; never ends.
    pub(super) async fn watch(&self) {
        let Limits { reading, writing, idle, .. } = self.limits;
        let period = reading.min(writing).min(idle) / 4;
        loop {
            while self.seats.borrow().is_empty() {
                self.came.notified().await;
            }
            sleep(period).await;
            let now = Instant::now();
            self.seats.borrow_mut().retain(|_, seat| {
                let (phase, since) = seat.pulse.0.get();
                let limit = match phase {
                    Phase::Idle => idle,
                    Phase::Leaving | Phase::Reading => reading,
                    Phase::Refusing | Phase::Writing => writing,
                    Phase::Answering => Duration::MAX,
                };
                let overdue = now.duration_since(since) > limit;
                if overdue {
                    seat.task.abort();
                }
                !overdue
            });
        }
    }

    /// Closes what is idle, and waits a while for what is not.
    pub(super) async fn drain(&self) {
        self.closed.set(true);
        self.ending.notify_waiters();
        let empty = pin!(async {
            while !self.seats.borrow().is_empty() {
                self.left.notified().await;
            }
        });
        select(empty, pin!(sleep(self.limits.drain))).await;
    }

    /// Closes the connection that has kept us waiting longest; returns whether there was one.
    pub(super) fn make_room(&self) -> bool {
        let mut seats = self.seats.borrow_mut();
        let slowest = seats.iter().map(|(number, seat)| (seat.pulse.0.get(), *number)).min();
        match slowest {
            Some(((phase, _), number)) if phase != Phase::Answering => {
                if let Some(seat) = seats.remove(&number) {
                    seat.task.abort();
                }
                true
            }
            _ => false,
        }
    }
}

/// Completes when all are to leave.
#[derive(Debug)]
pub(super) struct EndingOf(Rc<Crowd>);

impl EndingOf {
    pub(super) async fn wait(self) {
        if !self.0.closed.get() {
            self.0.ending.notified().await;
        }
    }
}

/// Gives a seat back, however the conversation ends.
struct Leave {
    crowd: Rc<Crowd>,
    number: u64,
}

impl Drop for Leave {
    fn drop(&mut self) {
        // One who was shown the door has no seat any more.
        self.crowd.seats.borrow_mut().remove(&self.number);
        self.crowd.left.notify_one();
    }
}

impl Pulse {
    fn new() -> Self {
        Self(Cell::new((Phase::Idle, Instant::now())))
    }

    /// Bytes came.
    pub(super) fn reads(&self) {
        if self.0.get().0 == Phase::Idle {
            self.turn(Phase::Reading);
        }
    }

    /// The head of a request is there, and its body has to be waited for.
    pub(super) fn reads_on(&self) {
        if self.0.get().0 != Phase::Reading {
            self.turn(Phase::Reading);
        }
    }

    /// A request is there, whole.
    pub(super) fn answers(&self) {
        self.turn(Phase::Answering);
    }

    /// Its answer is there.
    pub(super) fn writes(&self) {
        self.turn(Phase::Writing);
    }

    /// Its answer is there, before all of the request is.
    pub(super) fn refuses(&self) {
        self.turn(Phase::Refusing);
    }

    /// All that was to be sent is sent; `rest` is what came behind the request.
    pub(super) fn flushed(&self, rest: Rest) {
        match (self.0.get().0, rest) {
            (Phase::Writing, Rest::Nothing) => self.turn(Phase::Idle),
            (Phase::Writing, Rest::Begun) => self.turn(Phase::Reading),
            (Phase::Refusing, _) => self.turn(Phase::Leaving),
            _ => {}
        }
    }

    /// Returns whether the client was refused before all that it sends was here.
    pub(super) fn is_leaving(&self) -> bool {
        self.0.get().0 == Phase::Leaving
    }

    fn turn(&self, phase: Phase) {
        self.0.set((phase, Instant::now()));
    }
}
