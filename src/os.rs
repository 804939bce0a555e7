//! The real file system, network and terminal (the clock is in the client). Only `app`, the wiring of `serve` and `main`
//! import this module.

mod access;
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
pub mod program_dir;
pub mod rendered;
mod secret_file;
pub mod shell_command;
pub mod stdio;
#[cfg(unix)]
pub mod supervisor;
pub mod token_file;

#[cfg(not(unix))]
pub mod detached {
    //! `exec` does not run on this system, so there is no detached process.

    use std::io;
    use std::path::Path;

    use roles_anywhere_client::secret::SecretBytes;
    use roles_anywhere_client::time::Clock;

    /// Fails.
    pub fn start(
        _clock: &dyn Clock,
        _program: &Path,
        _words: &[&str],
        _message: &[u8],
    ) -> io::Result<SecretBytes> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Fails.
    pub fn detach(_program: &Path, _words: &[&str]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Fails.
    pub fn answer_instead(_answer: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Returns that it is none.
    pub fn has_socket() -> bool {
        false
    }

    /// Never received.
    #[derive(Debug)]
    pub struct Received {
        /// The message.
        pub message: SecretBytes,
    }

    /// Fails.
    pub fn receive(_pid: i32) -> io::Result<Received> {
        Err(io::ErrorKind::Unsupported.into())
    }

    impl Received {
        /// Fails.
        pub fn answer(self, _answer: &[u8]) -> io::Result<RunningProgram> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// No program.
    #[derive(Debug)]
    pub struct RunningProgram;

    impl RunningProgram {
        /// Completes.
        pub async fn ended(self) {}
    }
}

#[cfg(not(unix))]
pub mod init {
    //! This system has no PID namespaces.

    use std::io;

    /// Returns that it is not.
    pub fn is_init() -> bool {
        false
    }

    /// Does nothing.
    pub fn end_by_signals() {}

    /// Returns that it does not.
    pub fn separates_program() -> bool {
        false
    }

    /// No signals.
    #[derive(Debug)]
    pub struct InitSignals;

    /// No program.
    #[derive(Debug)]
    pub struct InitProgram;

    impl InitSignals {
        /// Fails.
        pub fn listen() -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        /// Calls `start`.
        pub fn with_inherited_mask<T>(&self, start: impl FnOnce() -> T) -> T {
            start()
        }

        /// Fails.
        pub fn run(self, _pid: i32) -> io::Result<InitProgram> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    impl InitProgram {
        /// Completes.
        pub async fn ended(self) -> u8 {
            0
        }
    }
}

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
