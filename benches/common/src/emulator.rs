//! The emulator of AWS, in a process of its own, and what it can be made to answer.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::{Server, WorldError, http};

/// Starts one, with identities and settings for the tool in its exports.
pub fn start(bin_dir: &Path) -> Result<Server, WorldError> {
    let mut command = Command::new(bin_dir.join("roles-anywhere-emulator"));
    command.arg("serve");
    Server::start(command, &["EMULATOR_CONTROL", "EMULATOR_DIR"])
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
    let url = format!("{}/faults", emulator.variable("EMULATOR_CONTROL")?);
    let headers = [("content-type", "application/json")];
    http::send("POST", &url, &headers, &fault.to_string()).map(drop)
}
