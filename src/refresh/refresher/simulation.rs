//! A world of one thread for tests, whose time and weather they move.

use std::sync::{Mutex, MutexGuard};
use std::task::Poll;

use super::*;
use crate::credentials::Credentials;
use crate::output::log::{Fact, Unwritten};
use crate::refresh::schedule::SHORTEST_INTERVAL;
use crate::secret::Secret;
use crate::time::Timer;

/// What tries come to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Weather {
    Fair,
    Lost,
    Refused,
    /// The certificate in use is over.
    Over,
}

#[derive(Debug)]
pub(super) struct State {
    /// The time that AWS goes by.
    pub(super) truth: i64,
    /// The time of this machine.
    pub(super) wall: i64,
    pub(super) uptime: Duration,
    pub(super) weather: Weather,
    pub(super) delay: u64,
    pub(super) life: i64,
    /// The identity in the files, whether it can be used, and whether it was looked at.
    pub(super) files: u64,
    pub(super) usable: bool,
    pub(super) seen: bool,
    pub(super) used: Option<u64>,
    pub(super) in_flight: usize,
    pub(super) fetches: u64,
    /// The start of the last fetch that succeeded.
    pub(super) succeeded: Option<Duration>,
    pub(super) events: Vec<Event>,
    pub(super) dice: u64,
    pub(super) statuses: Vec<String>,
    /// What was logged.
    pub(super) log: Vec<String>,
    /// For how many seconds a certificate is good.
    pub(super) validity: i64,
}

/// A world of one thread, behind every port.
#[derive(Debug)]
pub(crate) struct Globe(Mutex<State>);

const START: i64 = 1_440_938_160;

impl Globe {
    /// Makes a world of fair weather.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            truth: START,
            wall: START,
            uptime: Duration::ZERO,
            weather: Weather::Fair,
            delay: 0,
            life: 3_600,
            files: 1,
            usable: true,
            seen: false,
            used: None,
            in_flight: 0,
            fetches: 0,
            succeeded: None,
            events: Vec::new(),
            dice: 0,
            statuses: Vec::new(),
            log: Vec::new(),
            validity: 1_000_000_000,
        }))
    }

    /// Returns it as the ports of an engine, whose [`Origin`] it is, too.
    pub(crate) fn ports(&self) -> Ports<'_> {
        Ports { clock: self, timer: self, entropy: self, events: self, supervisor: self, log: self }
    }

    /// Lets a second pass.
    pub(crate) fn pass(&self) {
        let mut state = self.state();
        state.truth += 1;
        state.wall += 1;
        state.uptime += Duration::from_secs(1);
    }

    /// Makes tries come to this from now on, after so many seconds.
    pub(crate) fn turn(&self, weather: Weather, delay: u64) {
        let mut state = self.state();
        (state.weather, state.delay) = (weather, delay);
    }

    /// Lets an event happen, after those before it.
    pub(crate) fn happen(&self, event: Event) {
        self.state().events.insert(0, event);
    }

    /// Returns what the supervisor was told.
    pub(crate) fn statuses(&self) -> Vec<String> {
        self.state().statuses.clone()
    }

    /// Returns what was logged.
    pub(crate) fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// Returns how often AWS was asked.
    pub(crate) fn fetches(&self) -> u64 {
        self.state().fetches
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment::of(self)
    }

    /// Returns a session by whose access key id its true end can be told.
    fn session(&self) -> Session {
        let state = self.state();
        let expiration = Timestamp::from_unix(state.truth + state.life);
        Session {
            credentials: Credentials {
                access_key_id: format!("ASIA{}", state.fetches),
                secret_access_key: Secret::new("secret".to_owned()),
                session_token: Secret::new("token".to_owned()),
                expiration,
                account_id: "123456789012".to_owned(),
            },
            received: Timestamp::from_unix(state.wall),
            life: state.life,
            clock_offset: state.truth - state.wall,
        }
    }

    /// Checks that a fetch that began at `start` may succeed: AWS is called at most every 5 s by
    /// refreshes that succeed.
    fn succeeds(&self, start: Duration) {
        let before = self.state().succeeded.replace(start);
        let interval = before.map(|before| start.saturating_sub(before));
        let is_long_enough = |interval: Duration| interval >= SHORTEST_INTERVAL;
        assert!(interval.is_none_or(is_long_enough), "two refreshes within {interval:?}");
    }

    fn after<T>(&self, pause: Duration, value: T) -> Pin<Box<dyn Future<Output = T> + '_>>
    where
        T: Copy + 'static,
    {
        let end = self.state().uptime + pause;
        Box::pin(std::future::poll_fn(move |_| match self.state().uptime >= end {
            true => Poll::Ready(value),
            false => Poll::Pending,
        }))
    }
}

