//! The rotation of a secret without a Lambda function: its state is read from Secrets Manager and IAM, the
//! next step is a function of that state, and a run repeats both until nothing is left to do. To continue an interrupted run is therefore the same as to start one.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html>

mod access_keys;
mod calls;
mod decision;
mod document;
mod engine;
mod events;
mod labels;
mod performance;
mod plan;
mod reading;
mod run;
mod snapshot;
mod value;

use std::time::Duration;

pub use calls::{FailureKind, IamUser, RotationCallError, RotationCalls, RunCommand};
pub use engine::rotate;
pub use plan::dry_run;

use roles_anywhere_client::aws::get_random_password::PasswordRules;

use crate::output::rotation::RotationStrategy;

/// What a run is to do.
#[derive(Clone, Debug)]
pub struct RotationSettings {
    /// The secret, as messages show it.
    pub secret: String,
    /// Whether it rotates or aborts.
    pub goal: Goal,
    /// How a new value is made. `None` for that of the rotation to abort.
    pub strategy: Option<Strategy>,
    /// Whether another rotation of the secret is ignored.
    pub force: Force,
    /// The age of the current version below which it is not rotated.
    pub if_older_than: Option<Duration>,
    /// The longest time that a run may take; other runs wait for it.
    pub run_limit: Duration,
}

/// What a run is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Goal {
    /// Rotate the secret.
    Rotate,
    /// Remove the pending version of an interrupted rotation.
    Abort,
}

/// Whether a run goes on although another program rotates the secret, or may do so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Force {
    /// It is refused.
    No,
    /// It goes on.
    Yes,
}

/// How a new value is made, and what is done with it.
#[derive(Clone, Debug)]
pub enum Strategy {
    /// The access key of an IAM user.
    IamAccessKey(AccessKeyRotation),
    /// A password, made by Secrets Manager.
    RandomPassword {
        /// Where it is in the secret, and its rules.
        password: Password,
        /// The commands that use it; `None` for values that nothing else knows.
        commands: Option<Commands>,
    },
    /// Whatever commands make.
    Command {
        /// The command that makes the value; a password without one.
        create: Creation,
        /// The commands that use it.
        commands: Commands,
    },
}

impl Strategy {
    /// Returns its name.
    pub fn name(&self) -> RotationStrategy {
        match self {
            Self::IamAccessKey(_) => RotationStrategy::IamAccessKey,
            Self::RandomPassword { .. } => RotationStrategy::RandomPassword,
            Self::Command { .. } => RotationStrategy::Command,
        }
    }

    /// Returns the commands, if there are any.
    fn commands(&self) -> Option<&Commands> {
        match self {
            Self::IamAccessKey(_) => None,
            Self::RandomPassword { commands, .. } => commands.as_ref(),
            Self::Command { commands, .. } => Some(commands),
        }
    }
}

/// How an access key is rotated.
#[derive(Clone, Copy, Debug)]
pub struct AccessKeyRotation {
    /// Who calls IAM.
    pub iam_with: IamWith,
    /// How long an old key stays active, and then inactive.
    pub keep_old: Duration,
}

/// Who calls IAM.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IamWith {
    /// The session.
    Role,
    /// The key that is in the secret, for its own user.
    Secret,
}

/// A password in a secret.
#[derive(Clone, Debug)]
pub struct Password {
    /// The member of the JSON secret that it is; `None` if it is the whole secret.
    pub key: Option<String>,
    /// Its rules.
    pub rules: PasswordRules,
}

/// What makes a value for commands.
#[derive(Clone, Debug)]
pub enum Creation {
    /// A command, which prints it.
    Command(String),
    /// Secrets Manager.
    Password(Password),
}

/// The commands that use a value. Both can be run several times with the same one.
#[derive(Clone, Debug)]
pub struct Commands {
    /// Makes the pending value the one of the system that it is for.
    pub set: String,
    /// Succeeds if the pending value works.
    pub test: String,
}

#[cfg(test)]
mod tests;
