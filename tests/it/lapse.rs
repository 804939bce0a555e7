//! Hours in a second: the engine, the identity and HTTPS as they are, on a clock that the test moves.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use roles_anywhere::board::{Board, Standing};
use roles_anywhere::cli::CommandLine;
use roles_anywhere::cli::resolve::{Command, Exchange, resolve};
use roles_anywhere::command::secret_get::Stdout;
use roles_anywhere::engine::{Engine, Ports};
use roles_anywhere::error::Kind;
use roles_anywhere::generation::Generations;
use roles_anywhere::log::{Fact, Level, Log};
use roles_anywhere::os::disk::Disk;
use roles_anywhere::os::https::Https;
use roles_anywhere::os::password::KeyPassword;
use roles_anywhere::refresh::Moment;
use roles_anywhere::secret::Entropy;
use roles_anywhere::time::{Clock, Timer, Timestamp};
use roles_anywhere::world::{Environment, Event, Events, NoTrace, Supervisor, World};
use roles_anywhere_emulator::Emulator;
use serde_json::json;

use crate::tool::emulator;

/// The clocks of this machine.
struct Hands(Mutex<(i64, Duration)>);

/// Moves them, and AWS's with them, while the engine waits.
struct Lapse<'a> {
    emulator: &'a Emulator,
    hands: &'a Hands,
    plot: RefCell<Plot<'a>>,
}

/// What happens at which second, and what is looked at each time that the engine waits.
struct Plot<'a> {
    elapsed: i64,
    end: i64,
    acts: Vec<(i64, Act)>,
    look: Box<dyn FnMut(i64, Moment) + 'a>,
}

enum Act {
    /// AWS is gone.
    Gone,
    /// AWS is back.
    Back,
    /// AWS throttles.
    Throttles,
    /// The machine sleeps for so many seconds.
    Sleeps(i64),
}

impl Lapse<'_> {
    /// Lets so much time pass for everybody, and what is to happen in it happen.
    fn pass(&self, pause: Duration) {
        let seconds = i64::try_from(pause.as_secs().max(1)).unwrap();
        self.move_on(seconds, seconds);
        let due = {
            let mut plot = self.plot.borrow_mut();
            let elapsed = plot.elapsed;
            let at = plot.acts.iter().position(|(at, _)| *at <= elapsed);
            at.map(|at| plot.acts.remove(at).1)
        };
        match due {
            Some(Act::Gone) => self.emulator.fault(json!({"cut": true, "times": 0})),
            Some(Act::Throttles) => self
                .emulator
                .fault(json!({"status": 429, "code": "ThrottlingException", "times": 0})),
            Some(Act::Back) => self.emulator.clear_faults(),
            Some(Act::Sleeps(seconds)) => self.move_on(seconds, 0),
            None => {}
        }
        let moment = Moment::of(self.hands);
        let mut plot = self.plot.borrow_mut();
        let elapsed = plot.elapsed;
        (plot.look)(elapsed, moment);
    }

    fn move_on(&self, seconds: i64, awake: i64) {
        let mut now = self.hands.0.lock().unwrap();
        now.0 += seconds;
        now.1 += Duration::from_secs(awake.try_into().unwrap());
        self.emulator.advance(seconds);
        self.plot.borrow_mut().elapsed += seconds;
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.0.lock().unwrap().0)
    }

    fn uptime(&self) -> Duration {
        self.0.lock().unwrap().1
    }
}

/// Pauses between two tries are over at once; a deadline, which is longer, never comes.
struct Impatient;

impl Timer for Impatient {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        match duration < Duration::from_secs(10) {
            true => Box::pin(std::future::ready(())),
            false => Box::pin(std::future::pending()),
        }
    }
}

impl Events for Lapse<'_> {
    fn next(&self, limit: Duration) -> Pin<Box<dyn Future<Output = Event> + '_>> {
        Box::pin(async move {
            // A fetch in flight has the real time that it takes.
            tokio::time::sleep(Duration::from_millis(2)).await;
            self.pass(limit);
            let plot = self.plot.borrow();
            if plot.elapsed >= plot.end { Event::Stop } else { Event::Elapsed }
        })
    }
}

struct Quiet;

impl Supervisor for Quiet {
    fn ready(&self) {}
    fn reloading(&self) {}
    fn stopping(&self) {}
    fn status(&self, _status: &str) {}
    fn alive(&self) {}
    fn interval(&self) -> Option<Duration> {
        None
    }
}

