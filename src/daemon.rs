//! What `update` and `serve` have in common.

mod reporter;
mod supervisor;

use crate::output::error::Error;
use crate::output::log::{Log, LogFormat};
pub use reporter::Reporter;
use roles_anywhere_client::refresh::refresher::{Refresher, Shutdown};
use roles_anywhere_client::time::{Clock, Timer};
pub use supervisor::Supervisor;

/// What a daemon runs on beside its refresher.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "nothing but references to ports")]
pub struct DaemonPorts<'a> {
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Waits.
    pub timer: &'a dyn Timer,
    /// Looks after this process.
    pub supervisor: &'a dyn Supervisor,
    /// Takes what the operator has to know.
    pub log: &'a dyn Log,
}

/// How a daemon runs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Daemon {
    /// What it does where its first try fails.
    pub on_startup_failure: OnStartupFailure,
    /// How its log is written.
    pub log_format: LogFormat,
}

/// What a daemon does where its first try fails.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnStartupFailure {
    /// It says so and tries on.
    #[default]
    KeepTrying,
    /// It ends with the error of that try.
    Exit,
}

impl Daemon {
    /// Makes the first try of `refresher`; its failure is an error only where it is to end the daemon.
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
