//! Hours in a second: the real refresher, identity and HTTPS, on a clock that the test moves.

mod load;
mod outage;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{BoxFuture, LocalBoxFuture};
use roles_anywhere::app::App;
use roles_anywhere::app::daemon::SystemDaemon;
use roles_anywhere::app::session::SessionClient;
use roles_anywhere::command::serve::ServePlan;
use roles_anywhere::command::{ALL, PlanInputs, plan};
use roles_anywhere::daemon::{DaemonContext, Event, Events, Role, StatusLine, Supervisor};
use roles_anywhere::options::session_plan::SessionPlan;
use roles_anywhere::output::log::events::{LogEvent, SESSION_RECEIVED};
use roles_anywhere::output::log::{Field, Log, LogNotWritten};
use roles_anywhere::server::FETCH_TIMEOUT;
use roles_anywhere_client::ports::{Environment, Ports};
use roles_anywhere_client::refresh::status::{Status, StatusChannel};
use roles_anywhere_client::system::SystemClock;
use roles_anywhere_client::time::{Clock, Timer, Timestamp};
use roles_anywhere_emulator::Emulator;
use roles_anywhere_test_support::blocking::FakeBlocking;
use roles_anywhere_test_support::entropy::SequenceEntropy;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::environment::{committed, emulator};
use crate::leak;

/// The clocks of this machine and of the emulator: both run, and the test moves them on together.
///
/// `ManualClock` stands still unless a test moves it; HTTPS and the emulator need one that runs.
struct ShiftedClock {
    real: SystemClock,
    emulator: Emulator,
    moved: Mutex<Moved>,
    moves: Notify,
    /// When the sleeps end that have begun, by [`Clock::uptime`], and how many end then.
    wakes: Mutex<BTreeMap<Duration, usize>>,
}

/// How far the clocks were moved.
#[derive(Clone, Copy, Default)]
struct Moved {
    wall: Duration,
    uptime: Duration,
}

impl ShiftedClock {
    fn new() -> Self {
        let real = SystemClock::start();
        Self {
            real,
            emulator: emulator(),
            moved: Mutex::default(),
            moves: Notify::new(),
            wakes: Mutex::default(),
        }
    }

    /// Moves all clocks on.
    fn advance(&self, time: Duration) {
        self.shift(Moved { wall: time, uptime: time });
    }

    /// Suspends the machine, which its monotonic clock does not count.
    fn suspend(&self, time: Duration) {
        self.shift(Moved { wall: time, uptime: Duration::ZERO });
    }

    fn shift(&self, by: Moved) {
        let mut moved = self.moved.lock().unwrap();
        let before = moved.wall.as_secs();
        moved.wall += by.wall;
        moved.uptime += by.uptime;
        // The emulator's clock is moved by whole seconds, which are the unit of the wall clock.
        self.emulator.advance((moved.wall.as_secs() - before).try_into().unwrap());
        drop(moved);
        self.moves.notify_waiters();
    }

    /// Returns the time until the first of the sleeps ends.
    fn time_to_next_wake(&self) -> Duration {
        let first = self.wakes.lock().unwrap().first_key_value().map(|(end, _)| *end);
        first.map_or(Duration::MAX, |end| end.saturating_sub(self.uptime()))
    }

    fn moved(&self) -> Moved {
        *self.moved.lock().unwrap()
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        self.real.now().after(self.moved().wall.as_secs().try_into().unwrap())
    }

    fn uptime(&self) -> Duration {
        self.real.uptime() + self.moved().uptime
    }
}

/// More than the longest backoff between two attempts, and less than a deadline or the interval at
/// which the token file is checked.
const PAUSE: Duration = Duration::from_secs(5);

/// A backoff, between two attempts or two refreshes, passes at once; for a longer sleep, the clock has to
/// be moved. Clients are real, and so is
/// the time that an answer waits for a session.
impl Timer for ShiftedClock {
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        if duration == FETCH_TIMEOUT {
            return Box::pin(tokio::time::sleep(duration));
        }
        Box::pin(async move {
            let end = self.uptime() + duration;
            if duration < PAUSE {
                self.advance(duration);
            }
            let _wake = Wake::at(end, self);
            while self.uptime() < end {
                self.moves.notified().await;
            }
        })
    }
}

/// The end of a sleep, until it is over or dropped.
struct Wake<'a> {
    end: Duration,
    clock: &'a ShiftedClock,
}

impl<'a> Wake<'a> {
    fn at(end: Duration, clock: &'a ShiftedClock) -> Self {
        *clock.wakes.lock().unwrap().entry(end).or_default() += 1;
        Self { end, clock }
    }
}

impl Drop for Wake<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut sleeps) = self.clock.wakes.lock().unwrap().entry(self.end) {
            *sleeps.get_mut() -= 1;
            if *sleeps.get() == 0 {
                sleeps.remove();
            }
        }
    }
}

/// Moves the clock on while the refresher waits.
struct TimeTravel<'a> {
    clock: &'a ShiftedClock,
    channel: &'a StatusChannel,
    last: Cell<Instant>,
    on_tick: RefCell<OnTick<'a>>,
}

/// Is called with the status each time that the clock was moved, and returns the event, if there is one.
type OnTick<'a> = Box<dyn FnMut(&Status) -> Option<Event> + 'a>;

/// The real time that a wait of any length takes, in which clients get their answers.
const WAIT: Duration = Duration::from_millis(2);
/// The real time that the emulator has for each second on the clock.
const SECOND_OF_AWS: Duration = Duration::from_millis(30);
/// The longest step of the clock while no refresh is in flight.
const LONGEST_STEP: Duration = Duration::from_secs(5);

