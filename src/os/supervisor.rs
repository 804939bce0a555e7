//! systemd, if it started this process: <https://www.freedesktop.org/software/systemd/man/sd_notify.html>

use std::time::Duration;

use sd_notify::{NotifyState, notify};

use crate::daemon::Supervisor;
use crate::output::error::one_line;

/// systemd, if it started this process; if not, messages go nowhere.
#[derive(Clone, Copy, Debug)]
pub struct Systemd {
    watchdog: Option<Duration>,
}

impl Systemd {
    /// Reads from the environment whether systemd expects messages from this process.
    pub fn find() -> Self {
        Self { watchdog: sd_notify::watchdog_enabled() }
    }
}

/// Sends `state`. An error is ignored: nothing depends on the supervisor.
fn tell(state: &[NotifyState<'_>]) {
    let _ = notify(state);
}

impl Supervisor for Systemd {
    fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(_) => tell(&[NotifyState::Reloading]),
        }
    }

    fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    fn status(&self, status: &str) {
        tell(&[NotifyState::Status(&one_line(status))]);
    }

    fn watchdog(&self) {
        if self.watchdog.is_some() {
            tell(&[NotifyState::Watchdog]);
        }
    }

    fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog
    }
}
