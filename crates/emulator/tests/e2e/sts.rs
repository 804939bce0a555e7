//! STS from outside: a chain of two roles, and what is refused on the way.

use aws_credential_types::Credentials;
use roles_anywhere_emulator::{Emulator, NO_TRUST_ROLE_ARN, Options, ROLE_ARN, SECOND_ROLE_ARN};
use serde_json::json;

use crate::client::{Answer, Call};
use crate::secrets::{get, signed, vend};

pub(crate) fn sts(
    emulator: &Emulator,
    credentials: &Credentials,
    action: &str,
    more: &str,
) -> Answer {
    let body = format!("Action={action}&Version=2011-06-15{more}");
    let mut call = Call { body, ..Call::default() };
    call.header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    signed(emulator, credentials, ("us-east-1", "sts"), call)
}

fn assume(emulator: &Emulator, credentials: &Credentials, role: &str, more: &str) -> Answer {
    let more = format!("&RoleArn={role}&RoleSessionName=second{more}");
    sts(emulator, credentials, "AssumeRole", &more)
}

pub(crate) fn element<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let behind = answer.body.split(&format!("<{name}>")).nth(1).unwrap_or_default();
    behind.split(&format!("</{name}>")).next().unwrap_or_default()
}

fn credentials(answer: &Answer) -> Credentials {
    assert_eq!(answer.status, 200, "{}", answer.body);
    Credentials::new(
        element(answer, "AccessKeyId"),
        element(answer, "SecretAccessKey"),
        Some(element(answer, "SessionToken").to_owned()),
        None,
        "emulator",
    )
}

#[test]
fn a_second_role_is_assumed_and_used() {
    let emulator = Emulator::start(Options::default()).unwrap();
    let first = vend(&emulator, ROLE_ARN);
    let answer = assume(&emulator, &first, SECOND_ROLE_ARN, "");
    let second = credentials(&answer);
    assert_eq!(element(&answer, "SourceIdentity"), "CN=p256");
    let entry = emulator.requests().pop().unwrap();
    assert_eq!(entry["session"]["role_arn"], SECOND_ROLE_ARN);
    assert_eq!(entry["session"]["access_key_id"], second.access_key_id());
    let caller = entry["caller"].as_str().unwrap();
    assert!(caller.starts_with("arn:aws:sts::123456789012:assumed-role/Workload/"), "{caller}");
    let explanation = entry["explanation"].as_str().unwrap();
    assert!(explanation.starts_with("sts:AssumeRole is allowed by Statement"), "{explanation}");
    let log = json!(emulator.requests()).to_string();
    for secret in [second.secret_access_key(), second.session_token().unwrap()] {
        assert!(!log.contains(secret), "{log}");
    }
    let identity = sts(&emulator, &second, "GetCallerIdentity", "");
    assert_eq!(element(&identity, "Arn"), "arn:aws:sts::123456789012:assumed-role/Second/second");
    assert_eq!(get(&emulator, &second, "prod/plain").json()["SecretString"], "s3cr3t");
    // A session of `Second` may not assume it, and a session policy narrows what it may do.
    assert_eq!(assume(&emulator, &second, SECOND_ROLE_ARN, "").status, 403);
    let policy = "&Policy=%7B%22Version%22:%222012-10-17%22,%22Statement%22:%7B%22Effect%22:\
                  %22Allow%22,%22Action%22:%22sts:*%22,%22Resource%22:%22*%22%7D%7D";
    let limited = credentials(&assume(&emulator, &first, SECOND_ROLE_ARN, policy));
    let denied = get(&emulator, &limited, "prod/plain").json();
    let message = denied["Message"].as_str().unwrap();
    assert!(message.contains("no session policy allows"), "{message}");
}

#[test]
fn refusals_are_those_of_sts() {
    let emulator = Emulator::start(Options::default()).unwrap();
    let first = vend(&emulator, ROLE_ARN);
    let code = |answer: &Answer| (answer.status, element(answer, "Code").to_owned());
    let refused = |role: &str, more: &str| {
        let answer = assume(&emulator, &first, role, more);
        assert!(answer.body.contains("<ErrorResponse xmlns="), "{}", answer.body);
        (code(&answer), answer)
    };
    let absent = "arn:aws:iam::123456789012:role/Absent";
    let (one, denied) = refused(NO_TRUST_ROLE_ARN, "");
    let (other, unknown) = refused(absent, "");
    assert_eq!((&one, &other), (&(403, "AccessDenied".to_owned()), &one));
    let told = element(&denied, "Message").replace(NO_TRUST_ROLE_ARN, absent);
    assert_eq!(told, element(&unknown, "Message"));
    let (malformed, answer) = refused(SECOND_ROLE_ARN, "&DurationSeconds=1h");
    assert_eq!(malformed, (400, "MalformedInput".to_owned()));
    assert!(!answer.body.contains("<Message>") && answer.body.contains("AWSFault"));
    let (invalid, answer) = refused(SECOND_ROLE_ARN, "&DurationSeconds=899");
    assert_eq!(invalid, (400, "ValidationError".to_owned()));
    assert!(answer.body.contains("https://sts.amazonaws.com/doc/2011-06-15/"));
    let unknown = Credentials::new("ASIAUNKNOWN", "x", Some("x".to_owned()), None, "emulator");
    let answer = sts(&emulator, &unknown, "GetCallerIdentity", "");
    assert_eq!(code(&answer), (403, "InvalidClientTokenId".to_owned()));
}
