//! The emulator of AWS, in a process of its own, and what it can be made to answer.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::{Server, WorldError, http};

/// Starts one, with identities and settings for the tool in its exports.
pub fn start(bin_dir: &Path) -> Result<Server, WorldError> {
    let mut command = Command::new(bin_dir.join("roles-anywhere-emulator"));
    command.arg("serve");
    Server::start(command, &["EMULATOR_CONTROL", "EMULATOR_DIR"])
}

/// Has it trust what `certificate` (PEM) issued, and nothing else.
pub fn trust(emulator: &Server, certificate: &str) -> Result<(), WorldError> {
    let arn = emulator.variable("ROLES_ANYWHERE_TRUST_ANCHOR_ARN")?;
    control(emulator, "trust-anchors", &json!({"arn": arn, "certificate": certificate}))
}

/// Has it give a session to every CreateSession from here on, without looking at it.
pub fn answer_unread(emulator: &Server) -> Result<(), WorldError> {
    let role = emulator.variable("ROLES_ANYWHERE_ROLE_ARN")?;
    let answer = json!({
        "credentialSet": [{
            "assumedRoleUser": {
                "arn": "arn:aws:sts::123456789012:assumed-role/Workload/cold-start",
                "assumedRoleId": "AROACOLDSTARTCOLDSTART:cold-start",
            },
            "credentials": {
                "accessKeyId": "ASIACOLDSTARTCOLDSTAR",
                "secretAccessKey": "s".repeat(40),
                "sessionToken": "t".repeat(420),
                "expiration": "2045-12-31T00:00:00Z",
            },
            "packedPolicySize": 10,
            "roleArn": role,
            "sourceIdentity": "CN=cold-start",
        }],
        "subjectArn": "arn:aws:rolesanywhere:us-east-1:123456789012:subject/cold-start",
    });
    let fault = json!({"operation": "CreateSession", "times": 0, "body": answer.to_string()});
    control(emulator, "faults", &fault)
}

/// Gives it a secret.
pub fn put_secret(emulator: &Server, name: &str, value: &str) -> Result<(), WorldError> {
    control(emulator, "secrets", &json!({"name": name, "value": value}))
}

fn control(emulator: &Server, route: &str, body: &Value) -> Result<(), WorldError> {
    let url = format!("{}/{route}", emulator.variable("EMULATOR_CONTROL")?);
    let headers = [("content-type", "application/json")];
    http::send("POST", &url, &headers, &body.to_string()).map(drop)
}