impl Events for TimeTravel<'_> {
    fn next(&self) -> LocalBoxFuture<'_, Event> {
        Box::pin(async move {
            loop {
                let (real, longest) = match self.channel.status().in_flight {
                    true => (SECOND_OF_AWS, Duration::from_secs(1)),
                    false => (WAIT, LONGEST_STEP),
                };
                // Counted from the last time: the time that the others take does not slow the clock.
                sleep_until(self.last.get() + real).await;
                self.last.set(Instant::now());
                self.clock.advance(self.clock.time_to_next_wake().min(longest));
                let event = (self.on_tick.borrow_mut())(&self.channel.status());
                if let Some(event) = event {
                    return event;
                }
            }
        })
    }

    fn watch(&self, _files: Vec<PathBuf>) -> LocalBoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Makes a daemon of the command `line` whose clock is `clock`, and has it `run` with its plan and its
/// system.
fn run_daemon<'a>(
    clock: &'a Arc<ShiftedClock>,
    line: &[&str],
    log: Arc<dyn Log>,
    on_tick: OnTick<'a>,
    run: impl AsyncFnOnce(&ServePlan, &SystemDaemon<'_>),
) {
    let variables = clock.emulator.environment().into_iter();
    let environment =
        Environment::new(variables.map(|(name, value)| (name, value.into_string().unwrap())));
    let app = App::in_environment(environment);
    let plan = planned(line, app.environment());
    let session = &plan.roles.roles[0].plan;
    let ports = Ports {
        clock: Arc::clone(clock) as _,
        timer: Arc::clone(clock) as _,
        entropy: Arc::new(SequenceEntropy::pseudo_random(1_000)),
        blocking: Arc::new(FakeBlocking::inline()),
        ..SessionClient::open(&app, session).ports()
    };
    let channel = Arc::new(StatusChannel::default());
    let last = Cell::new(Instant::now());
    let events = TimeTravel { clock, channel: &channel, last, on_tick: RefCell::new(on_tick) };
    let status = Arc::new(StatusLine::new(Arc::new(SecrecyCheck)));
    let context =
        DaemonContext { events: &events, supervisor: Arc::new(SecrecyCheck), log, status };
    let (provider, timeout) = (&session.provider, session.timeout);
    let new_refresher = Box::new({
        let (context, channel, ports) = (context.clone(), &channel, ports.clone());
        move |_: &Role<SessionPlan>| {
            context.refresher(provider, timeout, Arc::clone(channel), &ports)
        }
    });
    let new_ports = Box::new({
        let ports = ports.clone();
        move |_: &_| ports.clone()
    });
    let system = SystemDaemon { app: &app, context, ports, new_refresher, new_ports };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(&plan, &system));
}

fn planned(line: &[&str], environment: &Environment) -> ServePlan {
    // A fetch has a minute on the clock, which is at least two seconds of real time.
    let line = [&["roles-anywhere"], line, &["--timeout", "60"]].concat();
    let line: Vec<String> = line.into_iter().map(str::to_owned).collect();
    let plan = plan(ALL, &line, &PlanInputs::of(environment));
    let plan: Box<dyn Any> = plan.unwrap();
    *plan.downcast().expect("the command is `serve`")
}

/// A supervisor and a log that keep nothing, and check that no secret is in what they get. The
/// program's fakes of them are compiled for its unit tests only.
struct SecrecyCheck;

/// Panics if a text holds a part of a key, a password, or what may be a secret access key or a session
/// token: a long word of base64.
fn check_text(text: &str) {
    leak::check(text.as_bytes());
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let longest = text.split(|c| !is_base64(c)).map(str::len).max();
    assert!(longest < Some(40), "a secret may be in: {text}");
}

impl Supervisor for SecrecyCheck {
    fn ready(&self) {}
    fn reloading(&self) {}
    fn stopping(&self) {}
    fn status(&self, status: &str) {
        check_text(status);
    }
    fn watchdog(&self) {}
    fn watchdog_interval(&self) -> Option<Duration> {
        None
    }
}

impl Log for SecrecyCheck {
    fn event(&self, event: &'static LogEvent, fields: &[Field<'_>]) {
        let what = event.name;
        for (name, value) in fields {
            let is_secret = name.split('_').any(|word| ["secret", "token"].contains(&word));
            assert!(!is_secret, "the field `{name}` of: {what}");
            check_text(&value.to_string());
        }
    }

    fn record(&self, event: &'static LogEvent, fields: &[Field<'_>]) -> Result<(), LogNotWritten> {
        self.event(event, fields);
        Ok(())
    }
}

#[test]
fn sleep_that_ends_with_a_dropped_one_is_kept() {
    let clock = ShiftedClock::new();
    let end = Duration::from_secs(3_600);
    let _kept = Wake::at(end, &clock);
    drop(Wake::at(end, &clock));
    assert!(clock.time_to_next_wake() <= end);
}

#[test]
fn log_check_refuses_secret_names_and_values() {
    let refuses = |name: &'static str, value: &str| {
        let check = || SecrecyCheck.event(&SESSION_RECEIVED, &[(name, &value)]);
        std::panic::catch_unwind(check).is_err()
    };
    assert!(!refuses("error", "no answer"));
    assert!(refuses("session_token", "no answer"));
    assert!(refuses("error", &format!("the password is {}", leak::PASSWORDS[0])));
    let key = std::fs::read_to_string(committed("leaf/p256.key.pem")).unwrap();
    assert!(refuses("error", &key));
    // A secret access key has 40 characters, a session token more.
    assert!(refuses("error", "of wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"));
    assert!(!refuses("role", "arn:aws:iam::123456789012:role/path/Plant"));
}
