//! What `update` and `serve` share: the startup, the log and the supervisor.

mod reporter;
mod supervisor;

use crate::output::error::Error;
use crate::output::log::{Log, LogFormat};
pub use reporter::Reporter;
use roles_anywhere_client::refresh::refresher::{Refresher, Shutdown};
use roles_anywhere_client::time::{Clock, Timer};
pub use supervisor::Supervisor;

/// The ports of a daemon, besides those of its refresher.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "nothing but references to ports")]
pub struct DaemonPorts<'a> {
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Waits.
    pub timer: &'a dyn Timer,
    /// The supervisor of this process, such as systemd.
    pub supervisor: &'a dyn Supervisor,
    /// Takes the events for the operator.
    pub log: &'a dyn Log,
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
    /// Runs the first refresh. A failure is an error only if it is to end the daemon.
    pub async fn start(self, refresher: &mut Refresher<'_>) -> Result<Shutdown, Error> {
        match refresher.start().await {
            Err(error) if self.on_startup_failure == OnStartupFailure::Exit => {
                Err(Error::from(&error))
            }
            Err(_) => Ok(Shutdown::NotRequested),
            Ok(ending) => Ok(ending),
        }
    }
}
