//! What can go wrong before a request is answered.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::fields::FieldError;
use crate::pki::PkiError;
use crate::secrets::seed::SeedError;

/// Why an emulator cannot be started, or a command not be run in it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The PKI cannot be made or written.
    #[error("could not make the PKI")]
    Pki(#[from] PkiError),
    /// The secrets to add cannot be used.
    #[error("could not seed the secrets")]
    Secrets(#[from] SeedError),
    /// The script of faults cannot be used.
    #[error("could not script the faults")]
    Faults(#[from] FieldError),
    /// A file cannot be read or written.
    #[error("could not {action} `{path}`")]
    File {
        /// `read`, `write` …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that should be JSON is not.
    #[error("`{path}` is not JSON")]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The directory has files in it.
    #[error("`{0}` is not empty; --force writes into it all the same")]
    NotEmpty(PathBuf),
    /// The directory has files in it that no emulator wrote.
    #[error("`{0}` has files in it that are not the emulator's; name a directory of its own")]
    Foreign(PathBuf),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Port 0 for any.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// TLS cannot be set up.
    #[error("could not set up TLS")]
    Tls(#[from] rustls::Error),
    /// There is no tool to put on `PATH`.
    #[error("there is no tool at `{0}`; build it, or name it with --tool")]
    Tool(PathBuf),
    /// The command cannot be started.
    #[error("could not run `{command}`")]
    Command {
        /// Its first word.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// Signals cannot be caught, or the command not be waited for.
    #[error("could not {0}")]
    Process(&'static str, #[source] io::Error),
    /// A signal came before there was anything to pass it on to.
    #[error("stopped by signal {0}")]
    Stopped(i32),
}
