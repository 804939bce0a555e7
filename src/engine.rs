//! Keeps a session in hand: one fetch in flight, in the background, for as long as it runs.
//!
//! [`crate::refresh`] decides when; [`Board`] is where the outcome stands. The engine itself never
//! gives up: it ends when it is told to.

use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::board::{Board, Standing, Trouble};
use crate::credentials::Session;
use crate::error::{Error, Kind};
use crate::log::{Level, Log};
use crate::refresh::{Failure, Freshness, Moment, Next, Policy, Schedule};
use crate::secret::Entropy;
use crate::time::{Clock, Timer, Timestamp};
use crate::world::{Event, Events, Supervisor};

/// Where sessions come from: an identity in files, and AWS behind it.
pub trait Origin {
    /// Reads the identity's files anew, and takes them into use where they changed and make an
    /// identity; where they do not, the one in use stays and the error says why.
    ///
    /// What failed before is tried again only where it changed since, or under [`Effort::Again`].
    fn look(&self, effort: Effort) -> Result<Look, Error>;

    /// Fetches a session with the identity in use.
    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<Session, Error>> + '_>>;
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
    /// The identity in use, or the lack of one, is as it was.
    Same,
    /// Another identity is in use now.
    New {
        /// Its serial number, in decimal.
        serial: String,
        /// Its subject.
        subject: String,
        /// Its last second.
        not_after: Timestamp,
    },
}

/// What an engine runs on.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "nothing but references to ports")]
pub struct Ports<'a> {
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Waits.
    pub timer: &'a dyn Timer,
    /// Spreads the tries.
    pub entropy: &'a dyn Entropy,
    /// Says what happens from outside, and waits.
    pub events: &'a dyn Events,
    /// Looks after this process.
    pub supervisor: &'a dyn Supervisor,
    /// Takes what the operator has to know.
    pub log: &'a dyn Log,
}

/// How long nothing happens at the most: files are looked at and the wall clock is read as often.
const TICK: Duration = Duration::from_secs(5);
/// The last days of a certificate, in which every day brings a warning.
const LAST_DAYS: i64 = 30 * 86_400;

/// Keeps a session in hand.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct Engine<'a> {
    origin: &'a dyn Origin,
    board: &'a Board,
    ports: Ports<'a>,
    schedule: Schedule,
    standing: Standing,
    warned: Option<Timestamp>,
}

/// How a try ended.
enum Outcome {
    Fetched,
    Failed(Error),
    Stopped,
}

impl<'a> Engine<'a> {
    /// Takes where sessions come from and where they are published.
    pub fn new(origin: &'a dyn Origin, board: &'a Board, ports: Ports<'a>) -> Self {
        let schedule = Schedule::new(Policy::jittered(ports.entropy.bits()));
        Self { origin, board, ports, schedule, standing: Standing::default(), warned: None }
    }

    /// Tries once, and returns the error of a first try that fails.
    pub async fn start(&mut self) -> Result<Ending, Error> {
        match self.attempt().await {
            Outcome::Fetched => Ok(Ending::NotYet),
            Outcome::Failed(error) => Err(error),
            Outcome::Stopped => Ok(Ending::Stopped),
        }
    }

