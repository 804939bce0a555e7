//! Faults from outside: what a client sees, and what the log says of it.

use std::time::Instant;

use aws_credential_types::Credentials;
use roles_anywhere_emulator::{Emulator, Options, ROLE_ARN};
use serde_json::json;

use crate::client::{Answer, Call, send};
use crate::secrets::{get, try_signed, vend};
use crate::signer::Request;

fn emulator() -> Emulator {
    Emulator::start(Options::default()).unwrap()
}

#[test]
fn a_throttle_has_a_header_and_ends() {
    let emulator = emulator();
    emulator.fault(json!({
        "operation": "CreateSession", "status": 429, "code": "ThrottlingException",
        "message": "Rate exceeded", "headers": {"retry-after": "1"}
    }));
    let request = Request::new("leaf/p256");
    let answer = request.send(&emulator);
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("x-amzn-errortype"), Some("ThrottlingException"));
    assert_eq!(answer.json()["message"], "Rate exceeded");
    assert_eq!(request.send(&emulator).status, 201);
    assert_eq!(emulator.requests()[0]["verdict"], "fault");
    assert_eq!(emulator.requests()[1]["verdict"], "accepted");
}

#[test]
fn a_cut_connection_sends_no_response() {
    let emulator = emulator();
    emulator.fault(json!({"cut": true}));
    let call = Request::new("leaf/p256").sign(&emulator);
    assert!(send(&emulator, &call).is_none());
    assert_eq!(emulator.requests()[0]["status"], json!(null));
    assert_eq!(emulator.requests()[0]["verdict"], "fault");
}

/// Puts a value into a secret; the connection may end without an answer.
fn put(emulator: &Emulator, credentials: &Credentials, value: &str) -> Option<Answer> {
    let token = format!("{value:-<32}");
    let input =
        json!({ "SecretId": "prod/plain", "SecretString": value, "ClientRequestToken": token });
    let mut call = Call { body: input.to_string(), ..Call::default() };
    call.header("content-type", "application/x-amz-json-1.1");
    call.header("x-amz-target", "secretsmanager.PutSecretValue");
    try_signed(emulator, credentials, ("us-east-1", "secretsmanager"), call)
}

#[test]
fn the_nth_request_is_performed_before_the_fault_if_it_says_so() {
    for (mut fault, status, value) in [
        (json!({"cut": true}), None, "one"),
        (json!({"cut": true, "perform": true}), None, "two"),
        (json!({"status": 503}), Some(503), "one"),
        (json!({"status": 503, "perform": true}), Some(503), "two"),
    ] {
        let emulator = emulator();
        let credentials = vend(&emulator, ROLE_ARN);
        fault["operation"] = json!("PutSecretValue");
        fault["nth"] = json!(2);
        emulator.fault(fault.clone());
        let put = |value| put(&emulator, &credentials, value).map(|answer| answer.status);
        assert_eq!(put("one"), Some(200), "{fault}");
        assert_eq!(put("two"), status, "{fault}");
        let entry = emulator.requests().pop().unwrap();
        assert_eq!((&entry["verdict"], &entry["status"]), (&json!("fault"), &json!(status)));
        assert_eq!(entry["caller"].is_string(), value == "two", "{fault}");
        assert_eq!(get(&emulator, &credentials, "prod/plain").json()["SecretString"], value);
        assert_eq!(put("three"), Some(200), "{fault}");
    }
}

#[test]
fn a_cut_within_the_body_leaves_so_many_bytes_of_it() {
    let emulator = emulator();
    emulator.fault(json!({"cut_after": 40}));
    let answer = Request::new("leaf/p256").send(&emulator);
    assert_eq!((answer.status, answer.body.len()), (201, 40));
    assert!(answer.header("content-length").unwrap().parse::<usize>().unwrap() > 40);
}

#[test]
fn a_body_may_be_anything() {
    let emulator = emulator();
    emulator.fault(json!([{"body": "{\"credentialSet\":"}, {"body": "[]", "status": 200}]));
    let request = Request::new("leaf/p256");
    let answer = request.send(&emulator);
    assert_eq!((answer.status, answer.body.as_str()), (201, "{\"credentialSet\":"));
    assert_eq!(request.send(&emulator).status, 200);
}

#[test]
fn skew_moves_the_date_and_delay_the_response() {
    let emulator = emulator();
    let request = Request::new("leaf/p256");
    emulator.fault(json!({"skew_seconds": -86_400 * 400}));
    let usual = |answer: &Answer| answer.header("date").unwrap()[12..16].to_owned();
    let skewed = request.send(&emulator);
    let answer = request.send(&emulator);
    assert_eq!((skewed.status, answer.status), (201, 201));
    assert_ne!(usual(&skewed), usual(&answer));
    emulator.fault(json!({"status": 503, "headers": {"Date": "Thu, 01 Jan 1970 00:00:00 GMT"}}));
    let dated = request.send(&emulator);
    assert_eq!(dated.headers.to_lowercase().matches("\ndate:").count(), 1);
    assert_eq!(usual(&dated), "1970");
    emulator.fault(json!({"delay_ms": 150}));
    let start = Instant::now();
    assert_eq!(request.send(&emulator).status, 201);
    assert!(start.elapsed().as_millis() >= 150);
}

#[test]
fn faults_are_scripted_from_the_start() {
    let options = Options { faults: Some(json!([{"status": 503}])), ..Options::default() };
    let emulator = Emulator::start(options).unwrap();
    assert_eq!(Request::new("leaf/p256").send(&emulator).status, 503);
    let misspelt = Options { faults: Some(json!([{"stauts": 503}])), ..Options::default() };
    assert!(Emulator::start(misspelt).is_err());
}

#[test]
fn a_dropped_emulator_leaves_nothing() {
    let emulator = emulator();
    let directory = emulator.directory().to_owned();
    assert!(directory.join("config").exists());
    drop(emulator);
    assert!(!directory.exists());
}
