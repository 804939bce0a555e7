//! The commands that go on running, on the real world.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};
use roles_anywhere::board::Board;
use roles_anywhere::cache::Store as _;
use roles_anywhere::cli::resolve::Exchange;
use roles_anywhere::command::daemon::{Daemon, FirstFailure};
use roles_anywhere::command::serve::{self as serving, Serve, TokenFile};
use roles_anywhere::command::update::{self, Update};
use roles_anywhere::engine::{Ending, Engine, Ports};
use roles_anywhere::error::{Error, Kind};
use roles_anywhere::files::{Action, FileError, Files, Source};
use roles_anywhere::generation::Generations;
use roles_anywhere::log::{Level, Log as _};
use roles_anywhere::os::clock::{SystemClock, SystemTimer};
use roles_anywhere::os::credentials_file::CredentialsFile;
use roles_anywhere::os::events::SystemEvents;
use roles_anywhere::os::listener::{Http, Limits};
use roles_anywhere::os::log::StderrLog;
use roles_anywhere::os::private::PrivateDirectory;
use roles_anywhere::os::process;
use roles_anywhere::os::random::SystemEntropy;
use roles_anywhere::os::supervisor::Systemd;
use roles_anywhere::os::terminal;
use roles_anywhere::secret::SecretBytes;
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

/// How many file descriptors are kept for files, AWS and the event loop.
const OWN_DESCRIPTORS: usize = 48;

/// Serves credentials until it is told to stop.
pub(crate) async fn serve(
    plan: &Serve,
    exchange: &Exchange,
    clock: SystemClock,
    world: World<'_>,
) -> Result<(), Error> {
    let outside = Outside::open(exchange, plan.daemon, clock)?;
    let listener = bind(plan)?;
    let addresses = listener.addresses();
    let board = Rc::new(Board::default());
    let ports = serve::Ports {
        clock: Rc::new(clock),
        timer: Rc::new(SystemTimer),
        entropy: Rc::new(SystemEntropy),
        log: Rc::clone(&outside.log) as _,
    };
    let token = plan.token_file.path(&addresses);
    let token = token.map(|path| std::path::absolute(&path).unwrap_or(path));
    let files = TokenFiles::new(&plan.token_file, world.files);
    let (endpoints, token) = serving::open(plan, token, Rc::clone(&board), ports, &files)?;
    if token.is_none() {
        let words = "no container credentials: name a place for their token by --token-file";
        outside.log.event(Level::Warning, words, &[]);
    }
    if plan.print_env {
        let lines = serving::print_env(plan.remote, &addresses, token.as_deref());
        terminal::print(lines.as_bytes())?;
    }
    outside.say_where(&addresses);
    let fails_fast = plan.daemon.first_failure == FirstFailure::Exits;
    if !fails_fast {
        outside.supervisor.ready();
    }
    let origin = Generations::new(&exchange.provider, world, exchange.timeout);
    let mut engine = Engine::new(&origin, &board, outside.ports(&world));
    let stop = Rc::new(Notify::new());
    let stopped = Rc::clone(&stop);
    let keeping = pin!(async {
        let started = plan.daemon.start(&mut engine).await;
        if started.as_ref().is_ok_and(|ending| *ending == Ending::NotYet) {
            outside.supervisor.ready();
            engine.run().await;
        }
        stop.notify_one();
        started
    });
    let serving = pin!(serving::run(
        token,
        endpoints,
        Box::new(listener),
        (&files, world.timer),
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

fn bind(plan: &Serve) -> Result<Http, Error> {
    let connections = process::descriptors().saturating_sub(OWN_DESCRIPTORS).clamp(8, 512);
    let limits = Limits { connections, ..Limits::default() };
    Http::bind(&plan.listen, plan.remote, plan.hop_limit, limits)
}

/// Where the container token is written: a place of our own choice is judged as the cache's is.
struct TokenFiles<'a> {
    own: Option<PrivateDirectory>,
    files: &'a dyn Files,
}

impl<'a> TokenFiles<'a> {
    fn new(place: &TokenFile, files: &'a dyn Files) -> Self {
        let own = match place {
            TokenFile::In(directory) => Some(PrivateDirectory::new(directory)),
            TokenFile::At(_) | TokenFile::Nowhere => None,
        };
        Self { own, files }
    }
}

impl Files for TokenFiles<'_> {
    fn read(&self, source: &Source) -> Result<SecretBytes, FileError> {
        self.files.read(source)
    }

    fn readable_by_others(&self, source: &Source) -> Option<u32> {
        self.files.readable_by_others(source)
    }

    fn replace(&self, path: &Path, contents: &[u8]) -> Result<(), FileError> {
        let failed = |source| FileError {
            action: Action::Write,
            place: Source::File(path.to_owned()),
            source,
        };
        match (&self.own, path.file_name().and_then(|name| name.to_str())) {
            (Some(own), Some(name)) => own.write(name, contents).map_err(failed),
            // A pipe would be waited for, and the token is not for a device.
            _ if path.metadata().is_ok_and(|metadata| !metadata.is_file()) => {
                Err(failed(io::Error::other("it is not a regular file")))
            }
            _ => self.files.replace(path, contents),
        }
    }
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

    fn say_where(&self, addresses: &[SocketAddr]) {
        for address in addresses {
            self.log.event(Level::Info, "listening", &[("address", address)]);
        }
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
