//! Keeps a session in hand: one fetch in flight, in the background, for as long as it runs.
//!
//! [`crate::refresh::schedule`] decides when; [`StatusChannel`] is where the outcome stands. The engine itself never
//! gives up: it ends when it is told to.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::credentials::Session;
use crate::ports::{Event, Events};
use crate::provider::{ErrorKind, ProviderError};
use crate::refresh::clock_reading::Moment;
use crate::refresh::observer::Observer;
use crate::refresh::schedule::{Failure, Next, Policy, Schedule};
use crate::refresh::status::{RefreshError, Status, StatusChannel};
use crate::secret::Entropy;
use crate::time::{Clock, Timestamp};

/// Where sessions come from: an identity in files, and AWS behind it.
pub trait Origin {
    /// Reads the identity's files anew, and takes them into use where they changed and make an
    /// identity; where they do not, the one in use stays and the error says why.
    ///
    /// What failed before is tried again where it changed since, after a while, or under
    /// [`Effort::Again`].
    fn look(&self, effort: Effort) -> Result<Look, ProviderError>;

    /// Fetches a session with the identity in use.
    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<Session, ProviderError>> + '_>>;
}

/// How hard [`Origin::look`] tries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effort {
    /// Files that made no identity before are left alone while they stay as they are.
    Once,
    /// They are tried again.
    Again,
}

/// What [`Origin::look`] found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Look {
    /// The files hold the identity in use.
    Same,
    /// They hold what made no identity before, and were not tried again.
    LeftAlone,
    /// Another identity is in use now.
    New {
        /// Its serial number, in decimal.
        serial: String,
        /// Its subject.
        subject: String,
        /// Its first second.
        not_before: Timestamp,
        /// Its last second.
        not_after: Timestamp,
        /// The option of a password that its key has no use for.
        unused_password: Option<String>,
    },
}

/// What an engine runs on.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "nothing but references to ports")]
pub struct RefresherPorts<'a> {
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Spreads the tries.
    pub entropy: &'a dyn Entropy,
    /// Says what happens from outside, and waits.
    pub events: &'a dyn Events,
    /// Is told what happens.
    pub observer: &'a dyn Observer,
}

/// How long nothing happens at the most: files are looked at and the wall clock is read as often.
const TICK: Duration = Duration::from_secs(5);

/// Keeps a session in hand.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct Engine<'a> {
    origin: &'a dyn Origin,
    channel: &'a StatusChannel,
    ports: RefresherPorts<'a>,
    schedule: Schedule,
    status: Status,
}

/// How a try ended.
enum Outcome {
    Fetched,
    Failed(Arc<ProviderError>),
    Stopped,
}

impl<'a> Engine<'a> {
    /// Takes where sessions come from and where they are published.
    pub fn new(
        origin: &'a dyn Origin,
        channel: &'a StatusChannel,
        ports: RefresherPorts<'a>,
    ) -> Self {
        let schedule = Schedule::new(Policy::jittered(ports.entropy.bits()));
        Self { origin, channel, ports, schedule, status: Status::default() }
    }

    /// Tries once, and returns the error of a first try that fails.
    pub async fn start(&mut self) -> Result<Ending, Arc<ProviderError>> {
        match self.attempt().await {
            Outcome::Fetched => Ok(Ending::NotYet),
            Outcome::Failed(error) => Err(error),
            Outcome::Stopped => Ok(Ending::Stopped),
        }
    }

    /// Keeps a session in hand until it is told to stop.
    pub async fn run(&mut self) {
        loop {
            self.ports.observer.alive();
            self.look_around();
            let pause = match self.schedule.next(self.moment()) {
                Next::Wait(pause) => pause.min(self.tick()),
                Next::Fetch => match self.attempt().await {
                    Outcome::Stopped => return,
                    Outcome::Fetched | Outcome::Failed(_) => continue,
                },
            };
            let event = self.ports.events.next(pause);
            let asked = std::pin::pin!(self.channel.requested());
            let event = match select(event, asked).await {
                Either::Left((event, _)) => Some(event),
                Either::Right(((), _)) => None,
            };
            match event {
                Some(Event::Stop) => return,
                Some(Event::Reload) => self.reload(),
                Some(Event::Elapsed | Event::Touched) => {}
                None => self.asked(),
            }
        }
    }

