//! The commands that go on running, on the real world.

use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};
use roles_anywhere::board::Board;
use roles_anywhere::cli::resolve::Exchange;
use roles_anywhere::command::daemon::Daemon;
use roles_anywhere::command::serve::{self as serving, Serve};
use roles_anywhere::command::update::{self, Update};
use roles_anywhere::engine::{Ending, Engine, Ports};
use roles_anywhere::error::{Error, Kind};
use roles_anywhere::files::Source;
use roles_anywhere::generation::Generations;
use roles_anywhere::log::{Level, Log as _};
use roles_anywhere::os::clock::{SystemClock, SystemTimer};
use roles_anywhere::os::credentials_file::CredentialsFile;
use roles_anywhere::os::disk;
use roles_anywhere::os::events::SystemEvents;
use roles_anywhere::os::listener::{Http, Limits};
use roles_anywhere::os::log::StderrLog;
use roles_anywhere::os::random::SystemEntropy;
use roles_anywhere::os::supervisor::Systemd;
use roles_anywhere::os::terminal;
use roles_anywhere::serve::{self, Listener as _};
use roles_anywhere::world::{Supervisor, World};
use tokio::sync::Notify;

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
    let keeping = pin!(update::keep(plan, &mut engine, &board, ports, &CredentialsFile));
    let ended = outside.while_logging(keeping).await;
    outside.supervisor.stopping();
    ended
}

/// Serves credentials until it is told to stop.
pub(crate) async fn serve(
    plan: &Serve,
    exchange: &Exchange,
    clock: SystemClock,
    world: World<'_>,
) -> Result<(), Error> {
    let outside = Outside::open(exchange, plan.daemon, clock)?;
    let listener = Http::bind(&plan.listen, plan.remote, plan.hop_limit, Limits::default())?;
    let addresses = listener.addresses();
    let board = Rc::new(Board::default());
    let ports = serve::Ports {
        clock: Rc::new(clock),
        timer: Rc::new(SystemTimer),
        entropy: Rc::new(SystemEntropy),
        log: Rc::clone(&outside.log) as _,
    };
    let token = plan.token_file.path(&addresses);
    if let Some(folder) = token.as_ref().and_then(|file| file.parent()) {
        // In `$XDG_RUNTIME_DIR` there is none yet. What cannot be made is told when it is written to.
        let _ = disk::make_directory(folder);
    }
    let (endpoints, token) = serving::open(plan, token, Rc::clone(&board), ports, world.files)?;
    if plan.print_env {
        let lines = serving::print_env(plan.remote, &addresses, token.as_deref());
        terminal::print(lines.as_bytes())?;
    }
    for address in &addresses {
        outside.log.event(Level::Info, "listening", &[("address", address)]);
    }
    outside.supervisor.ready();
    let origin = Generations::new(&exchange.provider, world, exchange.timeout);
    let mut engine = Engine::new(&origin, &board, outside.ports(&world));
    let stop = Rc::new(Notify::new());
    let stopped = Rc::clone(&stop);
    let keeping = pin!(async {
        let started = plan.daemon.start(&mut engine).await;
        if started.as_ref().is_ok_and(|ending| *ending == Ending::NotYet) {
            engine.run().await;
        }
        stop.notify_one();
        started
    });
    let serving = pin!(serving::run(
        token,
        endpoints,
        Box::new(listener),
        (world.files, world.timer),
        Box::pin(async move { stopped.notified().await }),
    ));
    let both = pin!(async {
        match select(keeping, serving).await {
            Either::Left((kept, serving)) => {
                outside.supervisor.stopping();
                serving.await?;
                kept.map(|_| ())
            }
            Either::Right((served, _)) => served,
        }
    });
    outside.while_logging(both).await
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

    /// Waits for `work`, and writes what is logged meanwhile.
    async fn while_logging<T>(&self, work: impl Future<Output = T> + Unpin) -> T {
        match select(work, pin!(self.log.run())).await {
            Either::Left((done, _)) => done,
            Either::Right((never, _)) => match never {},
        }
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