    /// Keeps a session in hand until it is told to stop.
    pub async fn run(&mut self) {
        loop {
            self.ports.supervisor.alive();
            self.look_around();
            let pause = match self.schedule.next(self.moment()) {
                Next::Wait(pause) => pause.min(self.tick()),
                Next::Fetch => match self.attempt().await {
                    Outcome::Stopped => return,
                    Outcome::Fetched | Outcome::Failed(_) => continue,
                },
            };
            let event = self.ports.events.next(pause);
            let asked = std::pin::pin!(self.board.asked());
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

    /// Fetches while events go on: nothing that happens meanwhile starts a second fetch.
    async fn attempt(&mut self) -> Outcome {
        if self.standing.certificate_end.is_none()
            && let Err(error) = self.look(Effort::Again)
        {
            self.failed(&error);
            return Outcome::Failed(error);
        }
        self.publish(|standing| standing.trying = true);
        let origin = self.origin;
        let mut fetch = origin.fetch();
        let fetched = loop {
            match select(fetch, self.ports.events.next(self.tick())).await {
                Either::Left((fetched, _)) => break fetched,
                Either::Right((event, rest)) => {
                    fetch = rest;
                    self.ports.supervisor.alive();
                    match event {
                        Event::Stop => return Outcome::Stopped,
                        Event::Reload => self.reload(),
                        Event::Elapsed | Event::Touched => {}
                    }
                }
            }
        };
        match fetched {
            Ok(session) => {
                self.fetched(session);
                Outcome::Fetched
            }
            Err(error) => {
                self.failed(&error);
                Outcome::Failed(error)
            }
        }
    }

    fn fetched(&mut self, session: Session) {
        let now = self.moment();
        self.schedule.succeeded(session.life, now);
        let session = Rc::new(session);
        self.announce(&session);
        let expiration = session.credentials.expiration;
        self.publish(|standing| {
            standing.trying = false;
            standing.trouble = None;
            standing.clock_offset = session.clock_offset;
            standing.refreshes.succeeded += 1;
            standing.session = Some((session, now));
        });
        self.ports.supervisor.status(&format!("a session until {expiration} is in hand"));
        self.warn_of_the_last_days();
    }

    fn announce(&self, session: &Session) {
        let log = self.ports.log;
        let offset = session.clock_offset;
        if offset != self.standing.clock_offset {
            let words = "this machine's clock is not AWS's: set it, and keep it set by NTP";
            log.event(Level::Warning, words, &[("seconds_behind", &offset)]);
        }
        log.event(
            Level::Info,
            "session received",
            &[
                ("access_key_id", &session.credentials.access_key_id),
                ("expiration", &session.credentials.expiration),
                ("seconds", &session.life),
            ],
        );
    }

    fn failed(&mut self, error: &Error) {
        let now = self.moment();
        let failure = match error.kind() {
            Kind::Refused => Failure::Refused,
            Kind::Identity => Failure::Identity,
            Kind::Usage | Kind::Unreachable | Kind::Local | Kind::Internal => Failure::Passing,
        };
        self.schedule.failed(failure, self.ports.entropy.bits(), now);
        let message = error.to_string();
        let message = message.strip_prefix("error: ").unwrap_or(&message).to_owned();
        let trouble = Trouble { kind: error.kind(), message, at: now.wall };
        let valid = self.schedule.freshness(now) != Freshness::Dead;
        let again = match self.schedule.next(now) {
            Next::Fetch => 0,
            Next::Wait(pause) => pause.as_secs(),
        };
        let (level, words) = match valid {
            true => (Level::Warning, "refresh failed; the session in hand is still good"),
            false => (Level::Error, "refresh failed; there is nothing to hand out"),
        };
        let facts: [(&'static str, &dyn std::fmt::Display); 2] =
            [("reason", &trouble.message), ("seconds_to_next_try", &again)];
        self.ports.log.event(level, words, &facts);
        let first_line = trouble.message.lines().next().unwrap_or_default();
        self.ports.supervisor.status(first_line);
        self.publish(|standing| {
            standing.trying = false;
            standing.refreshes.count(trouble.kind);
            standing.trouble = Some(Rc::new(trouble));
        });
    }

    /// Takes another identity into use where there is one.
    fn look(&mut self, effort: Effort) -> Result<(), Error> {
        let Look::New { serial, subject, not_after } = self.origin.look(effort)? else {
            return Ok(());
        };
        self.ports.log.event(
            Level::Info,
            "identity in use",
            &[("serial", &serial), ("subject", &subject), ("not_after", &not_after)],
        );
        self.warned = None;
        self.schedule.renewed();
        self.publish(|standing| standing.certificate_end = Some(not_after));
        Ok(())
    }

    /// Does so between two tries; the first try looks by itself.
    fn look_around(&mut self) {
        if self.standing.certificate_end.is_some() || self.standing.trouble.is_some() {
            let looked = self.look(Effort::Once);
            self.report(looked);
        }
    }

    fn reload(&mut self) {
        self.ports.supervisor.reloading();
        self.ports.log.event(Level::Info, "files are read anew", &[]);
        let looked = self.look(Effort::Again);
        self.report(looked);
        self.ports.supervisor.ready();
    }

    fn report(&self, looked: Result<(), Error>) {
        let Err(error) = looked else { return };
        let words = match self.standing.certificate_end {
            Some(_) => "the identity's files changed and make none yet; the one in use stays",
            None => "the identity's files make none yet",
        };
        self.ports.log.event(Level::Warning, words, &[("reason", &error)]);
    }

    /// Considers the wish of a caller; whoever waits for nothing is told so at once.
    fn asked(&mut self) {
        let now = self.moment();
        self.schedule.asked(now);
        if matches!(self.schedule.next(now), Next::Wait(_)) {
            self.publish(|_| {});
        }
    }

    fn warn_of_the_last_days(&mut self) {
        let now = self.ports.clock.now();
        let Some(end) = self.standing.certificate_end else { return };
        let today = self.warned.is_some_and(|warned| warned.seconds_until(now) < 86_400);
        if now.seconds_until(end) < LAST_DAYS && !today {
            self.warned = Some(now);
            self.ports.log.event(
                Level::Warning,
                "the certificate ends soon: renew it",
                &[("not_after", &end), ("days", &(now.seconds_until(end) / 86_400))],
            );
        }
    }

    fn publish(&mut self, change: impl FnOnce(&mut Standing)) {
        change(&mut self.standing);
        self.board.publish(self.standing.clone());
    }

    fn moment(&self) -> Moment {
        Moment::of(self.ports.clock)
    }

    fn tick(&self) -> Duration {
        let wanted = self.ports.supervisor.interval().map_or(TICK, |interval| interval / 2);
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
