//! The open connections: how many there may be, and which are closed for taking too long.

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

/// The open connections.
///
/// One timer checks all of them, so that a request costs no timer of its own. A connection may exceed
/// its limit by a quarter of the shortest one.
#[derive(Debug)]
pub(super) struct ConnectionTable {
    limits: Limits,
    connections: RefCell<HashMap<u64, Connection>>,
    last: Cell<u64>,
    /// Notified when the first connection is added.
    added: Notify,
    /// Notified when a connection ends.
    removed: Notify,
    /// Whether the process shuts down: a connection that is accepted now is closed once it is idle.
    shutting_down: Cell<bool>,
    /// Notified when the process shuts down.
    shutdown: Notify,
}

#[derive(Debug)]
struct Connection {
    activity: Rc<Activity>,
    task: AbortHandle,
}

/// The state of a connection, and since when.
#[derive(Debug)]
pub(super) struct Activity(Cell<(ConnectionState, Instant)>);

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum ConnectionState {
    /// Between requests, or before the first.
    Idle,
    /// Its request was rejected; the rest of what the client sends is discarded.
    Closing,
    /// The head of a request is being received.
    Reading,
    /// The response is being sent, and the connection closes after it.
    Rejecting,
    /// The response is being sent.
    Writing,
    /// The response is being made.
    Responding,
}

/// The bytes received after the last head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pipelined {
    /// None, or other complete heads.
    Nothing,
    /// The beginning of another head.
    Partial,
}

impl ConnectionTable {
    pub(super) fn new(limits: Limits) -> Rc<Self> {
        Rc::new(Self {
            limits,
            connections: RefCell::default(),
            last: Cell::default(),
            added: Notify::new(),
            removed: Notify::new(),
            shutting_down: Cell::new(false),
            shutdown: Notify::new(),
        })
    }

    /// Returns the limits.
    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Spawns `converse` as a task, if there is room for one more connection.
    ///
    /// If there is none, the connection is closed that has kept us waiting longest: first one that has been
    /// idle for a while, whose client loses nothing, then a slow one. A new one is not idle yet: its client
    /// is about to send its request. Only if every connection waits for our response is
    /// the new one closed at once, which tells its client more than waiting in the backlog would.
    pub(super) fn spawn<F: Future<Output = ()> + 'static>(
        self: &Rc<Self>,
        converse: impl FnOnce(Rc<Activity>, ShutdownSignal) -> F,
    ) {
        if self.connections.borrow().len() >= self.limits.connections && !self.evict_slowest() {
            return;
        }
        let number = self.last.get() + 1;
        self.last.set(number);
        let activity = Rc::new(Activity::new());
        let on_drop = OnDrop { table: Rc::clone(self), number };
        let serving = converse(Rc::clone(&activity), ShutdownSignal(Rc::clone(self)));
        let task = tokio::task::spawn_local(async move {
            let _on_drop = on_drop;
            serving.await;
        });
        let connection = Connection { activity, task: task.abort_handle() };
        let mut connections = self.connections.borrow_mut();
        connections.insert(number, connection);
        if connections.len() == 1 {
            self.added.notify_one();
        }
    }

    /// Closes the connections that exceed their limits; never returns.
    pub(super) async fn watch(&self) {
        let Limits { reading, writing, idle, .. } = self.limits;
        let period = reading.min(writing).min(idle) / 4;
        loop {
            while self.connections.borrow().is_empty() {
                self.added.notified().await;
            }
            sleep(period).await;
            let now = Instant::now();
            self.connections.borrow_mut().retain(|_, connection| {
                let (state, since) = connection.activity.0.get();
                let limit = match state {
                    ConnectionState::Idle => idle,
                    ConnectionState::Closing | ConnectionState::Reading => reading,
                    ConnectionState::Rejecting | ConnectionState::Writing => writing,
                    ConnectionState::Responding => Duration::MAX,
                };
                let overdue = now.duration_since(since) > limit;
                if overdue {
                    connection.task.abort();
                }
                !overdue
            });
        }
    }

    /// Closes idle connections, and waits for the others until the limit of [`Limits::drain`].
    pub(super) async fn drain(&self) {
        self.shutting_down.set(true);
        self.shutdown.notify_waiters();
        let empty = pin!(async {
            while !self.connections.borrow().is_empty() {
                self.removed.notified().await;
            }
        });
        select(empty, pin!(sleep(self.limits.drain))).await;
    }

    /// Closes the connection that has kept us waiting longest; returns whether there was one.
    ///
    /// [`ConnectionState`] orders those that are not new: the one whose client loses the least comes first.
    pub(super) fn evict_slowest(&self) -> bool {
        let mut connections = self.connections.borrow_mut();
        let now = Instant::now();
        let candidates = connections.iter().filter_map(|(number, connection)| {
            Some((eviction_rank(connection.activity.0.get(), now)?, *number))
        });
        let Some((_, slowest)) = candidates.min() else { return false };
        if let Some(connection) = connections.remove(&slowest) {
            connection.task.abort();
        }
        true
    }
}

