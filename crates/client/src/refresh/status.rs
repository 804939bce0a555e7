//! The notice board between the refresh engine and those who hand its credentials out.
//!
//! The engine publishes what is in hand; everybody else reads it at once, and never waits while a
//! session is valid.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select;
use tokio::sync::Notify;

use crate::credentials::Session;
use crate::provider::{ErrorKind, ProviderError};
use crate::refresh::clock_reading::Moment;
use crate::time::{Clock, Timer, Timestamp};

/// What is in hand, and how it stands with getting more.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// The last session, and when it came; whether it is still good is for [`Standing::valid`].
    pub session: Option<(Rc<Session>, Moment)>,
    /// Why the last refresh failed, until one succeeds.
    pub trouble: Option<Trouble>,
    /// Whether an exchange is in flight.
    pub trying: bool,
    /// When the certificate in use ends, where one could be read.
    pub certificate_end: Option<Timestamp>,
    /// By how many seconds this machine's clock was found behind AWS's.
    pub clock_offset: i64,
    /// How the refreshes ended.
    pub refreshes: Refreshes,
}

impl Standing {
    /// Returns the session where it is good at `now`.
    pub fn valid(&self, now: Moment) -> Option<&Rc<Session>> {
        let (session, _) = self.session.as_ref()?;
        (self.left(now) > 0).then_some(session)
    }

    /// Returns the session that may be handed out at `now`: the valid one, or one that has expired
    /// only by the wall clock.
    ///
    /// A wall clock that was set forward must not end a good session while AWS cannot be reached. It
    /// may also be right, after a virtual machine was paused: so [`Board::ask`] waits for a refresh
    /// before such a session is handed out.
    pub fn usable(&self, now: Moment) -> Option<&Rc<Session>> {
        let (session, received) = self.session.as_ref()?;
        (session.life > now.least_seconds_since(*received)).then_some(session)
    }

    /// Returns how many seconds the session in hand has left at `now`; 0 where there is none.
    pub fn left(&self, now: Moment) -> i64 {
        let left = |(session, received): &(Rc<Session>, Moment)| {
            session.life - now.seconds_since(*received)
        };
        self.session.as_ref().map_or(0, left).max(0)
    }
}

/// Why a refresh failed, and when.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// What failed.
    pub error: Arc<ProviderError>,
    /// When it failed.
    pub at: Timestamp,
}

/// How the refreshes ended, counted since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Refreshes {
    /// Those that brought a session.
    pub succeeded: u64,
    /// Those that AWS refused.
    pub refused: u64,
    /// Those that did not reach AWS, or met a failure of its own.
    pub unreachable: u64,
    /// Those that failed for the certificate or the key.
    pub identity: u64,
    /// Those that failed for another reason on this machine.
    pub local: u64,
}

impl Refreshes {
    /// Counts a refresh that failed.
    pub fn count(&mut self, kind: ErrorKind) {
        let counter = match kind {
            ErrorKind::Refused => &mut self.refused,
            ErrorKind::Unreachable => &mut self.unreachable,
            ErrorKind::Identity => &mut self.identity,
            ErrorKind::Local | ErrorKind::Internal => &mut self.local,
        };
        *counter += 1;
    }
}

/// Where one engine publishes, and any number of others read and ask.
#[derive(Debug, Default)]
pub struct Board {
    standing: RefCell<Rc<Standing>>,
    changed: Notify,
    asked: Notify,
}

impl Board {
    /// Returns what is in hand.
    pub fn standing(&self) -> Rc<Standing> {
        Rc::clone(&self.standing.borrow())
    }

    /// Replaces what is in hand, and wakes whoever waits for it.
    pub fn publish(&self, standing: Standing) {
        *self.standing.borrow_mut() = Rc::new(standing);
        self.changed.notify_waiters();
    }

    /// Completes at the next publication.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Completes when somebody has asked for a session and there was none.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Returns what is in hand: at once where a session is valid; else the engine is told, and the
    /// end of the exchange in flight is waited for, but for no longer than `patience`.
    pub async fn ask(
        &self,
        clock: &dyn Clock,
        timer: &dyn Timer,
        patience: Duration,
    ) -> Rc<Standing> {
        let standing = self.standing();
        if standing.valid(Moment::of(clock)).is_some() {
            return standing;
        }
        let ended = pin!(async {
            if !standing.trying {
                let considered = self.changed();
                self.asked.notify_one();
                considered.await;
            }
            while self.standing().trying {
                self.changed().await;
            }
        });
        select(ended, timer.sleep(patience)).await;
        self.standing()
    }
}
