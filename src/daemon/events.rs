//! The port to the system's events.

use std::path::PathBuf;

use futures_util::future::LocalBoxFuture;

/// An event from outside of a daemon.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// A file of the identity may have changed.
    FilesChanged,
    /// The daemon must read its files again (SIGHUP).
    Reload,
    /// The daemon must stop (SIGTERM, SIGINT).
    Stop,
}

/// Waits for events from outside.
pub trait Events {
    /// Completes with the next event. Dropping it loses no event.
    fn next(&self) -> LocalBoxFuture<'_, Event>;

    /// Watches `files` for changes, and no others.
    fn watch(&self, files: Vec<PathBuf>) -> LocalBoxFuture<'_, ()>;
}
