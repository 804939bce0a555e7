//! `serve` on the real system: sockets, token file, signals.

use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::sync::Notify;

use crate::app::App;
use crate::app::daemon::DaemonContext;
use crate::app::session::SessionPlan;
use crate::command::serve::{self, Serve};
use crate::daemon::{Daemon, OnStartupFailure, Supervisor};
use crate::os::listener::{HttpListener, Limits};
use crate::os::process;
use crate::os::supervisor::Systemd;
use crate::os::token_file::TokenOnDisk;
use crate::output::error::Error;
use crate::output::log::{Level, Log as _};
use crate::server::Listener as _;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::refresh::refresher::{Refresher, Shutdown};
use roles_anywhere_client::refresh::reloading_identity::ReloadingIdentity;
use roles_anywhere_client::refresh::status::StatusChannel;

/// Serves credentials until it is told to stop.
pub(super) async fn run(
    app: &App,
    plan: &Serve,
    session: &SessionPlan,
    ports: &Ports,
) -> Result<(), Error> {
    let context = DaemonContext::open(app, "serve", plan.daemon, session)?;
    let listener = bind(plan)?;
    let addresses = listener.addresses();
    let channel = Arc::new(StatusChannel::default());
    let place = TokenOnDisk::find(&plan.token_file, &addresses);
    // Held until the end.
    let _lock = place.as_ref().map(TokenOnDisk::lock).transpose()?;
    let log = Arc::clone(&context.log) as _;
    let (endpoints, place) = serve::open(plan, place, Arc::clone(&channel), ports.clone(), log)?;
    let place: Option<&TokenOnDisk> = place.as_ref();
    let announced = announce(app, plan, &context, &addresses, place.map(TokenOnDisk::path));
    if let Err(error) = announced {
        place.inspect(|place| endpoints.withdraw_container_token(*place));
        return Err(error);
    }
    let source = ReloadingIdentity::new(session.provider.clone(), ports.clone(), session.timeout);
    let reporter = context.reporter();
    let mut refresher =
        Refresher::new(&source, &channel, context.refresher_ports(ports, &reporter));
    let stop = Rc::new(Notify::new());
    let stopped = Rc::clone(&stop);
    let refreshing =
        pin!(refresh_until_stopped(plan.daemon, &mut refresher, &context.supervisor, &stop));
    let serving = pin!(serve::run(
        place.map(|place| place as _),
        endpoints,
        Box::new(listener),
        &*ports.timer,
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

/// Logs and prints the addresses of the endpoints and the token file.
fn announce(
    app: &App,
    plan: &Serve,
    context: &DaemonContext,
    addresses: &[SocketAddr],
    token: Option<&Path>,
) -> Result<(), Error> {
    if token.is_none() && plan.policy.offer.has_container() {
        let words = "no container credentials: name a place for their token by --token-file";
        context.log.event(Level::Warning, words, &[]);
    }
    if plan.print_env {
        let lines = serve::print_env((plan.remote, plan.policy.offer), addresses, token);
        app.print(lines.as_bytes())?;
    }
    for address in addresses {
        context.log.event(Level::Info, "listening", &[("address", address)]);
    }
    Ok(())
}