    async fn attempt(&mut self) -> Outcome {
        // Where the identity is what fails, its files are tried again before AWS is.
        let fails = |failed: &RefreshError| failed.error.kind() == ErrorKind::Identity;
        let again = self.status.certificate_end.is_none()
            || self.status.last_error.as_ref().is_some_and(fails);
        let looked = if again { self.look(Effort::Again) } else { Ok(()) };
        self.schedule.began(self.moment());
        let fetched = match (self.status.certificate_end, looked) {
            (None, Err(error)) => Err(error),
            (_, looked) => match (self.fetch().await, looked) {
                (None, _) => return Outcome::Stopped,
                // That the identity in use is over says less than what is wrong with the next.
                (Some(Err(error)), Err(next)) if error.kind() == ErrorKind::Identity => Err(next),
                (Some(fetched), _) => fetched,
            },
        };
        match fetched {
            Ok(session) => {
                self.fetched(session);
                Outcome::Fetched
            }
            Err(error) => {
                let error = Arc::new(error);
                self.failed(&error);
                Outcome::Failed(error)
            }
        }
    }

    /// Fetches while events go on: nothing that happens meanwhile starts a second fetch. Returns
    /// nothing where it is told to stop.
    async fn fetch(&mut self) -> Option<Result<Session, ProviderError>> {
        self.publish(|status| status.in_flight = true);
        let origin = self.origin;
        let mut fetch = origin.fetch();
        loop {
            match select(fetch, self.ports.events.next(self.tick())).await {
                Either::Left((fetched, _)) => return Some(fetched),
                Either::Right((event, rest)) => {
                    fetch = rest;
                    self.ports.observer.alive();
                    match event {
                        Event::Stop => return None,
                        Event::Reload => self.reload(),
                        Event::Elapsed | Event::Touched => {}
                    }
                }
            }
        }
    }

    fn fetched(&mut self, session: Session) {
        let now = self.moment();
        self.schedule.succeeded(session.life, now);
        self.ports.observer.received(&session, now.wall);
        self.publish(|status| {
            status.in_flight = false;
            status.last_error = None;
            status.clock_offset = session.clock_offset;
            status.refreshes.succeeded += 1;
            status.session = Some((Rc::new(session), now));
        });
    }

    fn failed(&mut self, error: &Arc<ProviderError>) {
        let now = self.moment();
        let failure = match error.kind() {
            ErrorKind::Refused => Failure::Refused,
            ErrorKind::Identity => Failure::Identity,
            ErrorKind::Unreachable | ErrorKind::Local | ErrorKind::Internal => Failure::Passing,
        };
        self.schedule.failed(failure, error.retry_after(), self.ports.entropy.bits(), now);
        let next = self.schedule.next(now);
        self.ports.observer.failed(error, self.status.usable(now).map(Rc::as_ref), next);
        let failed = RefreshError { error: Arc::clone(error), at: now.wall };
        self.publish(|status| {
            status.in_flight = false;
            status.refreshes.count(failed.error.kind());
            status.last_error = Some(failed);
        });
    }

    /// Takes another identity into use where there is one.
    fn look(&mut self, effort: Effort) -> Result<(), ProviderError> {
        let look = self.origin.look(effort)?;
        self.ports.observer.looked(Ok(&look));
        match look {
            Look::LeftAlone | Look::Same => {}
            Look::New { not_after, .. } => {
                self.schedule.renewed();
                self.publish(|status| status.certificate_end = Some(not_after));
            }
        }
        Ok(())
    }

    /// Does so between two tries; the first try looks by itself.
    fn look_around(&mut self) {
        let tried = self.status.certificate_end.is_some() || self.status.last_error.is_some();
        if tried && let Err(error) = self.look(Effort::Once) {
            self.ports.observer.looked(Err(&Arc::new(error)));
        }
    }

    fn reload(&mut self) {
        self.ports.observer.reloading();
        if let Err(error) = self.look(Effort::Again) {
            self.ports.observer.looked(Err(&Arc::new(error)));
        }
        // Whoever does something with the session in hand looks at that anew, too.
        self.publish(|_| {});
        self.ports.observer.reloaded();
    }

    /// Considers the wish of a caller; whoever waits for nothing is told so at once.
    fn asked(&mut self) {
        let now = self.moment();
        self.schedule.asked(now);
        if matches!(self.schedule.next(now), Next::Wait(_)) {
            self.publish(|_| {});
        }
    }

    fn publish(&mut self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status);
        self.channel.publish(self.status.clone());
    }

    fn moment(&self) -> Moment {
        Moment::of(self.ports.clock)
    }

    fn tick(&self) -> Duration {
        let wanted = self.ports.observer.interval().map_or(TICK, |interval| interval / 2);
        wanted.min(TICK)
    }
}

/// Whether an engine has been told to end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// It has not.
    NotYet,
    /// It has.
    Stopped,
}

#[cfg(test)]
mod model;
