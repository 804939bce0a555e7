//! The causes of the refusals of Secrets Manager.

use super::*;
use crate::aws::create_session::SessionRequest;
use crate::aws::get_secret_value::SecretValue;
use crate::secret::Secret;
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
fn a_refused_change_has_a_cause_of_its_own() {
    let version = "01234567-89ab-4def-8123-456789abcdef".to_owned();
    let put = PutSecretValue {
        secret: named(),
        version_id: version.clone(),
        value: SecretValue::Text(Secret::new("hunter2".to_owned())),
        stages: vec!["AWSPENDING".to_owned()],
    };
    let request = MoveStage {
        secret: named(),
        stage: "AWSPENDING".to_owned(),
        to: Some(version.clone()),
        from: None,
    };
    let elsewhere = || SecretChangeCause::StageElsewhere {
        secret: named(),
        stage: "AWSPENDING".to_owned(),
        expected: None,
    };
    let not_writable = || SecretChangeCause::NotWritable { secret: named(), region: region() };
    let (put, request) = (SecretSubject::Put(&put), SecretSubject::Move(&request));
    let attached = "The parameter RemoveFromVersionId can't be empty. Staging label AWSPENDING \
                    is currently attached to version a";
    let of_moto = "Version stage AWSPENDING not found in version a";
    let replica = "Operation not permitted on a replica secret.";
    let exists = SecretChangeCause::VersionExists { secret: named(), version };
    let invalid = "InvalidParameterException";
    for ((code, message), subject, expected) in [
        (("ResourceExistsException", ""), put, exists),
        ((invalid, attached), request, elsewhere()),
        ((invalid, of_moto), request, elsewhere()),
        ((invalid, replica), put, not_writable()),
        ((invalid, replica), request, not_writable()),
        (("InvalidRequestException", "managed by another service"), put, not_writable()),
    ] {
        let found = cause((code, message), subject, None);
        assert_eq!(found, Cause::SecretChange(expected), "{code} {message}");
    }
    for subject in [put, request] {
        assert_eq!(cause((invalid, "too long"), subject, None), Cause::InvalidRequest);
        let deleted = cause(("InvalidRequestException", "marked for deletion"), subject, None);
        let expected = SecretCause::ScheduledForDeletion { secret: named(), region: region() };
        assert_eq!(deleted, Cause::Secret(expected));
    }
    let missing = cause(("ResourceNotFoundException", ""), request, None);
    assert!(matches!(missing, Cause::Secret(SecretCause::NoSuchVersion { .. })));
    let missing = cause(("ResourceNotFoundException", ""), put, None);
    assert!(matches!(missing, Cause::Secret(SecretCause::NoSuchSecret { .. })));
    let denied = cause(("EncryptionFailure", ""), put, None);
    let operation = JsonOperation::PutSecretValue;
    assert!(
        matches!(denied, Cause::Secret(SecretCause::KmsKeyDenied { operation: of, .. }) if of == operation)
    );
    let denied = cause(("AccessDeniedException", ""), SecretSubject::Password, None);
    let expected = SecretCause::OperationDenied {
        operation: JsonOperation::GetRandomPassword,
        role: session::request().role,
    };
    assert_eq!(denied, Cause::Secret(expected));
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
