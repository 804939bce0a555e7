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
      hint: call AWS less often: leave the session cache on, let processes share one `serve`, or request a higher quota
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
    error: AWS failed to process CreateSession: 500 InternalServerException
      caused by: oops (request id UUID)
      hint: try again later, and check the AWS Health Dashboard: the failure is on AWS's side
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
    error: CreateSession failed with HTTP status 404 and no AWS error code
      hint: the response may not be from AWS: check `--endpoint`, and any proxy or gateway between this machine and AWS
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
    error: the response of CreateSession cannot be parsed (it is not JSON)
      hint: the endpoint may not be AWS: check `--endpoint` and any proxy
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
    error: the response of CreateSession cannot be parsed (a member is missing or has the wrong type)
      hint: the endpoint may not be AWS: check `--endpoint` and any proxy
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
    error: the response contains no credentials
      hint: the endpoint may not be AWS: check `--endpoint` and any proxy
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
    error: the response is for the role `arn:aws:iam::123456789012:role/Other`, which was not requested
      hint: the endpoint may not be AWS: check `--endpoint` and any proxy
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
    error: the member `secretAccessKey` of the response is empty or malformed
      hint: the endpoint may not be AWS: check `--endpoint` and any proxy
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
    error: the credentials in the response have expired (on 2020-01-01T00:00:00Z; it is now NOW)
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
    error: 127.0.0.1 closed the connection before the response was complete, tried 3 times
      caused by: peer closed connection without sending TLS close_notify
      hint: try again; if the problem remains, check proxies and gateways between this machine and AWS
    ");
}

#[test]
fn refuses_a_response_that_is_too_large() {
    let env =
        TestEnvironment::new().fault(json!({"body": "a".repeat((8 << 20) + 1), "status": 200}));
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: the response of 127.0.0.1 is larger than 8388608 bytes
      hint: check `--endpoint` and any proxy: the server does not seem to be AWS
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
