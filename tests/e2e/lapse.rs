//! Hours in a second: refresher, identity and HTTPS as they are, on a clock that the test moves.

mod load;
mod outage;

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Mutex;
use std::time::Duration;

use roles_anywhere::command::secret_get::Stdout;
use roles_anywhere::daemon::{Reporter, Supervisor};
use roles_anywhere::options::CommandLine;
use roles_anywhere::options::resolve::{Command, Exchange, resolve};
use roles_anywhere::os::clock::SystemClock;
use roles_anywhere::os::disk::{self, Disk};
use roles_anywhere::os::password::KeyPassword;
use roles_anywhere::output::log::{Fact, Level, Log, Unwritten};
use roles_anywhere_client::https::Https;
use roles_anywhere_client::password::PasswordSource;
use roles_anywhere_client::ports::{Environment, Event, Events, NoTrace, World};
use roles_anywhere_client::refresh::refresher::{Refresher, RefresherPorts};
use roles_anywhere_client::refresh::reloading_identity::ReloadingIdentity;
use roles_anywhere_client::refresh::status::{Status, StatusChannel};
use roles_anywhere_client::secret::Entropy;
use roles_anywhere_client::text::disclosure::Paths;
use roles_anywhere_client::time::{Clock, Timer, Timestamp};
use roles_anywhere_emulator::Emulator;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::environment::emulator;

/// The clocks of this machine and AWS's: they go as they do, and are moved on together.
struct Hands {
    real: SystemClock,
    emulator: Emulator,
    moved: Mutex<Moved>,
    moves: Notify,
}

/// How far they were moved.
#[derive(Clone, Copy, Default)]
struct Moved {
    wall: Duration,
    uptime: Duration,
}

impl Hands {
    fn new() -> Self {
        let real = SystemClock::start();
        Self { real, emulator: emulator(), moved: Mutex::default(), moves: Notify::new() }
    }

    /// Lets so much time pass.
    fn pass(&self, time: Duration) {
        self.move_on(Moved { wall: time, uptime: time });
    }

    /// Lets the machine sleep for so long, by a clock that does not count it.
    fn doze(&self, time: Duration) {
        self.move_on(Moved { wall: time, uptime: Duration::ZERO });
    }

    fn move_on(&self, by: Moved) {
        let mut moved = self.moved.lock().unwrap();
        let before = moved.wall.as_secs();
        moved.wall += by.wall;
        moved.uptime += by.uptime;
        // AWS's clock is moved by whole seconds, as the wall clock is told in them.
        self.emulator.advance((moved.wall.as_secs() - before).try_into().unwrap());
        drop(moved);
        self.moves.notify_waiters();
    }

    fn moved(&self) -> Moved {
        *self.moved.lock().unwrap()
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        self.real.now().after(self.moved().wall.as_secs().try_into().unwrap())
    }

    fn uptime(&self) -> Duration {
        self.real.uptime() + self.moved().uptime
    }
}

/// More than the longest pause between two tries of one call, and less than a deadline or a look at
/// the token.
const PAUSE: Duration = Duration::from_secs(5);

/// Pauses between two tries are over at once; for what is longer, the clock has to be moved.
impl Timer for Hands {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(async move {
            let end = self.uptime() + duration;
            if duration < PAUSE {
                self.pass(duration);
            }
            while self.uptime() < end {
                self.moves.notified().await;
            }
        })
    }
}

/// Moves the clock on while the refresher waits.
struct Lapse<'a> {
    hands: &'a Hands,
    channel: &'a StatusChannel,
    last: Cell<Instant>,
    meanwhile: RefCell<Meanwhile<'a>>,
}

/// Reads the status and does what is to happen, each time that the clock was moved.
type Meanwhile<'a> = Box<dyn FnMut(&Status) -> Event + 'a>;

