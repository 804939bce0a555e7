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
mod tests {
    use super::*;
    use crate::aws::create_session::SessionRequest;
    use crate::test_support::session;
    use crate::time::Timestamp;

    const RECEIVED: Timestamp = Timestamp::from_unix(1_780_000_000);
    const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:999999999999:secret:db-a1b2c3";
    const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn region() -> Region {
        Region::parse("eu-west-1").unwrap()
    }

    fn named() -> SecretId {
        SecretId::Name("prod/db".to_owned())
    }

    fn cause(
        (code, message): (&str, &str),
        subject: SecretSubject<'_>,
        date: Option<Timestamp>,
    ) -> Cause {
        let (code, message) = (Some(code.to_owned()), message.to_owned());
        let service_error = ServiceError { status: 400, code, message, request_id: None, date };
        let SessionRequest { role, region: session_region, .. } = session::request();
        let (role, session_region, region) = (&role, &session_region, &region());
        let evidence = CallEvidence { role, session_region, region, received: RECEIVED };
        secrets_manager(&service_error, subject, evidence)
    }

    #[test]
    fn each_code_has_its_cause() {
        let request = SecretRequest {
            version_stage: Some("AWSCURRENT".to_owned()),
            ..SecretRequest::current(named())
        };
        let role = session::request().role;
        let denied_key = |key: Option<&str>| SecretCause::KmsKeyDenied {
            operation: JsonOperation::GetSecretValue,
            role: role.clone(),
            secret: named(),
            key: key.map(str::to_owned),
        };
        let not_authorized = format!("User is not authorized to perform: kms:Decrypt on {KEY}.");
        let rows = [
            ("DecryptionFailure", "", denied_key(None)),
            ("AccessDeniedException", "Access to KMS is not allowed", denied_key(None)),
            ("AccessDeniedException", &not_authorized, denied_key(Some(KEY))),
            (
                "AccessDeniedException",
                "not authorized",
                SecretCause::Denied {
                    operation: JsonOperation::GetSecretValue,
                    role: role.clone(),
                    secret: named(),
                    region: region(),
                },
            ),
            (
                "InvalidRequestException",
                "it was marked for deletion",
                SecretCause::ScheduledForDeletion { secret: named(), region: region() },
            ),
            ("InvalidRequestException", "", SecretCause::NotReadable),
            ("InvalidParameterException", "", SecretCause::VersionsDiffer),
        ];
        let subject = SecretSubject::Value(&request);
        for (code, message, expected) in rows {
            let found = cause((code, message), subject, None);
            assert_eq!(found, Cause::Secret(expected), "{code} {message}");
        }
        assert_eq!(cause(("SomethingElse", ""), subject, None), Cause::Unknown);
        assert_eq!(cause(("SlowDown", ""), subject, None), Cause::Throttled);
    }

    #[test]
    fn a_denial_names_the_operation_that_must_be_allowed() {
        let secret = named();
        let denied = |subject| cause(("AccessDeniedException", ""), subject, None);
        let role = session::request().role;
        for (subject, operation) in [
            (SecretSubject::InBatch(&secret), JsonOperation::GetSecretValue),
            (SecretSubject::Description(&secret), JsonOperation::DescribeSecret),
        ] {
            let (role, secret) = (role.clone(), named());
            let expected = SecretCause::Denied { operation, role, secret, region: region() };
            assert_eq!(denied(subject), Cause::Secret(expected));
        }
        for (subject, operation) in [
            (SecretSubject::Batch(&[]), JsonOperation::BatchGetSecretValue),
            (SecretSubject::List(None), JsonOperation::ListSecrets),
        ] {
            let expected = SecretCause::OperationDenied { operation, role: role.clone() };
            assert_eq!(denied(subject), Cause::Secret(expected));
        }
    }

    #[test]
    fn a_wrong_clock_explains_a_refused_session() {
        let request = SecretRequest::current(named());
        let refused = |code, date| cause((code, ""), SecretSubject::Value(&request), date);
        let aws = RECEIVED.after(61);
        let offset = refused("InvalidSignatureException", Some(aws));
        assert_eq!(offset, Cause::ClockOffset { seconds_behind: 61, local: RECEIVED, aws });
        let session = session::request().region;
        for code in
            ["ExpiredTokenException", "InvalidSignatureException", "UnrecognizedClientException"]
        {
            let expected = Cause::SessionNotAccepted { session: session.clone(), call: region() };
            assert_eq!(refused(code, Some(RECEIVED.after(60))), expected, "{code}");
        }
    }

    #[test]
    fn a_missing_secret_is_looked_for_in_the_account_of_its_arn_or_the_role() {
        let code = ("ResourceNotFoundException", "");
        let ids = [
            (SecretId::Arn(SECRET.parse().unwrap()), "999999999999"),
            (SecretId::Name("db".to_owned()), "123456789012"),
        ];
        for (secret, account) in ids {
            let request = SecretRequest::current(secret.clone());
            let missing = SecretCause::NoSuchSecret {
                secret: secret.clone(),
                region: region(),
                account: account.to_owned(),
            };
            assert_eq!(cause(code, SecretSubject::Value(&request), None), Cause::Secret(missing));
            let request = SecretRequest { version_stage: Some("AWSPENDING".to_owned()), ..request };
            let no_version = SecretCause::NoSuchVersion { secret, region: region() };
            let found = cause(code, SecretSubject::Value(&request), None);
            assert_eq!(found, Cause::Secret(no_version));
        }
    }
}
