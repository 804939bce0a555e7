//! Runs a daemon on the real system: with its signals, its supervisor and its log.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};

use crate::app::session::SessionClient;
use crate::daemon::{Daemon, DaemonContext};
use crate::options::session_plan::SessionPlan;
use crate::options::variables::UnknownVariable;
use crate::os::events::SystemEvents;
use crate::os::log::StderrLog;
use crate::os::supervisor::Systemd;
use crate::output::error::Error;
use crate::output::log::events::{KUBERNETES_VARIABLES_IGNORED, STARTED, UNKNOWN_VARIABLE};
use crate::output::log::{Field, Log as _};
use crate::output::run::RunError;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::refresh::refresher::Refresher;

/// Runs `work` as the daemon `command`, with a refresher of the client's sessions: listens to signals
/// and to changes of the identity's files, and writes the log meanwhile.
pub fn run(
    client: &SessionClient<'_>,
    command: &str,
    daemon: Daemon,
    work: impl AsyncFnOnce(&DaemonContext<'_>, Refresher, &Ports) -> Result<(), Error>,
) -> Result<(), Error> {
    client.block_on(async |ports, _| run_on(client, ports, (command, daemon), work).await)
}

async fn run_on(
    client: &SessionClient<'_>,
    ports: &Ports,
    (command, daemon): (&str, Daemon),
    work: impl AsyncFnOnce(&DaemonContext<'_>, Refresher, &Ports) -> Result<(), Error>,
) -> Result<(), Error> {
    if !cfg!(unix) {
        // Systems without Unix signals.
        let (command, system) = (command.to_owned(), std::env::consts::OS);
        return Err(RunError::UnsupportedSystem { command, system }.into());
    }
    let SessionPlan { provider, timeout, ignored, unknown, .. } = client.plan;
    let files = provider.source.watched_paths().map(Path::to_owned).collect();
    let events = SystemEvents::listen(files).await.map_err(RunError::System)?;
    let log = Arc::new(StderrLog::new(daemon.log_format, Arc::clone(&ports.clock)));
    let version = env!("CARGO_PKG_VERSION");
    log.event(&STARTED, &[("command", &command), ("version", &version)]);
    if !ignored.is_empty() {
        let names = ignored.join(" ");
        log.event(&KUBERNETES_VARIABLES_IGNORED, &[("names", &names)]);
    }
    for UnknownVariable { name, nearest } in unknown {
        let fields: [Option<Field<'_>>; 2] =
            [Some(("name", name)), nearest.as_ref().map(|nearest| ("nearest", nearest as _))];
        let fields: Vec<Field<'_>> = fields.into_iter().flatten().collect();
        log.event(&UNKNOWN_VARIABLE, &fields);
    }
    let context = DaemonContext {
        events: &events,
        supervisor: Arc::new(Systemd::find()),
        log: Arc::clone(&log) as _,
    };
    let refresher = context.refresher(provider, *timeout, Arc::default(), ports);
    match select(pin!(work(&context, refresher, ports)), pin!(log.run())).await {
        Either::Left((ended, _)) => ended,
        Either::Right((never, _)) => match never {},
    }
}
