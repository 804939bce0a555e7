//! Wires the long-running commands to the real system.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};
use roles_anywhere::command::serve::{self as serving, Serve};
use roles_anywhere::command::update::{self, Update};
use roles_anywhere::daemon::{Daemon, DaemonPorts, OnStartupFailure, Reporter, Supervisor};
use roles_anywhere::options::resolve::Exchange;
use roles_anywhere::os::clock::{SystemClock, SystemTimer};
use roles_anywhere::os::credentials_file::CredentialsFile;
use roles_anywhere::os::events::SystemEvents;
use roles_anywhere::os::listener::{HttpListener, Limits};
use roles_anywhere::os::log::StderrLog;
use roles_anywhere::os::process;
use roles_anywhere::os::random::SystemEntropy;
use roles_anywhere::os::stdio;
use roles_anywhere::os::supervisor::Systemd;
use roles_anywhere::os::token_file::TokenOnDisk;
use roles_anywhere::output::error::{Error, Kind};
use roles_anywhere::output::log::{Level, Log as _};
use roles_anywhere::server::{self, Listener as _};
use roles_anywhere_client::input_source::Location;
use roles_anywhere_client::ports::World;
use roles_anywhere_client::refresh::refresher::{Refresher, RefresherPorts, Shutdown};
use roles_anywhere_client::refresh::reloading_identity::ReloadingIdentity;
use roles_anywhere_client::refresh::status::StatusChannel;
use tokio::sync::Notify;

/// Keeps a profile fresh until it is told to stop.
pub(crate) async fn update(
    plan: &Update,
    exchange: &Exchange,
    clock: SystemClock,
    world: World<'_>,
) -> Result<(), Error> {
    let context = DaemonContext::open(exchange, plan.daemon, clock)?;
    let reporter = context.reporter();
    let channel = StatusChannel::default();
    let source = ReloadingIdentity::new(&exchange.provider, world, exchange.timeout);
    let mut refresher =
        Refresher::new(&source, &channel, context.refresher_ports(&world, &reporter));
    let ports = context.ports(&world);
    let refreshing = pin!(update::keep(plan, &mut refresher, &channel, ports, &CredentialsFile));
    let ended = context.while_logging(refreshing).await;
    context.supervisor.stopping();
    ended
}

/// Serves credentials until it is told to stop.
pub(crate) async fn serve(
    plan: &Serve,
    exchange: &Exchange,
    clock: SystemClock,
    world: World<'_>,
) -> Result<(), Error> {
    let context = DaemonContext::open(exchange, plan.daemon, clock)?;
    let listener = bind(plan)?;
    let addresses = listener.addresses();
    let channel = Rc::new(StatusChannel::default());
    let place = TokenOnDisk::find(&plan.token_file, &addresses);
    // Held until the end.
    let _lock = place.as_ref().map(TokenOnDisk::lock).transpose()?;
    let (endpoints, place) =
        serving::open(plan, place, Rc::clone(&channel), context.serving_ports(clock))?;
    let place: Option<&TokenOnDisk> = place.as_ref();
    if let Err(error) = context.announce(plan, &addresses, place.map(TokenOnDisk::path)) {
        place.inspect(|place| endpoints.withdraw_container_token(*place));
        return Err(error);
    }
    let source = ReloadingIdentity::new(&exchange.provider, world, exchange.timeout);
    let reporter = context.reporter();
    let mut refresher =
        Refresher::new(&source, &channel, context.refresher_ports(&world, &reporter));
    let stop = Rc::new(Notify::new());
    let stopped = Rc::clone(&stop);
    let refreshing =
        pin!(refresh_until_stopped(plan.daemon, &mut refresher, &context.supervisor, &stop));
    let serving = pin!(serving::run(
        place.map(|place| place as _),
        endpoints,
        Box::new(listener),
        world.timer,
        Box::pin(async move { stopped.notified().await }),
    ));
    let both = pin!(async {
        match select(refreshing, serving).await {
            Either::Left((refreshed, serving)) => serving.await.and(refreshed),
            Either::Right((served, _)) => served,
        }
    });
    context.while_logging(both).await
}

