//! The commands that go on running, on the real world.

use std::path::PathBuf;
use std::rc::Rc;

use roles_anywhere::board::Board;
use roles_anywhere::cli::resolve::Exchange;
use roles_anywhere::command::daemon::Daemon;
use roles_anywhere::command::update::{self, Update};
use roles_anywhere::engine::{Engine, Ports};
use roles_anywhere::error::{Error, Kind};
use roles_anywhere::files::Source;
use roles_anywhere::generation::Generations;
use roles_anywhere::os::clock::SystemClock;
use roles_anywhere::os::credentials_file::CredentialsFile;
use roles_anywhere::os::events::SystemEvents;
use roles_anywhere::os::log::StderrLog;
use roles_anywhere::os::supervisor::Systemd;
use roles_anywhere::world::{Supervisor, World};

/// Keeps a profile fresh until it is told to stop.
pub(crate) async fn update(
    plan: &Update,
    exchange: &Exchange,
    clock: SystemClock,
    world: World<'_>,
) -> Result<(), Error> {
    let outside = Outside::open(exchange, plan.daemon, clock)?;
    let ports = outside.ports(&world);
    let board = Board::default();
    let origin = Generations::new(&exchange.provider, world, exchange.timeout);
    let mut engine = Engine::new(&origin, &board, ports);
    let ended = update::keep(plan, &mut engine, &board, ports, &CredentialsFile).await;
    outside.supervisor.stopping();
    ended
}

/// What a daemon hears and says.
struct Outside {
    events: SystemEvents,
    supervisor: Systemd,
    log: Rc<StderrLog>,
}

impl Outside {
    fn open(exchange: &Exchange, daemon: Daemon, clock: SystemClock) -> Result<Self, Error> {
        let files: Vec<PathBuf> = exchange
            .provider
            .source
            .places()
            .filter_map(|place| match place {
                Source::File(path) => Some(path.clone()),
                _ => None,
            })
            .collect();
        let events = SystemEvents::listen(files).map_err(|error| Error::new(Kind::Local, error))?;
        let log = Rc::new(StderrLog::new(daemon.log_format, Rc::new(clock)));
        Ok(Self { events, supervisor: Systemd::find(), log })
    }

    fn ports<'a>(&'a self, world: &World<'a>) -> Ports<'a> {
        Ports {
            clock: world.clock,
            timer: world.timer,
            entropy: world.entropy,
            events: &self.events,
            supervisor: &self.supervisor,
            log: &*self.log,
        }
    }
}