/// How long a connection is new in its state: what its client sends may be on its way.
const NEW_FOR: Duration = Duration::from_secs(1);

/// Returns the rank of a connection among those that may be closed for another one: that of the first one is
/// the lowest. `None` if it waits for our response.
fn eviction_rank(
    (state, since): (ConnectionState, Instant),
    now: Instant,
) -> Option<(bool, ConnectionState, Instant)> {
    let is_new = now.duration_since(since) < NEW_FOR;
    match state {
        ConnectionState::Responding => None,
        // Those that wait for their client have the same rank, by their time.
        ConnectionState::Idle | ConnectionState::Closing | ConnectionState::Reading if is_new => {
            Some((true, ConnectionState::Reading, since))
        }
        state => Some((is_new, state, since)),
    }
}

/// Completes when the process shuts down.
#[derive(Debug)]
pub(super) struct ShutdownSignal(Rc<ConnectionTable>);

impl ShutdownSignal {
    pub(super) async fn wait(self) {
        if !self.0.shutting_down.get() {
            self.0.shutdown.notified().await;
        }
    }
}

/// Removes the connection from the table when its task ends or is aborted.
struct OnDrop {
    table: Rc<ConnectionTable>,
    number: u64,
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        // A connection that was closed for room or time has been removed already.
        self.table.connections.borrow_mut().remove(&self.number);
        self.table.removed.notify_one();
    }
}

impl Activity {
    fn new() -> Self {
        Self(Cell::new((ConnectionState::Idle, Instant::now())))
    }

    /// Records that bytes were received.
    pub(super) fn received(&self) {
        if self.0.get().0 == ConnectionState::Idle {
            self.set(ConnectionState::Reading);
        }
    }

    /// Records that the head of a request is complete, and its body is being received.
    pub(super) fn reading_body(&self) {
        if self.0.get().0 != ConnectionState::Reading {
            self.set(ConnectionState::Reading);
        }
    }

    /// Records that a request is complete.
    pub(super) fn responding(&self) {
        self.set(ConnectionState::Responding);
    }

    /// Records that the response is made.
    pub(super) fn writing(&self) {
        self.set(ConnectionState::Writing);
    }

    /// Records that the response is made before the request was read to its end.
    pub(super) fn rejecting(&self) {
        self.set(ConnectionState::Rejecting);
    }

    /// Records that everything was sent; `pipelined` is what was received after the request.
    pub(super) fn flushed(&self, pipelined: Pipelined) {
        match (self.0.get().0, pipelined) {
            (ConnectionState::Writing, Pipelined::Nothing) => self.set(ConnectionState::Idle),
            (ConnectionState::Writing, Pipelined::Partial) => self.set(ConnectionState::Reading),
            (ConnectionState::Rejecting, _) => self.set(ConnectionState::Closing),
            _ => {}
        }
    }

    /// Returns whether the request was rejected before it was read to its end.
    pub(super) fn is_closing(&self) -> bool {
        self.0.get().0 == ConnectionState::Closing
    }

    fn set(&self, state: ConnectionState) {
        self.0.set((state, Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_that_has_just_begun_is_closed_after_slow_ones() {
        use ConnectionState::{Idle, Reading, Responding, Writing};
        let now = Instant::now() + Duration::from_secs(100);
        // The first one is closed, of states and milliseconds.
        let rows: &[&[(ConnectionState, u64)]] = &[
            &[(Idle, 9_000), (Idle, 2_000), (Reading, 4_900)],
            &[(Idle, 1_500), (Reading, 4_900)],
            &[(Reading, 4_900), (Idle, 0)],
            &[(Reading, 900), (Idle, 0), (Responding, 9_000)],
            &[(Idle, 900), (Reading, 0)],
            &[(Reading, 0), (Writing, 900)],
            &[(Writing, 1_900), (Reading, 0)],
        ];
        for row in rows {
            let rank = |(state, millis): &(ConnectionState, u64)| {
                eviction_rank((*state, now - Duration::from_millis(*millis)), now)
            };
            let first = row.iter().filter_map(rank).min();
            assert_eq!(first, rank(&row[0]), "{row:?}");
        }
        assert_eq!(eviction_rank((Responding, now), now), None);
    }
}
