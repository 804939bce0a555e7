//! Runs a daemon on the real system: with its signals, its supervisor and its log.

use std::io;
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
use roles_anywhere_client::provider::ErrorKind;

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
        return Err(unsupported(command));
    }
    let files = session.provider.source.watched_paths().map(Path::to_owned).collect();
    let events =
        SystemEvents::listen(files).map_err(|error| Error::new(ErrorKind::Local, error))?;
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

/// Returns the error of a system without Unix signals, which daemons do not support yet.
fn unsupported(command: &str) -> Error {
    let words = format!("`{command}` does not run on {} yet", std::env::consts::OS);
    Error::new(ErrorKind::Local, io::Error::new(io::ErrorKind::Unsupported, words))
        .hint("`credential-process` does: name it in ~/.aws/config")
}
