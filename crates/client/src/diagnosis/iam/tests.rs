//! The causes of IAM's refusals.

use super::*;
use crate::test_support::session;

const RECEIVED: Timestamp = Timestamp::from_unix(1_780_000_000);
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const OTHER: &str = "AKIAI44QH8DHBEXAMPLE";

fn causes(
    (status, code, message): (u16, &str, &str),
    (user, key): (Option<&str>, Option<&str>),
    by_key: Option<&str>,
) -> Vec<Cause> {
    let (code, message) = (Some(code.to_owned()), message.to_owned());
    let date = Some(RECEIVED);
    let service_error = ServiceError { status, code, message, request_id: None, date };
    let session = session::request();
    let signer = match by_key {
        Some(id) => IamSigner::Key(id),
        None => IamSigner::Session { role: &session.role, region: &session.region },
    };
    let region = Region::parse("us-east-1").unwrap();
    let operation = QueryOperation::DeleteAccessKey;
    let received = RECEIVED;
    iam(&service_error, &IamEvidence { operation, user, key, signer, region: &region, received })
}

fn owned(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn each_code_has_its_cause() {
    let denied = AccessKeyCause::Denied {
        operation: QueryOperation::DeleteAccessKey,
        caller: KeyCaller::Role(session::request().role),
        user: owned("Deploy"),
    };
    let rows = [
        (
            404,
            "NoSuchEntity",
            AccessKeyCause::NoSuchEntity { user: owned("Deploy"), key: owned(KEY) },
        ),
        (409, "LimitExceeded", AccessKeyCause::LimitExceeded { user: owned("Deploy") }),
        (403, "AccessDenied", denied),
    ];
    for (status, code, expected) in rows {
        let found = causes((status, code, ""), (Some("Deploy"), Some(KEY)), None);
        assert_eq!(found, [Cause::AccessKey(expected)], "{code}");
    }
    let found = |status, code| causes((status, code, ""), (None, None), None);
    assert_eq!(found(400, "Throttling"), [Cause::Throttled]);
    assert_eq!(found(500, "ServiceFailure"), [Cause::ServiceFailure]);
    assert_eq!(found(400, "ValidationError"), [Cause::InvalidRequest]);
    assert_eq!(found(400, "Something"), [Cause::Unknown]);
}

#[test]
fn a_session_that_is_not_accepted_is_no_key_that_is_not() {
    let refused = |by_key| {
        let answer = (403, "InvalidClientTokenId", "The security token is invalid.");
        causes(answer, (Some("Deploy"), Some(OTHER)), by_key)
    };
    let region = session::request().region;
    let session = Cause::SessionNotAccepted { session: region.clone(), call: region };
    assert_eq!(refused(None), [session]);
    let key = Cause::AccessKey(AccessKeyCause::NotAccepted { key: owned(KEY) });
    assert_eq!(refused(Some(KEY)), [key]);
}

#[test]
fn a_signature_is_wrong_because_of_the_secret_or_the_clock() {
    let refused = |by_key| causes((403, "SignatureDoesNotMatch", ""), (None, None), by_key);
    let wrong = Cause::AccessKey(AccessKeyCause::WrongSecret { key: owned(KEY) });
    assert_eq!(refused(Some(KEY)), [wrong]);
    assert!(matches!(refused(None)[..], [Cause::AlteredRequest { .. }]));
}

#[test]
fn a_denial_is_one_of_its_caller() {
    let message = "User: arn:aws:iam::123456789012:user/signature is not authorized";
    let found = causes((403, "AccessDenied", message), (None, Some(KEY)), Some(KEY));
    let denied = AccessKeyCause::Denied {
        operation: QueryOperation::DeleteAccessKey,
        caller: KeyCaller::Key(owned(KEY)),
        user: None,
    };
    assert_eq!(found, [Cause::AccessKey(denied)]);
}

/// A secret may hold anything where the user's name and the id are expected.
#[test]
fn what_may_be_a_secret_is_no_part_of_a_cause() {
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    for code in ["NoSuchEntity", "LimitExceeded", "AccessDenied", "InvalidClientTokenId"] {
        let found = causes((403, code, ""), (Some(secret), Some(secret)), Some(secret));
        assert!(!format!("{found:?}").contains("wJalr"), "{found:?}");
    }
}
