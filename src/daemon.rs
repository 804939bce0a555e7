//! What `update` and `serve` share: the refreshers, the log, the supervisor and the events of the system.

mod events;
mod refresher_set;
mod reporter;
mod role_log;
mod running_roles;
mod session_report;
mod status_line;
mod supervision;
mod supervisor;

use std::sync::Arc;
use std::time::Duration;

use crate::output::error::Error;
use crate::output::log::{Log, LogFormat};
pub use events::{Event, Events};
pub use refresher_set::{RefresherSet, RunningRefresher};
pub use reporter::Reporter;
use role_log::RoleLog;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::refresh::refresher::Refresher;
use roles_anywhere_client::refresh::reloading_identity::ReloadingIdentity;
use roles_anywhere_client::refresh::session_source::SessionSource;
use roles_anywhere_client::refresh::status::StatusChannel;
pub use running_roles::{Role, RoleChanges, RunningRole, StartRole, replace_roles};
pub use session_report::SessionReport;
use status_line::RoleSupervisor;
pub use status_line::StatusLine;
pub use supervision::{Reconfigure, no_configuration, supervise};
pub use supervisor::Supervisor;

/// Returns a log that adds the name of a role to each event, if it has one.
pub fn role_log(log: &Arc<dyn Log>, name: Option<&Arc<str>>) -> Arc<dyn Log> {
    let log = Arc::clone(log);
    match name {
        Some(role) => Arc::new(RoleLog { log, role: Arc::clone(role) }),
        None => log,
    }
}

/// What a daemon has of its system besides [`Ports`].
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "nothing but ports")]
pub struct DaemonContext<'a> {
    /// Where events come from.
    pub events: &'a dyn Events,
    /// The supervisor of this process, such as systemd.
    pub supervisor: Arc<dyn Supervisor>,
    /// Takes the events for the operator.
    pub log: Arc<dyn Log>,
    /// The status of each role that has a name.
    pub status: Arc<StatusLine>,
}

impl DaemonContext<'_> {
    /// Returns the context of a role: with its name in the log and in the status line, if it has one.
    #[must_use]
    pub fn of_role(&self, name: Option<&Arc<str>>) -> Self {
        let Some(role) = name else { return self.clone() };
        let log = role_log(&self.log, name);
        let supervisor = RoleSupervisor { line: Arc::clone(&self.status), role: Arc::clone(role) };
        Self { log, supervisor: Arc::new(supervisor), ..self.clone() }
    }

    /// Returns a refresher of the sessions of `provider`, whose identity follows its sources. It has
    /// `timeout` for each call, publishes on `channel` and reports to the operator.
    pub fn refresher(
        &self,
        provider: &RolesAnywhere,
        timeout: Duration,
        channel: Arc<StatusChannel>,
        ports: &Ports,
    ) -> Refresher {
        let source = ReloadingIdentity::new(provider.clone(), ports.clone(), timeout);
        self.refresher_of(Arc::new(source), channel, ports)
    }

    /// Returns a refresher that fetches from `source`.
    pub(crate) fn refresher_of(
        &self,
        source: Arc<dyn SessionSource>,
        channel: Arc<StatusChannel>,
        ports: &Ports,
    ) -> Refresher {
        let reporter = Reporter::new(Arc::clone(&self.log), Arc::clone(&self.supervisor));
        Refresher::new(source, channel, ports.clone(), Arc::new(reporter))
    }
}

/// How a daemon runs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Daemon {
    /// What it does if the first refresh fails.
    pub on_startup_failure: OnStartupFailure,
    /// How its log is written.
    pub log_format: LogFormat,
}

/// What a daemon does if the first refresh fails.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnStartupFailure {
    /// Log it and keep retrying.
    #[default]
    KeepTrying,
    /// Exit with its error.
    Exit,
}

impl Daemon {
    /// Returns whether the first failure ends the daemon.
    pub fn fails_fast(self) -> bool {
        self.on_startup_failure == OnStartupFailure::Exit
    }

    /// Waits for the first refresh that is published on `channel`. A failure is an error only if it is to
    /// end the daemon.
    pub async fn first_refresh(self, channel: &StatusChannel) -> Result<(), Error> {
        match channel.first_refresh().await {
            Err(error) if self.fails_fast() => Err(Error::from(&error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
