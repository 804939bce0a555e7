//! The real file system, network and terminal (the clock is in the client). Only `app`, the wiring of `serve` and `main`
//! import this module.

mod access;
#[cfg(unix)]
pub mod child;
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
pub mod listener;
pub mod log;
#[cfg(unix)]
pub mod masked;
pub mod password;
mod path;
#[cfg(unix)]
pub mod pid_file;
pub mod private_dir;
pub mod process;
pub mod program;
pub mod program_dir;
pub mod rendered;
mod secret_file;
pub mod shell_command;
pub mod stdio;
pub mod stop_signals;
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
pub mod child {
    //! `exec` does not run on this system, so no program is a child of this process.

    use std::io;

    use crate::os::masked::{OtherTerminals, ProgramTerminal};

    /// How a program ended.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    pub enum ProgramEnd {
        /// With this exit code.
        Exited(u8),
        /// By this signal.
        Signaled(i32),
    }

    impl ProgramEnd {
        /// Returns the exit code.
        pub fn exit_code(self) -> u8 {
            match self {
                Self::Exited(code) => code,
                Self::Signaled(_) => u8::MAX,
            }
        }
    }

    /// What a child is to this process.
    #[derive(Debug)]
    pub enum ChildRole {
        /// Not used.
        OfInit,
        /// Not used.
        InGroup(OtherTerminals),
        /// Not used.
        InSession,
        /// Not used.
        OnTerminal(ProgramTerminal),
    }

    /// Not used.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    pub enum TerminalStop {
        /// Not used.
        PassedOn,
        /// Not used.
        Default,
    }

    /// Returns that it is not.
    pub fn is_init() -> bool {
        false
    }

    /// Does nothing.
    pub fn end_by_signals() {}

    /// Does nothing.
    pub fn end_by(_signal: i32) {}

    /// Returns that it is an error.
    pub fn end_of_filter(_error: &io::Error) -> Option<ProgramEnd> {
        None
    }

    /// Returns that it does not.
    pub fn separates_program() -> bool {
        false
    }

    /// No signals.
    #[derive(Debug)]
    pub struct ProgramSignals;

    /// No program.
    #[derive(Debug)]
    pub struct ChildProgram;

    impl ProgramSignals {
        /// Fails.
        pub fn listen(_stop: TerminalStop) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        /// Calls `start`.
        pub fn with_inherited_mask<T>(&self, start: impl FnOnce() -> T) -> T {
            start()
        }
    }

    impl ChildProgram {
        /// Fails.
        pub fn run(_signals: ProgramSignals, _pid: i32, _role: ChildRole) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        /// Completes.
        pub async fn ended(&mut self) -> ProgramEnd {
            ProgramEnd::Exited(0)
        }

        /// Never completes.
        pub async fn asked_to_end(&mut self) {
            std::future::pending().await
        }
    }
}

#[cfg(not(unix))]
pub mod masked {
    //! Nothing is masked on this system.

    use std::ffi::{OsStr, OsString};
    use std::io;
    use std::sync::Arc;

    use crate::secrets::masking::Masks;
    use roles_anywhere_client::time::Clock;

    /// Why a stream ended before its source did.
    #[derive(Debug)]
    pub enum PumpError {
        /// The source cannot be read.
        Read(io::Error),
        /// The target cannot be written to.
        Write(io::Error),
    }

    /// Fails.
    pub fn copy_input(_masks: &Masks, _clock: &dyn Clock) -> Result<(), PumpError> {
        Err(PumpError::Read(io::ErrorKind::Unsupported.into()))
    }

    /// Not used.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    pub enum TerminalStep {
        /// Not used.
        Session,
        /// Not used.
        Program,
    }

    impl TerminalStep {
        /// Returns nothing.
        pub fn words(self, _own: &OsStr, _program: &OsStr, _words: &[OsString]) -> Vec<OsString> {
            Vec::new()
        }
    }

    /// No program.
    #[derive(Clone, Debug)]
    pub struct TerminalProgram {
        /// Not used.
        pub step: TerminalStep,
        /// Not used.
        pub path: OsString,
        /// Not used.
        pub arguments: Vec<OsString>,
    }

    impl TerminalProgram {
        /// Returns that it is none.
        pub fn of(_words: &[String]) -> Option<io::Result<Self>> {
            None
        }
    }

    /// No terminal.
    #[derive(Debug)]
    pub struct ProgramTerminal;

    /// No terminals.
    #[derive(Debug)]
    pub struct OtherTerminals;

    /// No streams.
    #[derive(Debug)]
    pub struct MaskedStreams;

    /// No streams.
    #[derive(Debug)]
    pub struct Pumps;

    impl MaskedStreams {
        /// Fails.
        pub fn open() -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        /// Returns that it has none.
        pub fn has_session(&self) -> bool {
            false
        }

        /// Returns none.
        pub fn of_program(&self) -> [Option<()>; 3] {
            [None; 3]
        }

        /// Fails.
        pub fn run(
            self,
            _masks: &Masks,
            _clock: &Arc<dyn Clock>,
        ) -> io::Result<(Pumps, Option<ProgramTerminal>, OtherTerminals)> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    impl Pumps {
        /// Completes.
        pub async fn finish(self) -> Result<(), PumpError> {
            Ok(())
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
