//! Faults of AWS of every kind, and what it vended between them.

use std::collections::BTreeSet;

use roles_anywhere_emulator::{Emulator, ROLE_ARN};
use serde_json::{Value, json};

/// Returns so many faults, of all kinds in turn. Some are only delays, so that there are sessions to
/// serve.
pub(crate) fn faults(count: usize) -> Vec<Value> {
    let kinds = [
        json!({"status": 500}),
        json!({"status": 503}),
        json!({"delay_ms": 20}),
        json!({"status": 429, "code": "ThrottlingException", "headers": {"retry-after": "3"}}),
        json!({"cut": true}),
        json!({"status": 403, "code": "AccessDeniedException"}),
        json!({"delay_ms": 5}),
        json!({"body": "{"}),
        json!({"body": "{\"credentialSet\":[{}]}"}),
        json!({"cut_after": 100}),
        json!({"body": session(["", "s3cr3t", "t0k3n", "2100-01-01T00:00:00Z"])}),
        json!({"status": 200, "body": "<html>captive portal</html>"}),
        json!({"body": session(["ASIAOVEROVEROVEROVER", "s3cr3t", "t0k3n", "2015-08-30T12:36:00Z"])}),
        json!({"status": 502, "delay_ms": 20}),
        json!({"status": 429, "code": "ThrottlingException"}),
        json!({"cut_after": 0}),
    ];
    let is_late = |kind: &Value| kind.as_object().unwrap().keys().eq(["delay_ms"]);
    let rounds = count.div_ceil(kinds.iter().filter(|kind| !is_late(kind)).count());
    std::iter::repeat_n(kinds, rounds).flatten().collect()
}

/// Returns the answer to `CreateSession` with these members.
fn session([key, secret, token, expiration]: [&str; 4]) -> String {
    let credentials = json!({
        "accessKeyId": key,
        "secretAccessKey": secret,
        "sessionToken": token,
        "expiration": expiration,
    });
    json!({"credentialSet": [{"credentials": credentials, "roleArn": ROLE_ARN}]}).to_string()
}

/// Counts the faults that struck.
pub(crate) fn struck(emulator: &Emulator) -> usize {
    emulator.requests().iter().filter(|entry| entry["verdict"] == "fault").count()
}

/// Returns the access key ids of the sessions that were vended whole.
pub(crate) fn vended(emulator: &Emulator) -> BTreeSet<String> {
    let requests = emulator.requests();
    let whole = requests.iter().filter(|entry| entry["verdict"] == "accepted");
    whole
        .filter_map(|entry| entry["session"]["access_key_id"].as_str().map(str::to_owned))
        .collect()
}
