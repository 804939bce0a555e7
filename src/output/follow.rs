//! Why nothing was done about a change of secrets or parameters.

use crate::output::error::{Error, Kind};
use crate::output::rotation::CommandFailure;
use crate::secrets_cache::{OutageReason, StaleReason};
use roles_anywhere_client::provider::ErrorKind;

/// An action has failed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// A command has failed.
    #[error("the command {0}")]
    Command(CommandFailure),
    /// systemd did not reload a unit.
    #[error("`systemctl try-reload-or-restart {unit}` {failure}")]
    Reload {
        /// The unit.
        unit: String,
        /// How systemctl ended.
        failure: CommandFailure,
    },
    /// A process did not get its signal.
    #[error("cannot signal the process of {file}: {problem}")]
    Signal {
        /// The file with its number, as a message may show it.
        file: String,
        /// The cause.
        problem: PidFileProblem,
    },
}

/// Why the process of a file does not get a signal.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PidFileProblem {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    NotRead(
        /// The cause.
        String,
    ),
    /// A link on the path of the file is one of another user.
    #[error("{0}")]
    ForeignLink(
        /// Which one.
        String,
    ),
    /// It is a directory or a pipe.
    #[error("it is not a regular file")]
    NotRegular,
    /// Others can write it.
    #[error("others than the owner of the file can write it (mode {mode:04o})")]
    Writable {
        /// Its mode.
        mode: u32,
    },
    /// It has no number.
    #[error("its first line is not the number of a process")]
    NoNumber,
    /// The process is of another user than the file.
    #[error("the file belongs to user {owner}, and the process to another")]
    ForeignFile {
        /// The user.
        owner: u32,
    },
    /// The process is of another user than the directory of the file.
    #[error("the directory of the file belongs to user {owner}, and the process to another")]
    ForeignDirectory {
        /// The user.
        owner: u32,
    },
    /// The process is not the one whose number was written.
    #[error("process {0} started after the file was written")]
    StartedLater(
        /// Its number.
        i32,
    ),
    /// There is no such process.
    #[error("there is no process {0}")]
    NoProcess(
        /// Its number.
        i32,
    ),
    /// This user may not signal the process.
    #[error("process {0} belongs to another user")]
    OtherUser(
        /// Its number.
        i32,
    ),
    /// There are no signals on this system.
    #[error("this system has no signals")]
    NoSignals,
}

impl ActionError {
    /// Returns who can fix it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Local
    }

    /// Returns what to do.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Command(CommandFailure::TimedOut(_))
            | Self::Reload { failure: CommandFailure::TimedOut(_), .. } => {
                "an action ends within 5 minutes: let a command start what takes longer in the background"
            }
            Self::Command(_) => {
                "run the command by hand as the same user: its output is on standard error"
            }
            Self::Reload { failure: CommandFailure::NotStarted(_), .. } => {
                "check that `systemctl` is in `PATH`"
            }
            Self::Reload { .. } => {
                "run the command by hand as the same user, which may need a rule of polkit for it"
            }
            Self::Signal { problem, .. } => match problem {
                PidFileProblem::NotRead(_)
                | PidFileProblem::NoProcess(_)
                | PidFileProblem::StartedLater(_) => {
                    "check that the program runs, and that it writes this file"
                }
                PidFileProblem::NotRegular | PidFileProblem::NoNumber => {
                    "name the file into which the program writes the number of its process"
                }
                PidFileProblem::Writable { .. } => "run `chmod go-w` on the file",
                PidFileProblem::ForeignFile { .. } | PidFileProblem::ForeignDirectory { .. } => {
                    "it must belong to root, to this user, or to the user of the process"
                }
                PidFileProblem::ForeignLink(_) => {
                    "pass the path of the file itself; each link on it must belong to root or to this user"
                }
                PidFileProblem::OtherUser(_) => {
                    "run `roles-anywhere` as the user of the program, or as root"
                }
                PidFileProblem::NoSignals => "use a command instead",
            },
        };
        vec![hint.to_owned()]
    }
}

/// Nothing that `render --watch` writes refers to a secret or a parameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`--watch` has nothing to follow: nothing that is rendered refers to a secret or a parameter"
)]
pub struct NothingToFollow;

impl From<NothingToFollow> for Error {
    fn from(error: NothingToFollow) -> Self {
        let hint = "add a reference such as `{{resolve:secretsmanager:NAME}}`, or remove `--watch`";
        Self::new(Kind::Usage, error).hint(hint)
    }
}

/// Why AWS has not confirmed a value in time, and what to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StaleText {
    /// Why.
    pub reason: &'static str,
    /// What to do.
    pub hint: &'static str,
}

impl StaleText {
    /// Returns the text of a reason.
    pub fn of(reason: OutageReason) -> Self {
        const NETWORK: &str = "check the network, the name service and any proxy";
        const SESSION: &str = "the events `refresh_failed` and `credentials_unavailable` say more, here or in the log of `serve`";
        const AWS: &str = "if it lasts, check the AWS Health Dashboard";
        let (reason, hint) = match reason {
            OutageReason::Throttled => (
                "AWS throttles the calls",
                "raise `--secrets-ttl`, or `ttl` in `[secrets]`; or follow fewer secrets",
            ),
            OutageReason::ServiceFailure => ("AWS fails", AWS),
            OutageReason::Timeout => ("AWS does not answer in time", NETWORK),
            OutageReason::Connection => ("AWS cannot be reached", NETWORK),
            OutageReason::Tls => {
                ("the TLS connection to AWS fails", "check for a proxy, and the trusted roots")
            }
            OutageReason::Proxy => ("another server than AWS answers", "check any proxy"),
            OutageReason::Session => ("AWS does not accept the session, or grants none", SESSION),
            OutageReason::Identity => ("the certificate or its key cannot be used", SESSION),
            OutageReason::Clock => {
                ("this machine's clock is wrong", "set it, and keep it set by NTP")
            }
            OutageReason::Unreadable => ("the responses cannot be read", "check any proxy"),
            OutageReason::Answer => ("AWS answers with an unknown error", AWS),
        };
        Self { reason, hint }
    }

    /// Returns the warning that a secret or a parameter is stale.
    pub fn warning(name: &str, StaleReason { past_ttl, reason }: StaleReason) -> String {
        let (seconds, Self { reason, .. }) = (past_ttl.as_secs(), Self::of(reason));
        format!("warning: `{name}` has been stale for {seconds} s: {reason}")
    }
}

impl From<ActionError> for Error {
    fn from(error: ActionError) -> Self {
        let (kind, hints) = (error.kind(), error.hints());
        hints.into_iter().fold(Self::new(kind, error), Self::hint)
    }
}
