//! What can go wrong before a request is answered.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::config::ConfigErrors;
use crate::fields::FieldError;
use crate::pki::PkiError;
use crate::secrets::seed::SeedError;

/// Why an emulator cannot be started, or a command not be run in it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The PKI cannot be made or written.
    #[error("cannot make the test certificates")]
    Pki(#[from] PkiError),
    /// The configuration has mistakes.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The secrets to add cannot be used.
    #[error("cannot use the secrets of `--secrets`")]
    Secrets(#[from] SeedError),
    /// The script of faults cannot be used.
    #[error("cannot use the faults of `--faults`")]
    Faults(#[from] FieldError),
    /// A file cannot be read or written.
    #[error("cannot {action} `{path}`")]
    File {
        /// `read`, `write` …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that should be JSON is not.
    #[error("`{path}` is not valid JSON")]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The directory has files in it.
    #[error("the directory `{0}` is not empty")]
    NotEmpty(PathBuf),
    /// The directory has files in it that no emulator wrote.
    #[error("the directory `{0}` has files that are not from `serve`")]
    Foreign(PathBuf),
    /// The file of `--ready-file` is there, and no emulator wrote it.
    #[error("the file `{0}` is not from `serve --ready-file`")]
    NotReadyFile(PathBuf),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The option that gives it.
        option: &'static str,
        /// Port 0 for any.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
    /// There is no program at the path of `--tool`.
    #[error("there is no program `{0}` (from `--tool`)")]
    Tool(PathBuf),
    /// The command cannot be started.
    #[error("cannot run `{command}`")]
    Command {
        /// Its first word.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// Signals cannot be caught, or the command not be waited for.
    #[error("cannot {0}")]
    Process(&'static str, #[source] io::Error),
    /// A signal came before there was anything to pass it on to.
    #[error("stopped by signal {0}")]
    Stopped(i32),
}

impl Error {
    /// Returns what a person can do about it, if that is known.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Config(errors) if errors.hints().is_empty() => return None,
            // One below the other.
            Self::Config(errors) => return Some(errors.hints().join("\n        ")),
            Self::File { source, .. } => file_hint(source.kind())?,
            Self::Json { .. } => "correct the file at that line and column",
            Self::NotEmpty(_) => "pass `--force` to write into it, or name another directory",
            Self::Foreign(_) => "name a new or empty directory with `--dir`",
            Self::NotReadyFile(_) => "name another file with `--ready-file`, or remove this one",
            Self::Listen { option, source, .. } => return listen_hint(option, source.kind()),
            Self::Tool(_) => {
                "correct the path, or leave out `--tool` to use the one in the directory of this \
                 program"
            }
            Self::Command { command, source } => command_hint(command, source.kind())?,
            _ => return None,
        };
        Some(text.to_owned())
    }
}

fn file_hint(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::NotFound => "check the path; it is relative to the current directory",
        io::ErrorKind::PermissionDenied => "let this user access it, or name another path",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space; the directory of temporary files can be set with TMPDIR"
        }
        _ => return None,
    })
}

fn listen_hint(option: &str, kind: io::ErrorKind) -> Option<String> {
    Some(match kind {
        io::ErrorKind::AddrInUse => format!(
            "stop the program that uses the port, or choose another port with `{option}` \
             (0: any free port)"
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "pass an address of this machine to `{option}`; 0.0.0.0 and [::] are all of them"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("choose a port above 1023 with `{option}`, or 0 for any free port")
        }
        _ => return None,
    })
}

fn command_hint(command: &str, kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::NotFound if command.contains(' ') => {
            "pass the command and its arguments as separate words; `sh -c` takes one line"
        }
        io::ErrorKind::NotFound => "check the name of the command, and PATH",
        io::ErrorKind::PermissionDenied => "check that it is a program, and executable",
        _ => return None,
    })
}
