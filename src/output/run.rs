//! What can go wrong in a run, besides the errors of the client: standard output, sockets, the cache,
//! other processes.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::output::references::ValueError;
use roles_anywhere_client::provider::ErrorKind;

/// A run of a command failed, for a reason outside of the client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Standard output did not take the output.
    #[error("cannot write to standard output")]
    Stdout(#[source] io::Error),
    /// Standard input cannot be read.
    #[error("cannot read standard input")]
    Stdin(#[source] io::Error),
    /// The streams of a program that is masked cannot be opened.
    #[error("cannot open pipes or a terminal for the program")]
    MaskedStreams(#[source] io::Error),
    /// A socket cannot listen.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// Another process uses the token file.
    #[error("another `serve` uses the token file {0}")]
    TokenFileInUse(
        /// The name of the file, which may be shown.
        String,
    ),
    /// A token for secrets is empty.
    #[error("the token in {0} is empty")]
    EmptyToken(
        /// Its variable, file or table, as messages name it.
        String,
    ),
    /// The sessions in the cache cannot be listed.
    #[error("cannot read the cache {dir}")]
    ReadCache {
        /// The directory and its origin.
        dir: String,
        /// The cause.
        source: io::Error,
    },
    /// A session cannot be removed from the cache.
    #[error("cannot clear the cache {dir}")]
    ClearCache {
        /// The directory and its origin.
        dir: String,
        /// The cause.
        source: io::Error,
    },
    /// The offline copies cannot be read, or their directory cannot be created.
    #[error("cannot use the offline copies in {dir}")]
    OfflineCopies {
        /// The directory and its origin.
        dir: String,
        /// The cause.
        source: io::Error,
    },
    /// The key of the offline copies has another length.
    #[error("the key of the offline copies in {file} has {length} bytes, not 32")]
    OfflineKeyLength {
        /// The file and its origin.
        file: String,
        /// The length.
        length: usize,
    },
    /// Another user owns the key of the offline copies, and so knows it.
    #[error("the key of the offline copies in {file} belongs to another user (uid {owner})")]
    OfflineKeyOwner {
        /// The file and its origin.
        file: String,
        /// The user.
        owner: u32,
    },
    /// Other users can read the key of the offline copies.
    #[error("other users can read the key of the offline copies in {file} (mode {mode:04o})")]
    OfflineKeyMode {
        /// The file and its origin.
        file: String,
        /// Its mode.
        mode: u32,
    },
    /// Another process failed, and this one would have failed alike.
    #[error("another process tried to create the session and failed: {reason}")]
    InAnotherProcess {
        /// Who can fix it.
        kind: ErrorKind,
        /// What failed there, with its causes.
        reason: String,
        /// What to do, as that process printed it.
        hints: Vec<String>,
    },
    /// The process that serves credentials to the program of `exec` did not start to.
    #[error("cannot start the process that serves the credentials: {reason}")]
    CredentialsEndpoint {
        /// Who can fix it.
        kind: ErrorKind,
        /// What failed there, with its causes.
        reason: String,
        /// What to do, as that process said.
        hints: Vec<String>,
    },
    /// A file for the program of `exec` cannot be written.
    #[error("cannot write files for the program in `{}`", path.display())]
    ProgramDir {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The `credential_process` of the program of `exec` cannot be written to a file.
    #[error("cannot write the `credential_process` of the program")]
    ProcessLine {
        /// The cause.
        source: io::Error,
    },
    /// A directory for secrets is on a disk.
    #[error("`{}` is not in memory, and no secret is written to a disk", path.display())]
    NotInMemory {
        /// The directory.
        path: PathBuf,
    },
    /// Daemons do not run on this system.
    #[error("`{command}` is not supported on {system} yet")]
    UnsupportedSystem {
        /// The command.
        command: String,
        /// The operating system.
        system: &'static str,
    },
    /// The operating system refused what a run needs at its start.
    #[error("cannot set up sockets and signals for this process")]
    System(#[source] io::Error),
    /// This program panicked.
    #[error("internal error: roles-anywhere panicked{at}")]
    Defect {
        /// ` at FILE:LINE`, or nothing.
        at: String,
    },
    /// Something of this program is not as its code expects.
    #[error("internal error: {what}")]
    Internal {
        /// What is wrong.
        what: &'static str,
    },
    /// `update --once` could not write some of several profiles.
    #[error("cannot write {count} of {total} profiles")]
    ProfilesNotWritten {
        /// The profiles that were not written.
        count: usize,
        /// All that were to be written.
        total: usize,
        /// Who can fix the first failure.
        kind: ErrorKind,
    },
    /// This process reached its time limit while another one was still fetching the session.
    #[error("no session within {} s: another process is still waiting for AWS", limit.as_secs())]
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
            Self::InAnotherProcess { kind, .. } | Self::ProfilesNotWritten { kind, .. } => *kind,
            Self::CredentialsEndpoint { kind, .. } => *kind,
            Self::Defect { .. } | Self::Internal { .. } => ErrorKind::Internal,
            Self::Stdin(_)
            | Self::Stdout(_)
            | Self::MaskedStreams(_)
            | Self::Listen { .. }
            | Self::TokenFileInUse(_)
            | Self::EmptyToken(_) => ErrorKind::Local,
            Self::ReadCache { .. } | Self::ClearCache { .. } => ErrorKind::Local,
            Self::OfflineCopies { .. }
            | Self::OfflineKeyLength { .. }
            | Self::OfflineKeyMode { .. }
            | Self::OfflineKeyOwner { .. } => ErrorKind::Local,
            Self::UnsupportedSystem { .. } | Self::System(_) => ErrorKind::Local,
            Self::ProgramDir { .. } | Self::ProcessLine { .. } | Self::NotInMemory { .. } => {
                ErrorKind::Local
            }
        }
    }

    /// Returns what to do.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::InAnotherProcess { hints, .. } | Self::CredentialsEndpoint { hints, .. } => {
                return hints.clone();
            }
            // The error of each was printed before.
            Self::ProfilesNotWritten { .. } => return Vec::new(),
            Self::System(_) => {
                "raise the limit on open files if it is reached: `ulimit -n` shows it"
            }
            Self::UnsupportedSystem { .. } => "use `credential-process` in `~/.aws/config` instead",
            Self::Defect { .. } | Self::Internal { .. } => {
                "report this message and the command line as a bug, without secrets"
            }
            Self::Stdout(_) => {
                "check the program that reads standard output, or the free space of the disk"
            }
            Self::MaskedStreams(_) => {
                "raise the limit on open files or on processes if it is reached (`ulimit -n`, `ulimit -u`), or run the program without `--mask`"
            }
            Self::Stdin(_) => "check what standard input is redirected from",
            Self::Listen { source, .. } => listen_hint(source.kind()),
            Self::TokenFileInUse(_) => {
                "pass another file with `--token-file`, or stop the other `serve`"
            }
            Self::EmptyToken(_) => {
                "set it to a token of at least 16 random characters, or unset it: then `serve` makes a token"
            }
            Self::ReadCache { .. } | Self::ClearCache { .. } => {
                "the cache directory must belong to this user and have mode 0700: run `chmod 700 DIR`, or pass another directory with `--cache-dir`"
            }
            Self::OfflineCopies { .. } => {
                "the directory must belong to this user and have mode 0700: run `chmod 700 DIR`, or set another one with `dir` of `[secrets.offline]`"
            }
            Self::OfflineKeyLength { .. } => {
                "make another key of 32 random bytes, `head -c 32 /dev/urandom`, which makes the copies of the old one useless"
            }
            Self::OfflineKeyOwner { .. } => {
                "make a key of this user, or pass it with `LoadCredentialEncrypted` of systemd"
            }
            Self::OfflineKeyMode { .. } => {
                "run `chmod 400 FILE`, or pass the key with `LoadCredentialEncrypted` of systemd"
            }
            Self::ProgramDir { .. } => {
                "set `XDG_RUNTIME_DIR` to a directory of this user with mode 0700 and free space"
            }
            Self::ProcessLine { .. } => {
                "use files with other names, or pass `--static`, which gives the program the key itself"
            }
            Self::NotInMemory { .. } => {
                "mount a tmpfs on `/dev/shm`, or let `RUNTIME_DIRECTORY` or `XDG_RUNTIME_DIR` name a directory on one"
            }
            Self::WaitTimedOut { .. } => {
                "check the network and any proxy, or allow more time with `--timeout SECONDS`"
            }
        };
        vec![hint.to_owned()]
    }
}

fn listen_hint(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::AddrInUse => {
            "another program, possibly another `serve`, listens there (`ss -ltnp` shows which): stop it, or pass another port with `--port`, `--listen` or `--secrets-port`"
        }
        io::ErrorKind::PermissionDenied => {
            "pass another port with `--port` or `--secrets-port`; ports below 1024 need the capability CAP_NET_BIND_SERVICE"
        }
        io::ErrorKind::AddrNotAvailable => {
            "pass an address of this machine; `ip address` lists them"
        }
        _ => "pass another address with `--listen`, or another port with `--port`",
    }
}

/// `--key` cannot be used. The message quotes nothing of the value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`--key` cannot be used: {0}")]
pub struct KeyOptionError(
    /// The reason.
    pub ValueError,
);

/// A secret cannot be printed as variables. The message quotes nothing of its value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the secret `{secret}` cannot be printed as variables: {why}")]
pub struct VariablesError {
    /// The secret, as a message may show it.
    pub secret: String,
    /// The reason.
    pub why: ValueError,
}
