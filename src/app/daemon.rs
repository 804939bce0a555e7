//! Runs a daemon on the real system: with its signals, its supervisor and its log.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};

use crate::app::App;
use crate::daemon::{Daemon, DaemonContext};
use crate::options::session_plan::SessionPlan;
use crate::os::events::SystemEvents;
use crate::os::log::StderrLog;
use crate::os::supervisor::Systemd;
use crate::output::error::Error;
use crate::output::log::{Level, Log as _};
use crate::output::run::RunError;

/// Runs `work` as the daemon `command`, within a tokio runtime: listens to signals and to changes of the
/// identity's files, and writes the log meanwhile.
pub async fn run(
    app: &App,
    command: &str,
    daemon: Daemon,
    session: &SessionPlan,
    work: impl AsyncFnOnce(&DaemonContext<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    if !cfg!(unix) {
        // Systems without Unix signals.
        let (command, system) = (command.to_owned(), std::env::consts::OS);
        return Err(RunError::UnsupportedSystem { command, system }.into());
    }
    let files = session.provider.source.watched_paths().map(Path::to_owned).collect();
    let events = SystemEvents::listen(files).map_err(RunError::System)?;
    let log = Arc::new(StderrLog::new(daemon.log_format, Arc::new(*app.clock())));
    if !session.ignored.is_empty() {
        let names = session.ignored.join(" ");
        log.event(Level::Info, "variables of a Kubernetes Service ignored", &[("names", &names)]);
    }
    let context = DaemonContext {
        events: &events,
        supervisor: Arc::new(Systemd::find()),
        log: Arc::clone(&log) as _,
    };
    match select(pin!(work(&context)), pin!(log.run())).await {
        Either::Left((ended, _)) => ended,
        Either::Right((never, _)) => match never {},
    }
}