impl Log for Quiet {
    fn event(&self, _level: Level, _what: &str, _facts: &[Fact<'_>]) {}
}

impl Entropy for Quiet {
    fn bits(&self) -> u64 {
        1_000
    }
}

/// What stood on the board at one second.
struct Seen {
    elapsed: i64,
    /// The seconds that the session in hand had left by AWS's clock, where one was handed out.
    left: Option<i64>,
    trouble: Option<Kind>,
}

/// Runs the engine for so many seconds, and returns what was on the board all the while.
fn play(end: i64, acts: Vec<(i64, Act)>) -> Vec<Seen> {
    let emulator = emulator();
    let environment = Environment::new(
        emulator
            .environment()
            .into_iter()
            .map(|(name, value)| (name, value.into_string().unwrap())),
    );
    let exchange = exchange(&environment);
    let disk = Disk::new(&environment);
    let passwords = KeyPassword::new(
        roles_anywhere::password::PasswordSource::Unsaid { credential: None },
        &disk,
    );
    let transport = Https::new(exchange.transport.clone());
    let board = Board::default();
    let seen = RefCell::new(Vec::new());
    let look = |elapsed, moment: Moment| {
        let standing = board.standing();
        seen.borrow_mut().push(Seen {
            elapsed,
            left: left(&standing, moment),
            trouble: standing.trouble.as_ref().map(|trouble| trouble.kind),
        });
    };
    let start = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let hands = Hands(Mutex::new((start.as_secs().try_into().unwrap(), Duration::ZERO)));
    let lapse = Lapse {
        emulator: &emulator,
        hands: &hands,
        plot: RefCell::new(Plot { elapsed: 0, end, acts, look: Box::new(look) }),
    };
    let world = World {
        clock: &hands,
        timer: &Impatient,
        entropy: &Quiet,
        files: &disk,
        passwords: &passwords,
        transport: &transport,
        trace: &NoTrace,
    };
    let ports = Ports {
        clock: &hands,
        timer: &Impatient,
        entropy: &Quiet,
        events: &lapse,
        supervisor: &Quiet,
        log: &Quiet,
    };
    let origin = Generations::new(&exchange.provider, world, exchange.timeout);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Engine::new(&origin, &board, ports).run());
    drop(lapse);
    seen.into_inner()
}

fn left(standing: &Standing, moment: Moment) -> Option<i64> {
    let session = standing.valid(moment)?;
    Some(moment.wall.seconds_until(session.credentials.expiration))
}

fn exchange(environment: &Environment) -> Exchange {
    use clap::Parser as _;
    let line = CommandLine::try_parse_from(["roles-anywhere", "credential-process", "--no-cache"]);
    match resolve(line.unwrap(), environment, Stdout::Stream).unwrap().command {
        Command::Exchange(exchange) => *exchange,
        _ => unreachable!("it is an exchange"),
    }
}

#[track_caller]
fn between(seen: &[Seen], from: i64, to: i64, check: impl Fn(&Seen) -> bool) {
    let mut any = false;
    for at in seen.iter().filter(|at| (from..to).contains(&at.elapsed)) {
        any = true;
        let Seen { elapsed, left, trouble } = at;
        assert!(check(at), "after {elapsed} s: {left:?} s left, {trouble:?}");
    }
    assert!(any, "nothing was looked at between {from} and {to}");
}

#[test]
fn serves_through_an_hour_without_aws_and_recovers_within_a_minute_of_its_return() {
    let seen = play(6_000, vec![(1_000, Act::Gone), (4_700, Act::Back)]);
    between(&seen, 60, 1_000, |at| at.left > Some(25 * 60) && at.trouble.is_none());
    // A session is served to its end, and not for a second longer.
    between(&seen, 1_000, 3_500, |at| at.left.is_some_and(|left| left > 0));
    between(&seen, 2_000, 3_500, |at| at.trouble == Some(Kind::Unreachable));
    between(&seen, 3_650, 4_700, |at| at.left.is_none() && at.trouble == Some(Kind::Unreachable));
    between(&seen, 4_800, 6_000, |at| at.left > Some(25 * 60) && at.trouble.is_none());
}

#[test]
fn refreshes_at_once_when_the_machine_wakes() {
    let wakes = 500 + 8 * 3_600;
    let seen = play(wakes + 600, vec![(500, Act::Sleeps(8 * 3_600))]);
    between(&seen, wakes + 30, wakes + 600, |at| at.left > Some(25 * 60) && at.trouble.is_none());
}

#[test]
fn serves_through_a_throttle() {
    let seen = play(4_000, vec![(1_500, Act::Throttles), (2_400, Act::Back)]);
    between(&seen, 60, 4_000, |at| at.left.is_some_and(|left| left > 0));
    between(&seen, 2_500, 4_000, |at| at.left > Some(25 * 60) && at.trouble.is_none());
}
