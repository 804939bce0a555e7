//! Responses of AWS that are failures of the service, or make no sense.

use insta::assert_snapshot;
use roles_anywhere_emulator::ROLE_ARN;
use serde_json::{Value, json};

use crate::environment::TestEnvironment;

#[test]
fn names_throttling() {
    let env = TestEnvironment::new().fault(json!({
        "status": 429,
        "code": "ThrottlingException",
        "message": "Rate exceeded",
        "times": 3,
    }));
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 429 ThrottlingException
      caused by: Rate exceeded (request id UUID)
      hint: AWS limits how often it is called; call less often, or ask for a higher quota
    ");
}

#[test]
fn names_a_failure_of_the_service() {
    let env = TestEnvironment::new().fault(json!({
        "status": 500,
        "code": "InternalServerException",
        "message": "oops",
        "times": 3,
    }));
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 500 InternalServerException
      caused by: oops (request id UUID)
      hint: the service had a failure of its own; try again later, and see the AWS Health Dashboard
    ");
}

#[test]
fn names_a_response_without_an_error_code() {
    let env = TestEnvironment::new().fault(json!({"status": 404, "body": "<html>not here</html>"}));
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: CreateSession was answered by 404 without an AWS error code
      hint: something between here and AWS may have answered instead: a proxy, a gateway, a wrong `--endpoint`
    ");
}

#[test]
fn refuses_html() {
    let env = TestEnvironment::new().fault(json!({"body": "<html>hello</html>", "status": 200}));
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: the answer is not the JSON of a session (it is not JSON)
      hint: something other than AWS may answer at that endpoint; check `--endpoint` and any proxy
    ");
}

#[test]
fn refuses_other_json() {
    let env = TestEnvironment::new().fault(json!({"body": "{\"a\":1}", "status": 201}));
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: the answer is not the JSON of a session (a member is missing or of another type)
      hint: something other than AWS may answer at that endpoint; check `--endpoint` and any proxy
    ");
}

#[test]
fn refuses_a_response_without_a_session() {
    let env =
        TestEnvironment::new().fault(json!({"body": "{\"credentialSet\":[]}", "status": 201}));
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: the answer holds no credentials
      hint: something other than AWS may answer at that endpoint; check `--endpoint` and any proxy
    ");
}

#[test]
fn refuses_the_session_of_another_role() {
    let env = TestEnvironment::new().fault(session(
        "arn:aws:iam::123456789012:role/Other",
        "s3",
        "2099-01-01T00:00:00Z",
    ));
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: the answer is for the role `arn:aws:iam::123456789012:role/Other`, which was not asked for
      hint: something other than AWS may answer at that endpoint; check `--endpoint` and any proxy
    ");
}

#[test]
fn refuses_a_blank_secret_key() {
    let env = TestEnvironment::new().fault(session(ROLE_ARN, " ", "2099-01-01T00:00:00Z"));
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: the member `secretAccessKey` of the answer is blank or malformed
      hint: something other than AWS may answer at that endpoint; check `--endpoint` and any proxy
    ");
}

#[test]
fn refuses_an_expired_session() {
    let env = TestEnvironment::new().fault(session(ROLE_ARN, "s3", "2020-01-01T00:00:00Z"));
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: the credentials of the answer expired at 2020-01-01T00:00:00Z, and it is NOW now
      hint: check this machine's clock
    ");
}

#[test]
fn refuses_a_truncated_response() {
    let env = TestEnvironment::new().fault(json!({"cut_after": 40, "times": 3}));
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: lost the connection to 127.0.0.1 before the answer was complete, tried 3 times
      caused by: peer closed connection without sending TLS close_notify
      hint: try again; a proxy or gateway in between may cut connections
    ");
}

#[test]
fn refuses_a_response_that_is_too_large() {
    let env = TestEnvironment::new().fault(json!({"body": "a".repeat(2 << 20), "status": 200}));
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: the answer of 127.0.0.1 is larger than 1048576 bytes
      hint: something other than AWS seems to answer there
    ");
}

/// Returns the response to `CreateSession` with these members.
fn session(role: &str, secret: &str, expiration: &str) -> Value {
    let body = json!({"credentialSet": [{
        "credentials": {
            "accessKeyId": "ASIAEXAMPLEEXAMPLE00",
            "secretAccessKey": secret,
            "sessionToken": "token",
            "expiration": expiration,
        },
        "roleArn": role,
    }]});
    json!({"body": body.to_string(), "status": 201})
}