impl Clock for Globe {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.state().wall)
    }

    fn uptime(&self) -> Duration {
        self.state().uptime
    }

    fn counts_sleep(&self) -> bool {
        true
    }
}

impl Timer for Globe {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        self.after(duration, ())
    }
}

impl Entropy for Globe {
    fn bits(&self) -> u64 {
        let mut state = self.state();
        state.dice = state.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.dice >> 33
    }
}

impl Events for Globe {
    fn next(&self, limit: Duration) -> Pin<Box<dyn Future<Output = Event> + '_>> {
        let mut elapsed = self.after(limit, Event::Elapsed);
        Box::pin(std::future::poll_fn(move |context| {
            let event = self.state().events.pop();
            event.map_or_else(|| elapsed.as_mut().poll(context), Poll::Ready)
        }))
    }
}

impl Supervisor for Globe {
    fn ready(&self) {}

    fn reloading(&self) {}

    fn stopping(&self) {}

    fn status(&self, status: &str) {
        self.state().statuses.push(status.to_owned());
    }

    fn alive(&self) {}

    fn interval(&self) -> Option<Duration> {
        None
    }
}

impl Log for Globe {
    fn event(&self, _level: Level, what: &str, facts: &[Fact<'_>]) {
        let facts: String = facts.iter().map(|(name, value)| format!("{name}={value};")).collect();
        assert!(!what.is_empty() && !facts.contains("secret") && !facts.contains("token"));
        self.state().log.push(what.to_owned());
    }

    fn record(&self, level: Level, what: &str, facts: &[Fact<'_>]) -> Result<(), Unwritten> {
        self.event(level, what, facts);
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0:?}")]
struct Storm(Weather);

#[derive(Debug, thiserror::Error)]
#[error("the files make no identity")]
struct NoneYet;

/// Counts fetches in flight, however they end.
struct Flight<'a>(&'a Globe);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
    }
}

impl Origin for Globe {
    fn look(&self, effort: Effort) -> Result<Look, Error> {
        let mut state = self.state();
        if state.used == Some(state.files) {
            return Ok(Look::Same);
        }
        if state.seen && effort == Effort::Once {
            return Ok(Look::LeftAlone);
        }
        state.seen = true;
        if !state.usable {
            return Err(Error::new(Kind::Identity, NoneYet));
        }
        state.used = Some(state.files);
        let not_after = Timestamp::from_unix(state.truth + state.validity);
        Ok(Look::New {
            unused_password: None,
            serial: state.files.to_string(),
            subject: String::new(),
            not_before: Timestamp::from_unix(START),
            not_after,
        })
    }

    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<Session, Error>> + '_>> {
        let (start, delay) = {
            let mut state = self.state();
            state.in_flight += 1;
            state.fetches += 1;
            assert_eq!(state.in_flight, 1, "two fetches at once");
            assert!(state.used.is_some(), "a fetch without an identity");
            (state.uptime, Duration::from_secs(state.delay))
        };
        let flight = Flight(self);
        Box::pin(async move {
            let _flight = flight;
            self.sleep(delay).await;
            let weather = self.state().weather;
            match weather {
                Weather::Fair => {
                    self.succeeds(start);
                    Ok(self.session())
                }
                Weather::Lost => Err(Error::new(Kind::Unreachable, Storm(weather))),
                Weather::Refused => Err(Error::new(Kind::Refused, Storm(weather))),
                Weather::Over => Err(Error::new(Kind::Identity, Storm(weather))),
            }
        })
    }
}
