//! `serve` on the real system: sockets, token file, signals.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, Pending, pending, select};
use tokio::sync::oneshot;

use crate::app::App;
use crate::command::serve::{self, Serve};
use crate::daemon::{Daemon, DaemonContext, supervise};
use crate::output::error::Error;
use crate::output::log::Log;
use crate::output::log::events::{CONTAINER_CREDENTIALS_DISABLED, LISTENING};
use crate::server::Listener as _;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::refresh::refresher::Refresher;
use roles_anywhere_client::refresh::status::StatusChannel;

/// Serves the sessions of `refresher` until the daemon is told to stop.
pub async fn run(
    plan: &Serve,
    mut refresher: Refresher,
    app: &App,
    context: &DaemonContext<'_>,
    ports: &Ports,
) -> Result<(), Error> {
    let listener = app.listen(&plan.listen, plan.remote, plan.hop_limit)?;
    let addresses = listener.addresses();
    let channel = Arc::clone(refresher.channel());
    let place = app.token_file(&plan.token_file, &addresses);
    // Held until the end.
    let _lock = place.as_ref().map(|place| place.lock()).transpose()?;
    let log = Arc::clone(&context.log);
    let (endpoints, place) = serve::open(plan, place, Arc::clone(&channel), ports.clone(), log)?;
    let place = place.as_ref();
    let token = place.map(|place| place.path());
    if let Err(error) = announce(plan, &addresses, token, app, &*context.log) {
        place.inspect(|place| endpoints.withdraw_container_token(*place));
        return Err(error);
    }
    let (stop, stopped) = oneshot::channel();
    let refreshing = pin!(async {
        let start = start(plan.daemon, &channel);
        let refreshers = std::slice::from_mut(&mut refresher);
        let ended = supervise(refreshers, context, &*ports.timer, start).await;
        // The endpoints may have ended already.
        let _ = stop.send(());
        ended
    });
    let serving = pin!(serve::run(
        place.map(|place| place as _),
        endpoints,
        Box::new(listener),
        &*ports.timer,
        Box::pin(async move { drop(stopped.await) }),
    ));
    match select(refreshing, serving).await {
        Either::Left((refreshed, serving)) => serving.await.and(refreshed),
        Either::Right((served, _)) => served,
    }
}

/// Completes when the daemon is ready. One that keeps retrying serves from the start, even without
/// credentials; one that exits on a failure is ready only after the first refresh.
async fn start(daemon: Daemon, channel: &StatusChannel) -> Result<Pending<Infallible>, Error> {
    if daemon.fails_fast() {
        daemon.first_refresh(channel).await?;
    }
    Ok(pending())
}

/// Logs and prints the addresses of the endpoints and the token file.
fn announce(
    plan: &Serve,
    addresses: &[SocketAddr],
    token: Option<&Path>,
    app: &App,
    log: &dyn Log,
) -> Result<(), Error> {
    if token.is_none() && plan.policy.offer.has_container() {
        log.event(&CONTAINER_CREDENTIALS_DISABLED, &[]);
    }
    if plan.print_env {
        let lines = serve::print_env((plan.remote, plan.policy.offer), addresses, token);
        app.print(lines.as_bytes())?;
    }
    for address in addresses {
        log.event(&LISTENING, &[("address", address)]);
    }
    Ok(())
}
