//! Long-term access keys from outside: created, used, deactivated and deleted.

use aws_credential_types::Credentials;
use roles_anywhere_emulator::{
    Emulator, NO_SECRETS_ROLE_ARN, Options, ROLE_ARN, SECOND_ROLE_ARN, USER_ARN,
};
use serde_json::json;

use crate::client::{Answer, Call};
use crate::secrets::{get, signed, vend};
use crate::sts::{element, sts};

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

fn emulator() -> Emulator {
    Emulator::start(Options::default()).unwrap()
}

/// Returns the key of the user that is built in.
fn user_key() -> Credentials {
    Credentials::new(KEY, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None, None, "emulator")
}

fn iam(emulator: &Emulator, credentials: &Credentials, action: &str, more: &str) -> Answer {
    let body = format!("Action={action}&Version=2010-05-08{more}");
    let mut call = Call { body, ..Call::default() };
    call.header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    signed(emulator, credentials, ("us-east-1", "iam"), call)
}

/// Creates a key of the user that is built in.
fn create(emulator: &Emulator, credentials: &Credentials) -> Credentials {
    let answer = iam(emulator, credentials, "CreateAccessKey", "&UserName=legacy-app");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let (id, secret) = (element(&answer, "AccessKeyId"), element(&answer, "SecretAccessKey"));
    Credentials::new(id, secret, None, None, "emulator")
}

fn parameter(emulator: &Emulator, credentials: &Credentials) -> Answer {
    let mut call = Call { body: json!({ "Name": "plain" }).to_string(), ..Call::default() };
    call.header("content-type", "application/x-amz-json-1.1");
    call.header("x-amz-target", "AmazonSSM.GetParameter");
    signed(emulator, credentials, ("us-east-1", "ssm"), call)
}

fn identity(emulator: &Emulator, credentials: &Credentials) -> Answer {
    sts(emulator, credentials, "GetCallerIdentity", "")
}

/// Returns status, code and reason of a refused GetCallerIdentity, and checks that every service
/// refuses the key.
fn refused(emulator: &Emulator, credentials: &Credentials) -> (u16, String, String) {
    let secret = get(emulator, credentials, "prod/plain");
    assert_eq!(
        (secret.status, &secret.json()["__type"]),
        (400, &json!("UnrecognizedClientException"))
    );
    assert_eq!(parameter(emulator, credentials).status, 400);
    assert_eq!(iam(emulator, credentials, "ListAccessKeys", "").status, 403);
    let answer = identity(emulator, credentials);
    let entry = emulator.requests().pop().unwrap();
    let reason = entry["reason"].as_str().unwrap().to_owned();
    (answer.status, element(&answer, "Code").to_owned(), reason)
}

#[test]
fn every_service_accepts_the_key_of_a_user() {
    let emulator = emulator();
    let key = user_key();
    let answer = identity(&emulator, &key);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(element(&answer, "Arn"), USER_ARN);
    assert_eq!(element(&answer, "Account"), "123456789012");
    assert!(element(&answer, "UserId").starts_with("AIDA"), "{}", answer.body);
    let entry = emulator.requests().pop().unwrap();
    assert_eq!((&entry["caller"], &entry["session"]), (&json!(USER_ARN), &json!(null)));
    let secret = get(&emulator, &key, "prod/access-key").json();
    let pair: serde_json::Value =
        serde_json::from_str(secret["SecretString"].as_str().unwrap()).unwrap();
    assert_eq!(pair["AccessKeyId"], KEY);
    assert_eq!(pair["SecretAccessKey"], key.secret_access_key());
    assert_eq!(parameter(&emulator, &key).json()["Parameter"]["Value"], "one");
    let listed = iam(&emulator, &key, "ListAccessKeys", "");
    assert_eq!(element(&listed, "AccessKeyId"), KEY);
    let used = iam(&emulator, &key, "GetAccessKeyLastUsed", &format!("&AccessKeyId={KEY}"));
    assert_eq!(element(&used, "ServiceName"), "iam");
    assert_eq!(element(&used, "Region"), "us-east-1");
    assert!(!json!(emulator.requests()).to_string().contains(key.secret_access_key()));
}