/// Keeps a session fresh until the daemon is told to stop, then notifies `stop`.
async fn refresh_until_stopped(
    daemon: Daemon,
    refresher: &mut Refresher<'_>,
    supervisor: &Systemd,
    stop: &Notify,
) -> Result<(), Error> {
    // A daemon that keeps retrying serves from the start, even without credentials; one that exits
    // on a failure is ready only after the first refresh.
    let keeps_trying = daemon.on_startup_failure == OnStartupFailure::KeepTrying;
    if keeps_trying {
        supervisor.ready();
    }
    let started = daemon.start(refresher).await;
    if matches!(started, Ok(Shutdown::NotRequested)) {
        if !keeps_trying {
            supervisor.ready();
        }
        refresher.run().await;
    }
    supervisor.stopping();
    stop.notify_one();
    started.map(drop)
}

fn bind(plan: &Serve) -> Result<HttpListener, Error> {
    let open = process::open_descriptors() + plan.listen.len();
    let limits = Limits::within(process::descriptors().saturating_sub(open));
    HttpListener::bind(&plan.listen, plan.remote, plan.hop_limit, limits)
}

/// The event source, supervisor and log of a daemon.
struct DaemonContext {
    events: SystemEvents,
    supervisor: Systemd,
    log: Rc<StderrLog>,
}

impl DaemonContext {
    fn open(exchange: &Exchange, daemon: Daemon, clock: SystemClock) -> Result<Self, Error> {
        let files: Vec<PathBuf> = exchange
            .provider
            .source
            .places()
            .filter_map(|place| match &place.location {
                Location::File(path) => Some(path.clone()),
                _ => None,
            })
            .collect();
        let events = SystemEvents::listen(files).map_err(|error| Error::new(Kind::Local, error))?;
        let log = Rc::new(StderrLog::new(daemon.log_format, Rc::new(clock)));
        if !exchange.ignored.is_empty() {
            let names = exchange.ignored.join(" ");
            log.event(
                Level::Info,
                "variables of a Kubernetes Service ignored",
                &[("names", &names)],
            );
        }
        Ok(Self { events, supervisor: Systemd::find(), log })
    }

    /// Logs and prints the addresses of the endpoints and the token file.
    fn announce(
        &self,
        plan: &Serve,
        addresses: &[SocketAddr],
        token: Option<&Path>,
    ) -> Result<(), Error> {
        if token.is_none() && plan.policy.offer.has_container() {
            let words = "no container credentials: name a place for their token by --token-file";
            self.log.event(Level::Warning, words, &[]);
        }
        if plan.print_env {
            let lines = serving::print_env((plan.remote, plan.policy.offer), addresses, token);
            stdio::print(lines.as_bytes())?;
        }
        for address in addresses {
            self.log.event(Level::Info, "listening", &[("address", address)]);
        }
        Ok(())
    }

    /// Waits for `work`, and writes the log at the same time.
    async fn while_logging<T>(&self, work: impl Future<Output = T> + Unpin) -> T {
        match select(work, pin!(self.log.run())).await {
            Either::Left((done, _)) => done,
            Either::Right((never, _)) => match never {},
        }
    }

    fn reporter(&self) -> Reporter<'_> {
        Reporter::new(&*self.log, &self.supervisor)
    }

    fn refresher_ports<'a>(
        &'a self,
        world: &World<'a>,
        reporter: &'a Reporter<'a>,
    ) -> RefresherPorts<'a> {
        RefresherPorts {
            clock: world.clock,
            entropy: world.entropy,
            events: &self.events,
            observer: reporter,
        }
    }

    fn ports<'a>(&'a self, world: &World<'a>) -> DaemonPorts<'a> {
        DaemonPorts {
            clock: world.clock,
            timer: world.timer,
            supervisor: &self.supervisor,
            log: &*self.log,
        }
    }

    fn serving_ports(&self, clock: SystemClock) -> server::ServerPorts {
        server::ServerPorts {
            clock: Rc::new(clock),
            timer: Rc::new(SystemTimer),
            entropy: Rc::new(SystemEntropy),
            log: Rc::clone(&self.log) as _,
        }
    }
}
