//! The real file system, network and terminal (the clock is in the client). Only `app`, the wiring of `serve` and `main`
//! import this module.

mod access;
pub mod child_dir;
pub mod config_file;
pub mod credentials_file;
#[cfg(unix)]
mod data_dir;
mod descriptor;
#[cfg(unix)]
pub mod detached;
pub mod environment;
#[cfg(unix)]
pub mod events;
pub mod files;
#[cfg(unix)]
pub mod init;
pub mod listener;
pub mod log;
pub mod password;
mod path;
pub mod private_dir;
pub mod process;
pub mod program;
pub mod rendered;
mod secret_file;
pub mod stdio;
#[cfg(unix)]
pub mod supervisor;
pub mod token_file;

#[cfg(not(unix))]
pub mod events {
    //! Without Unix signals, daemons are not supported yet.

    use std::io;
    use std::path::PathBuf;

    use futures_util::future::LocalBoxFuture;

    use crate::daemon::{Event, Events};

    /// No events.
    #[derive(Debug)]
    pub struct SystemEvents;

    impl SystemEvents {
        /// Fails.
        pub async fn listen(_files: Vec<PathBuf>) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    impl Events for SystemEvents {
        fn next(&self) -> LocalBoxFuture<'_, Event> {
            Box::pin(std::future::pending())
        }
    }
}

#[cfg(not(unix))]
pub mod supervisor {
    //! No supervisor is known on this system.

    use std::time::Duration;

    use crate::daemon::Supervisor;

    /// Not systemd: messages go nowhere.
    #[derive(Clone, Copy, Debug)]
    pub struct Systemd;

    impl Systemd {
        /// Returns it.
        pub fn find() -> Self {
            Self
        }
    }

    impl Supervisor for Systemd {
        fn ready(&self) {}
        fn reloading(&self) {}
        fn stopping(&self) {}
        fn status(&self, _status: &str) {}
        fn watchdog(&self) {}
        fn watchdog_interval(&self) -> Option<Duration> {
            None
        }
    }
}
