//! The refusals of Secrets Manager.

use super::cause::{Cause, SecretCause, SecretChangeCause};
use super::{CallEvidence, general, kms_key};
use crate::aws::error_response::ServiceError;
use crate::aws::get_secret_value::{SecretId, SecretRequest};
use crate::aws::json_protocol::JsonOperation;
use crate::aws::put_secret_value::PutSecretValue;
use crate::aws::update_secret_version_stage::MoveStage;
use crate::region::Region;
use crate::text::disclosure::may_be_repeated;

/// What a refused call asked for.
#[derive(Clone, Copy, Debug)]
pub enum SecretSubject<'a> {
    /// The value of a version.
    Value(&'a SecretRequest),
    /// The value of the current version, as one of a batch.
    InBatch(&'a SecretId),
    /// All about a secret but its value.
    Description(&'a SecretId),
    /// The values of the current versions of several secrets.
    Batch(&'a [SecretId]),
    /// The secrets whose names start with a prefix, or all.
    List(Option<&'a str>),
    /// A new version.
    Put(&'a PutSecretValue),
    /// That a staging label moves.
    Move(&'a MoveStage),
    /// A random password, which is of no secret.
    Password,
}

impl SecretSubject<'_> {
    /// Returns the operation that policies have to allow for it.
    pub fn operation(self) -> JsonOperation {
        match self {
            Self::Value(_) | Self::InBatch(_) => JsonOperation::GetSecretValue,
            Self::Description(_) => JsonOperation::DescribeSecret,
            Self::Batch(_) => JsonOperation::BatchGetSecretValue,
            Self::List(_) => JsonOperation::ListSecrets,
            Self::Put(_) => JsonOperation::PutSecretValue,
            Self::Move(_) => JsonOperation::UpdateSecretVersionStage,
            Self::Password => JsonOperation::GetRandomPassword,
        }
    }

    /// Returns the values that must not be shown, even if AWS repeats them.
    pub fn hidden(&self) -> Vec<&str> {
        match self {
            Self::Value(request) => request.hidden(),
            Self::InBatch(secret) | Self::Description(secret) => {
                secret.hidden().into_iter().collect()
            }
            Self::Batch(secrets) => secrets.iter().filter_map(SecretId::hidden).collect(),
            Self::List(prefix) => {
                prefix.iter().copied().filter(|prefix| !may_be_repeated(prefix)).collect()
            }
            Self::Put(request) => request.hidden(),
            Self::Move(request) => request.hidden(),
            Self::Password => Vec::new(),
        }
    }

    /// Returns what it asks for, for messages.
    pub fn shown(&self) -> String {
        match (self, self.secret()) {
            (_, Some(secret)) => secret.shown(),
            (Self::Batch(secrets), None) => format!("{} secrets", secrets.len()),
            (Self::Password, None) => "a password".to_owned(),
            (_, None) => "secrets".to_owned(),
        }
    }

    fn secret(&self) -> Option<&SecretId> {
        match self {
            Self::Value(request) => Some(&request.secret),
            Self::InBatch(secret) | Self::Description(secret) => Some(secret),
            Self::Put(request) => Some(&request.secret),
            Self::Move(request) => Some(&request.secret),
            Self::Batch(_) | Self::List(_) | Self::Password => None,
        }
    }

    fn names_a_version(&self) -> bool {
        match self {
            Self::Value(request) => request.version_id.is_some() || request.version_stage.is_some(),
            Self::Move(_) => true,
            _ => false,
        }
    }
}

/// Returns the most likely cause of `service_error`.
pub fn secrets_manager(
    service_error: &ServiceError,
    subject: SecretSubject<'_>,
    evidence: CallEvidence<'_>,
) -> Cause {
    let session = || evidence.session_not_accepted(service_error);
    if let Some(cause) = general(service_error).or_else(session) {
        return cause;
    }
    let CallEvidence { role, region, .. } = evidence;
    let (operation, role, region) = (subject.operation(), role.clone(), region.clone());
    let code = service_error.code.as_deref().unwrap_or_default();
    let Some(secret) = subject.secret().cloned() else {
        return match code {
            "AccessDeniedException" => {
                Cause::Secret(SecretCause::OperationDenied { operation, role })
            }
            "InvalidParameterException" | "ValidationException" => Cause::InvalidRequest,
            _ => Cause::Unknown,
        };
    };
    let message = service_error.message.to_ascii_lowercase();
    if let Some(cause) = of_change(code, &message, subject, &region) {
        return Cause::SecretChange(cause);
    }
    let key = || kms_key(service_error);
    Cause::Secret(match code {
        "ResourceNotFoundException" if subject.names_a_version() => {
            SecretCause::NoSuchVersion { secret, region }
        }
        "ResourceNotFoundException" => {
            let account = match &secret {
                SecretId::Arn(arn) => arn.account(),
                SecretId::Name(_) => role.account(),
            };
            SecretCause::NoSuchSecret { account: account.to_owned(), secret, region }
        }
        "DecryptionFailure" | "EncryptionFailure" => {
            SecretCause::KmsKeyDenied { operation, role, secret, key: key() }
        }
        "AccessDeniedException" if message.contains("kms") => {
            SecretCause::KmsKeyDenied { operation, role, secret, key: key() }
        }
        "AccessDeniedException" => SecretCause::Denied { operation, role, secret, region },
        "InvalidRequestException" if message.contains("deletion") => {
            SecretCause::ScheduledForDeletion { secret, region }
        }
        "InvalidRequestException" => SecretCause::NotReadable,
        "InvalidParameterException"
            if subject.names_a_version() && operation == JsonOperation::GetSecretValue =>
        {
            SecretCause::VersionsDiffer
        }
        "InvalidParameterException" | "ValidationException" => return Cause::InvalidRequest,
        _ => return Cause::Unknown,
    })
}

/// Returns the cause of a refused change that is one of changes only; `message` is in lower case.
fn of_change(
    code: &str,
    message: &str,
    subject: SecretSubject<'_>,
    region: &Region,
) -> Option<SecretChangeCause> {
    match (subject, code) {
        (SecretSubject::Put(put), "ResourceExistsException") => {
            Some(SecretChangeCause::VersionExists {
                secret: put.secret.clone(),
                version: put.version_id.clone(),
            })
        }
        // The code is that of any parameter; the texts are those of AWS and of moto.
        (SecretSubject::Move(request), "InvalidParameterException")
            if message.contains("staging label") || message.contains("version stage") =>
        {
            let MoveStage { secret, stage, from, .. } = request.clone();
            Some(SecretChangeCause::StageElsewhere { secret, stage, expected: from })
        }
        (SecretSubject::Put(_) | SecretSubject::Move(_), code)
            if code == "InvalidRequestException" && !message.contains("deletion")
                || code == "InvalidParameterException" && message.contains("replica") =>
        {
            let secret = subject.secret()?.clone();
            Some(SecretChangeCause::NotWritable { secret, region: region.clone() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
