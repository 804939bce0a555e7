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
    /// What failed before is tried again where it changed since, after a while, or under
    /// [`Effort::Again`].
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
        /// Its first second.
        not_before: Timestamp,
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
/// The end of a certificate's life, in which every day brings a warning: a third of it, and no more
/// than so many seconds.
const LAST_DAYS: i64 = 30 * 86_400;

/// Keeps a session in hand.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct Engine<'a> {
    origin: &'a dyn Origin,
    board: &'a Board,
    ports: Ports<'a>,
    schedule: Schedule,
    standing: Standing,
    /// From when on a certificate that ends is warned of, and when it last was.
    warning: Option<(Timestamp, Option<Timestamp>)>,
    /// The last words about an identity that could not be taken into use.
    reported: Option<String>,
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
        let standing = Standing::default();
        Self { origin, board, ports, schedule, standing, warning: None, reported: None }
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

    async fn attempt(&mut self) -> Outcome {
        // Where the identity is what fails, its files are tried again before AWS is.
        let fails = |trouble: &Rc<Trouble>| trouble.kind == Kind::Identity;
        let again = self.standing.certificate_end.is_none()
            || self.standing.trouble.as_ref().is_some_and(fails);
        let looked = if again { self.look(Effort::Again) } else { Ok(()) };
        self.schedule.began();
        let fetched = match (self.standing.certificate_end, looked) {
            (None, Err(error)) => Err(error),
            (_, looked) => match (self.fetch().await, looked) {
                (None, _) => return Outcome::Stopped,
                // That the identity in use is over says less than what is wrong with the next.
                (Some(Err(error)), Err(next)) if error.kind() == Kind::Identity => Err(next),
                (Some(fetched), _) => fetched,
            },
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

    /// Fetches while events go on: nothing that happens meanwhile starts a second fetch. Returns
    /// nothing where it is told to stop.
    async fn fetch(&mut self) -> Option<Result<Session, Error>> {
        self.publish(|standing| standing.trying = true);
        let origin = self.origin;
        let mut fetch = origin.fetch();
        loop {
            match select(fetch, self.ports.events.next(self.tick())).await {
                Either::Left((fetched, _)) => return Some(fetched),
                Either::Right((event, rest)) => {
                    fetch = rest;
                    self.ports.supervisor.alive();
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
        self.schedule.failed(failure, error.retry_after(), self.ports.entropy.bits(), now);
        let trouble = Trouble { kind: error.kind(), message: words(error), at: now.wall };
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
        match self.standing.valid(now) {
            Some(session) => {
                let expiration = session.credentials.expiration;
                let status =
                    format!("a session until {expiration} is in hand; the last refresh failed");
                self.ports.supervisor.status(&status);
            }
            None => self.ports.supervisor.status(&trouble.summary()),
        }
        self.publish(|standing| {
            standing.trying = false;
            standing.refreshes.count(trouble.kind);
            standing.trouble = Some(Rc::new(trouble));
        });
    }

    /// Takes another identity into use where there is one.
    fn look(&mut self, effort: Effort) -> Result<(), Error> {
        let looked = self.origin.look(effort);
        let Look::New { serial, subject, not_before, not_after } = looked? else {
            return Ok(());
        };
        self.ports.log.event(
            Level::Info,
            "identity in use",
            &[("serial", &serial), ("subject", &subject), ("not_after", &not_after)],
        );
        let third = not_before.seconds_until(not_after) / 3;
        self.warning = Some((not_after.after(-third.min(LAST_DAYS)), None));
        self.reported = None;
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
        // Whoever does something with the session in hand looks at that anew, too.
        self.publish(|_| {});
        self.ports.supervisor.ready();
    }

    /// Logs why an identity could not be taken into use, once as long as that stays the same.
    fn report(&mut self, looked: Result<(), Error>) {
        let Err(error) = looked else { return };
        let reason = words(&error);
        if self.reported.as_ref() == Some(&reason) {
            return;
        }
        let what = match self.standing.certificate_end {
            Some(_) => "the identity's files changed and make none yet; the one in use stays",
            None => "the identity's files make none yet",
        };
        self.ports.log.event(Level::Warning, what, &[("reason", &reason)]);
        self.reported = Some(reason);
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
        let (Some(end), Some((from, last))) = (self.standing.certificate_end, &mut self.warning)
        else {
            return;
        };
        let today = last.is_some_and(|last| last.seconds_until(now) < 86_400);
        if now >= *from && !today {
            *last = Some(now);
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

/// Returns an error with its causes and hints, without the heading that a terminal wants.
fn words(error: &Error) -> String {
    let message = error.to_string();
    message.strip_prefix("error: ").unwrap_or(&message).to_owned()
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
pub(crate) mod model;