#[test]
fn a_key_is_refused_as_long_as_it_is_inactive() {
    let emulator = emulator();
    let session = vend(&emulator, ROLE_ARN);
    let key = create(&emulator, &session);
    assert_eq!(identity(&emulator, &key).status, 200);
    let set = |status: &str| {
        let more =
            format!("&UserName=legacy-app&AccessKeyId={}&Status={status}", key.access_key_id());
        assert_eq!(iam(&emulator, &session, "UpdateAccessKey", &more).status, 200);
    };
    let not_known = |reason: &str| (403, "InvalidClientTokenId".to_owned(), reason.to_owned());
    set("Inactive");
    assert_eq!(refused(&emulator, &key), not_known("access-key-inactive"));
    set("Active");
    assert_eq!(identity(&emulator, &key).status, 200);
    let more = format!("&UserName=legacy-app&AccessKeyId={}", key.access_key_id());
    assert_eq!(iam(&emulator, &session, "DeleteAccessKey", &more).status, 200);
    assert_eq!(refused(&emulator, &key), not_known("access-key"));
}

#[test]
fn a_new_key_is_accepted_after_the_delay_of_the_clock() {
    let emulator = emulator();
    emulator.delay_keys(3600);
    let key = create(&emulator, &vend(&emulator, ROLE_ARN));
    let expected = (403, "InvalidClientTokenId".to_owned(), "access-key-propagation".to_owned());
    assert_eq!(refused(&emulator, &key), expected);
    // The signature is of the machine's clock, so the emulator's goes on and back.
    emulator.advance(3600);
    let late = identity(&emulator, &key);
    assert_eq!(element(&late, "Code"), "SignatureDoesNotMatch", "{}", late.body);
    emulator.advance(-3600);
    emulator.delay_keys(0);
    // Set for later keys only.
    assert_eq!(refused(&emulator, &key), expected);
    let more = format!("&UserName=legacy-app&AccessKeyId={}", key.access_key_id());
    let session = vend(&emulator, ROLE_ARN);
    assert_eq!(iam(&emulator, &session, "DeleteAccessKey", &more).status, 200);
    let key = create(&emulator, &session);
    assert_eq!(identity(&emulator, &key).status, 200);
}

#[test]
fn a_key_has_no_session_token_and_one_signing_region() {
    let emulator = emulator();
    let key = user_key();
    let with_token = Credentials::new(
        key.access_key_id(),
        key.secret_access_key(),
        Some("token".to_owned()),
        None,
        "emulator",
    );
    let expected = (403, "InvalidClientTokenId".to_owned(), "session-token".to_owned());
    assert_eq!(refused(&emulator, &with_token), expected);
    let wrong = Credentials::new(KEY, "wrong", None, None, "emulator");
    assert_eq!(element(&identity(&emulator, &wrong), "Code"), "SignatureDoesNotMatch");
    let body = "Action=ListAccessKeys&Version=2010-05-08".to_owned();
    let mut call = Call { body, ..Call::default() };
    call.header("content-type", "application/x-www-form-urlencoded");
    let answer = signed(&emulator, &key, ("eu-central-1", "iam"), call);
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("https://iam.amazonaws.com/doc/2010-05-08/"), "{}", answer.body);
    assert_eq!(element(&answer, "Message"), "Credential should be scoped to a valid region. ");
}

#[test]
fn a_role_without_permissions_manages_no_keys() {
    let emulator = emulator();
    let session = vend(&emulator, NO_SECRETS_ROLE_ARN);
    let answer = iam(&emulator, &session, "CreateAccessKey", "&UserName=legacy-app");
    assert_eq!((answer.status, element(&answer, "Code")), (403, "AccessDenied"));
    let message = element(&answer, "Message");
    assert!(
        message.contains("iam:CreateAccessKey on resource: user legacy-app because"),
        "{message}"
    );
}

#[test]
fn a_user_assumes_no_role_that_does_not_name_it() {
    let emulator = emulator();
    let more = format!("&RoleArn={SECOND_ROLE_ARN}&RoleSessionName=second");
    let answer = sts(&emulator, &user_key(), "AssumeRole", &more);
    assert_eq!((answer.status, element(&answer, "Code")), (403, "AccessDenied"));
    let message = element(&answer, "Message");
    assert!(message.starts_with(&format!("User: {USER_ARN} is not")), "{message}");
}
