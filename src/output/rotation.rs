//! What keeps a secret from being rotated, the steps of a rotation with their exit codes, and what a run says
//! that has done its work.

mod causes;
mod ending;
mod hints;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::output::error::Kind;
pub use causes::{CommandFailure, KeptKey, OtherRotation, RotatedValueError, StopSignal};
pub use ending::{Ending, PlannedStep, plan};
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::time::Timestamp;

/// How a new value is made.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RotationStrategy {
    /// By IAM.
    IamAccessKey,
    /// By Secrets Manager.
    RandomPassword,
    /// By commands.
    Command,
}

impl RotationStrategy {
    /// Returns its name, as `--strategy` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IamAccessKey => "iam-access-key",
            Self::RandomPassword => "random-password",
            Self::Command => "command",
        }
    }
}

/// A step of a rotation, which decides the exit code if it fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RotationStep {
    /// To become the only run that rotates the secret.
    Claim,
    /// To make the new value, and to store it as the pending version.
    Create,
    /// To make the new value the one of the system that it is for.
    Set,
    /// To find out whether the new value works.
    Test,
    /// To make the pending version the current one.
    Finish,
    /// To deactivate and delete old access keys.
    Retire,
    /// To remove a pending version.
    Abort,
}

impl RotationStep {
    /// All steps.
    pub const ALL: [Self; 7] =
        [Self::Claim, Self::Create, Self::Set, Self::Test, Self::Finish, Self::Retire, Self::Abort];

    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Create => "create",
            Self::Set => "set",
            Self::Test => "test",
            Self::Finish => "finish",
            Self::Retire => "retire",
            Self::Abort => "abort",
        }
    }

    /// Returns the name of an error of this step in JSON.
    pub fn error_name(self) -> &'static str {
        match self {
            Self::Claim => "rotation_claim",
            Self::Create => "rotation_create",
            Self::Set => "rotation_set",
            Self::Test => "rotation_test",
            Self::Finish => "rotation_finish",
            Self::Retire => "rotation_retire",
            Self::Abort => "rotation_abort",
        }
    }

    /// Returns the exit code of a run that fails at it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Claim => 10,
            Self::Create => 11,
            Self::Set => 12,
            Self::Test => 13,
            Self::Finish => 14,
            Self::Retire => 15,
            Self::Abort => 16,
        }
    }

    /// Returns what is true of the secret if it fails.
    pub(super) fn consequence(self) -> &'static str {
        match self {
            Self::Finish => "AWSCURRENT is the old or the new version",
            _ => "AWSCURRENT is unchanged",
        }
    }
}

/// A secret is not rotated, for a reason that no call of AWS gave.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// Another run rotates it.
    #[error("another run rotates it, from {started} to {until} at the latest")]
    InProgress {
        /// When that run started.
        started: Timestamp,
        /// When it has ended at the latest.
        until: Timestamp,
    },
    /// Another run may make the access key the current one that an abort would delete.
    #[error(
        "another run rotates it, and may make its new access key the current one until {until}"
    )]
    MayFinish {
        /// When that run has certainly ended.
        until: Timestamp,
    },
    /// Another run has taken this rotation over.
    #[error("another run has taken the rotation over")]
    TakenOver,
    /// Another program has a pending version.
    #[error("AWSPENDING is on the version {version}, {}", pending(*is_empty))]
    OtherPending {
        /// The version.
        version: String,
        /// Whether it has no value.
        is_empty: bool,
    },
    /// Secrets Manager, or another service, rotates it.
    #[error("{0}")]
    RotatedElsewhere(OtherRotation),
    /// The interrupted rotation is of another strategy.
    #[error("its interrupted rotation is of the strategy `{}`", pending.as_str())]
    OtherStrategy {
        /// The strategy of that rotation.
        pending: RotationStrategy,
    },
    /// A rotation of access keys has left an old one, and another strategy is asked for.
    #[error("the access key {id}, which an earlier rotation has replaced, is not deleted yet")]
    OldKeyKept {
        /// The key.
        id: String,
    },
    /// There is no current version.
    #[error("it has no current version with a value")]
    NoCurrentValue,
    /// The current version cannot be rotated.
    #[error("its current version {0}")]
    Value(RotatedValueError),
    /// The pending version cannot be used.
    #[error("its pending version {0}")]
    PendingValue(RotatedValueError),
    /// Another program has changed the current version meanwhile.
    #[error("AWSCURRENT was moved to the version {version} during the rotation")]
    CurrentChanged {
        /// The version.
        version: String,
    },
    /// The user of the key is unknown.
    #[error("it does not name the user of its access key, and IAM does not know it")]
    NoUser,
    /// The key in the secret is not one of the user.
    #[error("its access key {id} is no key of {}", user(name.as_deref()))]
    NotOfUser {
        /// The key.
        id: String,
        /// The user that the secret names.
        name: Option<String>,
    },
    /// The user has two access keys already.
    #[error("{} has two access keys: {id} {reason}", user(name.as_deref()))]
    TwoKeys {
        /// The user.
        name: Option<String>,
        /// The key that is not the current one.
        id: String,
        /// Why it is kept.
        reason: KeptKey,
    },
    /// The new key is one of another user.
    #[error("the new access key belongs to {arn}")]
    OtherUser {
        /// The ARN of that user.
        arn: String,
    },
    /// `--create` printed no value.
    #[error("`--create` printed {0}")]
    NoNewValue(
        /// What it printed instead.
        &'static str,
    ),
    /// The run has reached its time limit.
    #[error("the run has reached its limit of {} s", limit.as_secs())]
    OutOfTime {
        /// The limit.
        limit: Duration,
    },
    /// A signal has stopped the run.
    #[error("{signal} stops the run")]
    Stopped {
        /// The signal.
        signal: StopSignal,
    },
    /// A command failed.
    #[error("the command of `{option}` {failure}")]
    Command {
        /// The option.
        option: &'static str,
        /// What happened.
        failure: CommandFailure,
    },
}

impl RotationError {
    /// Returns who can fix it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::InProgress { .. } | Self::MayFinish { .. } | Self::TakenOver => {
                Kind::RotationBusy
            }
            Self::Stopped { signal }
            | Self::Command { failure: CommandFailure::Stopped(signal), .. } => {
                Kind::Stopped(*signal)
            }
            Self::Command { .. } | Self::NoNewValue(_) => ErrorKind::Local.into(),
            Self::OutOfTime { .. } => ErrorKind::Unreachable.into(),
            _ => ErrorKind::Refused.into(),
        }
    }
}

fn pending(is_empty: bool) -> &'static str {
    if is_empty { "which has no value yet" } else { "which another program has made" }
}

fn user(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("the user `{name}`"),
        None => "the user of the key".to_owned(),
    }
}