/// The real time that a wait takes, of whatever length: who asks has it to be answered.
const WAIT: Duration = Duration::from_millis(2);
/// The real time that AWS has for what takes a second on the clock.
const SECOND_OF_AWS: Duration = Duration::from_millis(30);

impl Events for Lapse<'_> {
    fn next(&self, limit: Duration) -> Pin<Box<dyn Future<Output = Event> + '_>> {
        Box::pin(async move {
            let (real, time) = match self.channel.status().in_flight {
                true => (SECOND_OF_AWS, limit.min(Duration::from_secs(1))),
                false => (WAIT, limit),
            };
            // Counted from the last time: who waits anew, again and again, does not stop the clock.
            sleep_until(self.last.get() + real).await;
            self.last.set(Instant::now());
            self.hands.pass(time);
            (self.meanwhile.borrow_mut())(&self.channel.status())
        })
    }
}

/// A daemon before it runs: its refresher, and what that stands on.
struct Daemon<'a> {
    exchange: &'a Exchange,
    world: World<'a>,
    channel: Rc<StatusChannel>,
    refresher: Refresher<'a>,
}

/// Makes a daemon of the command `line` that lives by `hands`, and has it `run`.
fn live<'a>(
    hands: &'a Hands,
    line: &[&str],
    meanwhile: Meanwhile<'a>,
    run: impl AsyncFnOnce(Daemon<'_>),
) {
    let variables = hands.emulator.environment().into_iter();
    let environment =
        Environment::new(variables.map(|(name, value)| (name, value.into_string().unwrap())));
    let exchange = exchange(line, &environment);
    let disk = Disk::new(&environment);
    let passwords = KeyPassword::new(PasswordSource::Unsaid { credential: None }, &disk);
    let transport = Https::new(exchange.transport.clone(), disk::read);
    let world = World {
        clock: hands,
        timer: hands,
        entropy: &Quiet,
        files: &disk,
        passwords: &passwords,
        transport: &transport,
        trace: &NoTrace,
    };
    let channel = Rc::new(StatusChannel::default());
    let last = Cell::new(Instant::now());
    let lapse = Lapse { hands, channel: &channel, last, meanwhile: RefCell::new(meanwhile) };
    let reporter = Reporter::new(&Quiet, &Quiet);
    let ports =
        RefresherPorts { clock: hands, entropy: &Quiet, events: &lapse, observer: &reporter };
    let source = ReloadingIdentity::new(&exchange.provider, world, exchange.timeout);
    let refresher = Refresher::new(&source, &channel, ports);
    let daemon = Daemon { exchange: &exchange, world, channel: Rc::clone(&channel), refresher };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(daemon));
}

fn exchange(line: &[&str], environment: &Environment) -> Exchange {
    use clap::Parser as _;
    // A fetch has a minute: so much is two seconds of real time at the least.
    let line = [&["roles-anywhere"], line, &["--timeout", "60"]].concat();
    let line = CommandLine::try_parse_from(line).unwrap();
    match resolve(line, environment, Stdout::Stream, Paths(&|_| false)).unwrap().command {
        Command::Exchange(exchange) => *exchange,
        _ => unreachable!("it is an exchange"),
    }
}

/// Nobody who looks after a daemon, nobody who reads its log, and dice that always fall alike.
struct Quiet;

impl Supervisor for Quiet {
    fn ready(&self) {}
    fn reloading(&self) {}
    fn stopping(&self) {}
    fn status(&self, _status: &str) {}
    fn watchdog(&self) {}
    fn watchdog_interval(&self) -> Option<Duration> {
        None
    }
}

impl Log for Quiet {
    fn event(&self, _level: Level, _what: &str, _facts: &[Fact<'_>]) {}

    fn record(&self, _: Level, _: &str, _: &[Fact<'_>]) -> Result<(), Unwritten> {
        Ok(())
    }
}

impl Entropy for Quiet {
    fn bits(&self) -> u64 {
        1_000
    }
}
