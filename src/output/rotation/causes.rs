//! What a secret, its keys or a command have that keeps the secret from being rotated.

use std::fmt;
use std::time::Duration;

use roles_anywhere_client::time::Timestamp;

/// What rotates a secret besides this program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OtherRotation {
    /// Secrets Manager, by a schedule.
    Scheduled,
    /// A service that owns the secret.
    Service(
        /// Its name.
        String,
    ),
}

impl fmt::Display for OtherRotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheduled => f.write_str("Secrets Manager rotates it (RotationEnabled)"),
            Self::Service(name) => write!(f, "the service {name} manages it (OwningService)"),
        }
    }
}

/// Why the value of a version cannot be used. Nothing of it is quoted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RotatedValueError {
    /// It is not text.
    #[error("is binary")]
    Binary,
    /// It is not a JSON object.
    #[error("is not a JSON object")]
    NotAnObject,
    /// It has no id of an access key.
    #[error("has no member with the id of an access key")]
    NoKeyId,
    /// It has no secret access key.
    #[error("has no member with a secret access key")]
    NoSecretKey,
    /// Its key is one of a session.
    #[error("has a session token: its key is not a long-term one")]
    SessionToken,
    /// Two members of one meaning differ.
    #[error("has two different members for one part of the access key")]
    Ambiguous,
    /// The member is not a string.
    #[error("has a member that is not a string")]
    NotText,
    /// It is an object, and no member of it is named.
    #[error("is a JSON object, which a password would replace as a whole")]
    WholeObject,
    /// It has no such member.
    #[error("has no member of the name of `--key` among its {count}")]
    NoMember {
        /// The number of its members.
        count: usize,
    },
}

/// Why a second access key is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeptKey {
    /// It was replaced a short time ago.
    Replaced {
        /// When it may be deactivated.
        until: Timestamp,
    },
    /// It was deactivated a short time ago.
    Deactivated {
        /// When it may be deleted.
        until: Timestamp,
    },
    /// It was activated again.
    Reactivated,
    /// No version of the secret names it.
    Unknown,
    /// A version with another label names it.
    Named,
}

impl fmt::Display for KeptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replaced { until } => write!(f, "was replaced and stays active until {until}"),
            Self::Deactivated { until } => {
                write!(f, "was deactivated and is kept until {until}")
            }
            Self::Reactivated => f.write_str("was activated again after it was replaced"),
            Self::Unknown => f.write_str("is not in any version of the secret"),
            Self::Named => f.write_str("is in another labelled version of the secret"),
        }
    }
}

/// A signal that asks a run to stop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StopSignal {
    /// SIGHUP: the terminal was closed.
    Hangup,
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM: a service is stopped.
    Terminate,
}

impl StopSignal {
    /// Returns its number.
    pub fn number(self) -> u8 {
        match self {
            Self::Hangup => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

impl fmt::Display for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// What happened to a command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CommandFailure {
    /// It ended with this exit code.
    Exit(i32),
    /// A signal ended it.
    Signal(i32),
    /// It took longer than this.
    TimedOut(Duration),
    /// It was ended, as the run was stopped.
    Stopped(StopSignal),
    /// The shell cannot be started.
    NotStarted(std::io::ErrorKind),
    /// Its output cannot be read.
    NotRead(std::io::ErrorKind),
}

impl fmt::Display for CommandFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::Stopped(signal) => write!(f, "was ended, as {signal} stops the run"),
            Self::TimedOut(limit) => match limit.as_secs() {
                seconds if seconds >= 120 && seconds % 60 == 0 => {
                    write!(f, "took longer than {} minutes", seconds / 60)
                }
                seconds => write!(f, "took longer than {seconds} s"),
            },
            Self::NotStarted(kind) => write!(f, "cannot be started: {kind}"),
            Self::NotRead(kind) => write!(f, "has an output that cannot be read: {kind}"),
        }
    }
}
