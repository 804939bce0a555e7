//! The port to the process that supervises a daemon.

use std::time::Duration;

/// The process that started a daemon and watches it, such as systemd.
pub trait Supervisor: Send + Sync {
    /// Says that the daemon is ready.
    fn ready(&self);
    /// Says that the daemon reads its files again; [`Supervisor::ready`] ends that.
    fn reloading(&self);
    /// Says that the daemon is about to end.
    fn stopping(&self);
    /// Describes the state of the daemon in one line.
    fn status(&self, status: &str);
    /// Says that the daemon is running.
    fn watchdog(&self);
    /// Returns the longest time between two calls of [`Supervisor::watchdog`], if it is limited.
    fn watchdog_interval(&self) -> Option<Duration>;
}
