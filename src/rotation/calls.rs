//! The calls that a rotation is made of.

use std::time::Duration;

use crate::output::error::Error;
use crate::output::log::{Field, events::LogEvent};
use crate::output::rotation::StopSignal;
use roles_anywhere_client::aws::get_access_key_last_used::LastUsed;
use roles_anywhere_client::aws::get_caller_identity::CallerIdentity;
use roles_anywhere_client::aws::get_random_password::PasswordRules;
use roles_anywhere_client::aws::get_secret_value::{SecretValue, SecretVersion};
use roles_anywhere_client::aws::list_access_keys::AccessKeyMetadata;
use roles_anywhere_client::aws::secret_description::SecretDescription;
use roles_anywhere_client::credentials::AccessKey;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::Timestamp;

/// Everything outside of a rotation: Secrets Manager with one secret, IAM, STS, commands, clock and log.
pub trait RotationCalls {
    /// Returns the time by AWS's clock.
    fn now(&self) -> Timestamp;

    /// Returns 64 bits that cannot be predicted.
    fn random(&self) -> u64;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;

    /// Returns the signal that asks this process to stop, if it was received. It ends a wait, too.
    fn stop_signal(&self) -> Option<StopSignal>;

    /// Writes one event.
    fn report(&self, event: &'static LogEvent, fields: &[Field<'_>]);

    /// Returns the description of the secret: its versions, their labels, and no values.
    fn describe(&self) -> impl Future<Output = Result<SecretDescription, RotationCallError>>;

    /// Returns a version of the secret.
    fn version(&self, id: &str) -> impl Future<Output = Result<SecretVersion, RotationCallError>>;

    /// Adds a version with one label, which is taken from the version that has it. The same call again has
    /// no further effect.
    fn put(
        &self,
        version_id: &str,
        value: &SecretValue,
        label: &str,
    ) -> impl Future<Output = Result<(), RotationCallError>>;

    /// Moves a label, unless another version than `from` has it; without `from`, if any has it.
    fn move_label(
        &self,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> impl Future<Output = Result<(), RotationCallError>>;

    /// Returns a password.
    fn random_password(
        &self,
        rules: &PasswordRules,
    ) -> impl Future<Output = Result<Secret, RotationCallError>>;

    /// Returns the access keys of a user.
    fn list_access_keys(
        &self,
        user: IamUser<'_>,
    ) -> impl Future<Output = Result<Vec<AccessKeyMetadata>, RotationCallError>>;

    /// Creates an access key. It is not sent twice.
    fn create_access_key(
        &self,
        user: IamUser<'_>,
    ) -> impl Future<Output = Result<AccessKey, RotationCallError>>;

    /// Deactivates an access key.
    fn deactivate_access_key(
        &self,
        user: IamUser<'_>,
        id: &str,
    ) -> impl Future<Output = Result<(), RotationCallError>>;

    /// Deletes an access key.
    fn delete_access_key(
        &self,
        user: IamUser<'_>,
        id: &str,
    ) -> impl Future<Output = Result<(), RotationCallError>>;

    /// Returns when an access key was last used, and its user.
    fn last_used(
        &self,
        user: IamUser<'_>,
        id: &str,
    ) -> impl Future<Output = Result<LastUsed, RotationCallError>>;

    /// Returns the identity that an access key belongs to, if AWS accepts the key.
    fn caller_identity(
        &self,
        key: &AccessKey,
    ) -> impl Future<Output = Result<CallerIdentity, RotationCallError>>;

    /// Runs a command of a step, and returns what it prints.
    fn run_command(
        &self,
        command: &RunCommand<'_>,
    ) -> impl Future<Output = Result<SecretBytes, Error>>;
}

/// A command of a step.
#[derive(Debug)]
pub struct RunCommand<'a> {
    /// The option that gives it, which is also the name of the step.
    pub option: &'static str,
    /// The command, for a shell.
    pub command: &'a str,
    /// What it reads: current and pending value as JSON.
    pub input: &'a SecretBytes,
    /// Whether its output is read; else it is shown.
    pub has_output: bool,
    /// The time after which it is ended.
    pub limit: Duration,
}

/// The user that a call of IAM is about, and the key that signs the call.
#[derive(Clone, Copy, Debug)]
pub struct IamUser<'a> {
    /// The key that signs the call; `None` for the session.
    pub caller: Option<&'a AccessKey>,
    /// The name of the user; `None` for that of the caller.
    pub name: Option<&'a str>,
}

/// A call failed.
#[derive(Debug)]
pub struct RotationCallError {
    /// What it means for a rotation.
    pub kind: FailureKind,
    /// The error for the user.
    pub error: Error,
}

/// What the failure of a call means for a rotation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailureKind {
    /// The version, the key or the user does not exist.
    NotFound,
    /// A label is on another version than was expected.
    LabelElsewhere,
    /// The access key is not accepted: AWS may not know it yet.
    KeyNotAccepted,
    /// The user has as many access keys as are allowed.
    TooManyKeys,
    /// AWS has refused it, for another reason.
    Refused,
    /// Whether the call was carried out is unknown.
    OutcomeUnknown,
    /// Anything else.
    Other,
}

impl FailureKind {
    /// Returns whether AWS has answered that it has not carried the call out.
    pub(super) fn is_refusal(self) -> bool {
        match self {
            Self::NotFound
            | Self::LabelElsewhere
            | Self::KeyNotAccepted
            | Self::TooManyKeys
            | Self::Refused => true,
            Self::OutcomeUnknown | Self::Other => false,
        }
    }
}

impl From<RotationCallError> for Error {
    fn from(failure: RotationCallError) -> Self {
        failure.error
    }
}
