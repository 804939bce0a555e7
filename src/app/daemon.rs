//! What a daemon has of the real system: its events, its supervisor and its log.

use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};

use crate::app::App;
use crate::app::session::SessionPlan;
use crate::daemon::{Daemon, DaemonPorts, Reporter};
use crate::os::events::SystemEvents;
use crate::os::log::StderrLog;
use crate::os::supervisor::Systemd;
use crate::output::error::Error;
use crate::output::log::{Level, Log as _};
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::refresh::refresher::RefresherPorts;

/// The event source, supervisor and log of a daemon.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct DaemonContext {
    /// Its supervisor.
    pub supervisor: Systemd,
    /// Its log.
    pub log: Arc<StderrLog>,
    events: SystemEvents,
}

impl DaemonContext {
    /// Listens to signals and to changes of the identity's files, for the daemon `command`; within a
    /// tokio runtime.
    pub fn open(
        app: &App,
        command: &str,
        daemon: Daemon,
        session: &SessionPlan,
    ) -> Result<Self, Error> {
        if !cfg!(unix) {
            return Err(unsupported(command));
        }
        let files = session.provider.source.watched_paths().map(Path::to_owned).collect();
        let events =
            SystemEvents::listen(files).map_err(|error| Error::new(ErrorKind::Local, error))?;
        let log = Arc::new(StderrLog::new(daemon.log_format, Arc::new(*app.clock())));
        if !session.ignored.is_empty() {
            let names = session.ignored.join(" ");
            log.event(
                Level::Info,
                "variables of a Kubernetes Service ignored",
                &[("names", &names)],
            );
        }
        Ok(Self { supervisor: Systemd::find(), log, events })
    }

    /// Waits for `work`, and writes the log at the same time.
    pub async fn while_logging<T>(&self, work: impl Future<Output = T> + Unpin) -> T {
        match select(work, pin!(self.log.run())).await {
            Either::Left((done, _)) => done,
            Either::Right((never, _)) => match never {},
        }
    }

    /// Returns the observer of the refresher.
    pub fn reporter(&self) -> Reporter<'_> {
        Reporter::new(&*self.log, &self.supervisor)
    }

    /// Returns the ports of the refresher.
    pub fn refresher_ports<'a>(
        &'a self,
        ports: &'a Ports,
        reporter: &'a Reporter<'a>,
    ) -> RefresherPorts<'a> {
        RefresherPorts {
            clock: &*ports.clock,
            entropy: &*ports.entropy,
            events: &self.events,
            observer: reporter,
        }
    }

    /// Returns the ports of the daemon, besides those of its refresher.
    pub fn ports<'a>(&'a self, ports: &'a Ports) -> DaemonPorts<'a> {
        DaemonPorts {
            clock: &*ports.clock,
            timer: &*ports.timer,
            supervisor: &self.supervisor,
            log: &*self.log,
        }
    }
}

/// Returns the error of a system without Unix signals, which daemons do not support yet.
fn unsupported(command: &str) -> Error {
    let words = format!("`{command}` does not run on {} yet", std::env::consts::OS);
    Error::new(ErrorKind::Local, io::Error::new(io::ErrorKind::Unsupported, words))
        .hint("`credential-process` does: name it in ~/.aws/config")
}
