//! What can go wrong in a run, besides the errors of the client: standard output, sockets, the cache,
//! other processes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::text::disclosure::{DisplayValue, Sensitivity, shown};

/// A run of a command failed, for a reason outside of the client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Standard output did not take the output.
    #[error("could not write to standard output")]
    Stdout(#[source] io::Error),
    /// A socket cannot listen.
    #[error("could not listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// Another process uses the token file.
    #[error("another `serve` keeps its token in {0}")]
    TokenFileInUse(
        /// The name of the file, which may be shown.
        String,
    ),
    /// The sessions in the cache cannot be listed.
    #[error("could not read the cache {dir}")]
    ReadCache {
        /// The directory and its origin.
        dir: String,
        /// The cause.
        source: io::Error,
    },
    /// A session cannot be removed from the cache.
    #[error("could not clear the cache {dir}")]
    ClearCache {
        /// The directory and its origin.
        dir: String,
        /// The cause.
        source: io::Error,
    },
    /// Another process failed, and this one would have failed alike.
    #[error("another process just failed: {reason}")]
    InAnotherProcess {
        /// Who can fix it.
        kind: ErrorKind,
        /// What failed there, with its causes.
        reason: String,
        /// What to do, as that process printed it.
        hints: Vec<String>,
    },
    /// Daemons do not run on this system.
    #[error("`{command}` does not run on {system} yet")]
    UnsupportedSystem {
        /// The command.
        command: String,
        /// The operating system.
        system: &'static str,
    },
    /// The operating system refused what a run needs at its start.
    #[error(transparent)]
    System(io::Error),
    /// This program panicked.
    #[error("roles-anywhere met a defect of its own{at}")]
    Defect {
        /// ` at FILE:LINE`, or nothing.
        at: String,
    },
    /// This process reached its time limit while another one was still fetching the session.
    #[error("no session within {} s: another process still waits for AWS", limit.as_secs())]
    WaitTimedOut {
        /// The time limit.
        limit: Duration,
    },
}

impl RunError {
    /// Returns who can fix it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::WaitTimedOut { .. } => ErrorKind::Unreachable,
            Self::InAnotherProcess { kind, .. } => *kind,
            Self::Defect { .. } => ErrorKind::Internal,
            Self::Stdout(_) | Self::Listen { .. } | Self::TokenFileInUse(_) => ErrorKind::Local,
            Self::ReadCache { .. } | Self::ClearCache { .. } => ErrorKind::Local,
            Self::UnsupportedSystem { .. } | Self::System(_) => ErrorKind::Local,
        }
    }

    /// Returns what to do.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::InAnotherProcess { hints, .. } => return hints.clone(),
            Self::System(_) => return Vec::new(),
            Self::UnsupportedSystem { .. } => "`credential-process` does: name it in ~/.aws/config",
            Self::Defect { .. } => "please report this line and the command, without secrets",
            Self::Stdout(_) => "standard output has to take all of it",
            Self::Listen { source, .. } => listen_hint(source.kind()),
            Self::TokenFileInUse(_) => {
                "name a file for each by `--token-file`, or end the other `serve` first"
            }
            Self::ReadCache { .. } | Self::ClearCache { .. } => {
                "the cache needs a directory of this user with mode 0700: `chmod 700 DIR`, or pass another one by `--cache-dir`"
            }
            Self::WaitTimedOut { .. } => {
                "check the network and any proxy to it; `--timeout SECONDS` allows more time"
            }
        };
        vec![hint.to_owned()]
    }
}

fn listen_hint(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::AddrInUse => {
            "another program listens there, perhaps another `serve`: `ss -ltnp` shows it; `--port` or `--listen` takes another port"
        }
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE); `--port` takes another"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; `ip address` shows those that it has"
        }
        _ => "`--port` or `--listen` takes another address",
    }
}

/// The secret has no such member as `--key` names. The message quotes nothing of the secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretSelectionError {
    /// The secret is binary.
    #[error("the secret is binary and has no members for `--key`")]
    Binary,
    /// The secret is not a JSON object.
    #[error("the secret is not a JSON object and has no members for `--key`")]
    NotAnObject,
    /// The member is a string that is not valid Unicode (half a surrogate pair).
    #[error("the member of the secret for `--key` is a text that cannot be decoded")]
    Undecodable,
    /// The object has no such member.
    #[error("the secret has no {} among its {count}", member(key))]
    NoMember {
        /// The name of the member.
        key: String,
        /// The number of members.
        count: usize,
    },
}

fn member(key: &str) -> String {
    match shown(key, Sensitivity::Public, || false) {
        DisplayValue::Value(key) => format!("member `{key}`"),
        DisplayValue::Hidden(_) => "member of that name".to_owned(),
    }
}
