//! `--error-format`: the one object that an error is.

use insta::assert_snapshot;

use crate::environment::TestEnvironment;

fn json() -> TestEnvironment {
    TestEnvironment::offline().var("ROLES_ANYWHERE_ERROR_FORMAT", "json")
}

#[test]
fn a_usage_error_is_an_object() {
    assert_snapshot!(json().fails("credential-process --timeout forever"), @r#"
    $ ROLES_ANYWHERE_ERROR_FORMAT=json roles-anywhere credential-process --timeout forever
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    {"kind":"usage","exit_code":2,"message":"invalid value `forever` for `--timeout`: expected 1 to 600 (seconds)","causes":[],"hints":[],"request_id":null}
    "#);
}

#[test]
fn a_line_that_cannot_be_parsed_is_an_object() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("version --error-format=json --frobnicate"), @r#"
    $ roles-anywhere version --error-format=json --frobnicate
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    {"kind":"usage","exit_code":2,"message":"unexpected argument `--frobnicate`","causes":[],"hints":["the options of this command are `--output`, `--error-format`, `--help`"],"request_id":null}
    "#);
}

#[test]
fn a_format_is_text_or_json() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("version --error-format xml"), @r#"
    $ roles-anywhere version --error-format xml
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `xml` for `--error-format`: expected `text` or `json`
    "#);
}

#[test]
fn an_unusable_identity_is_an_object() {
    assert_snapshot!(json().fails("sign-string --private-key absent.key"), @r#"
    $ ROLES_ANYWHERE_ERROR_FORMAT=json roles-anywhere sign-string --private-key absent.key
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    {"kind":"identity","exit_code":3,"message":"cannot read `absent.key` (from --private-key)","causes":["No such file or directory (os error 2)"],"hints":["`absent.key` does not exist: check `--private-key`"],"request_id":null}
    "#);
}

#[test]
fn a_refusal_is_an_object_with_its_request_id() {
    let env = TestEnvironment::new()
        .identity("broken/no-key-usage")
        .filter(r#""request_id":"[-0-9a-f]{36}""#, r#""request_id":"UUID""#);
    assert_snapshot!(env.fails("credential-process --error-format json"), @r#"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/broken/no-key-usage.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/broken/no-key-usage.key.pem roles-anywhere credential-process --error-format json
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    {"kind":"refused","exit_code":4,"message":"AWS refused CreateSession: 403 AccessDeniedException","causes":["Untrusted certificate. Insufficient certificate (request id UUID)"],"hints":["the certificate has no keyUsage with digitalSignature: issue a new one without that problem"],"request_id":"UUID"}
    "#);
}

#[test]
fn an_unreachable_endpoint_is_an_object() {
    assert_snapshot!(json().fails("update --once"), @r#"
    $ ROLES_ANYWHERE_ERROR_FORMAT=json roles-anywhere update --once
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    {"kind":"unreachable","exit_code":5,"message":"cannot connect to 127.0.0.1:PORT, tried 3 times","causes":["Connection refused (os error 111)"],"hints":["check the network, the firewall and `HTTPS_PROXY`; `--debug` shows the endpoint and the proxy","check `AWS_ENDPOINT_URL`, which gives the endpoint `https://127.0.0.1:PORT`"],"request_id":null}
    "#);
}

#[test]
fn an_unusable_directory_is_an_object() {
    let env = json().file("file", "");
    let path = env.path("file");
    let args = ["cache", "clear", "--cache-dir", path.to_str().unwrap()];
    assert_snapshot!(env.fails_args(&args), @r#"
    $ ROLES_ANYWHERE_ERROR_FORMAT=json roles-anywhere cache clear --cache-dir DIR/file
    exit code: 6
    ----- stdout -----
    ----- stderr -----
    {"kind":"local","exit_code":6,"message":"cannot clear the cache `DIR/file` (from --cache-dir)","causes":["it is a symbolic link or not a directory"],"hints":["the cache directory must belong to this user and have mode 0700: run `chmod 700 DIR`, or pass another directory with `--cache-dir`"],"request_id":null}
    "#);
}

#[test]
fn a_daemon_writes_its_log_format() {
    let env = json().key("absent.key");
    let daemon = env.fails("update --fail-fast");
    assert!(!daemon.stderr.contains("{\"kind\""), "{daemon}");
    let once = env.fails("update --once --log-format json --error-format json");
    assert!(once.stderr.starts_with("{\"kind\":\"identity\""), "{once}");
}

#[test]
fn the_object_is_the_last_line_behind_those_of_debug() {
    let output = json().run("update --once --debug");
    let (debug, object) = output.stderr.trim_end().rsplit_once('\n').unwrap();
    assert!(debug.starts_with("debug: ") && !debug.contains("\n{\"kind\""), "{output}");
    let object: serde_json::Value = serde_json::from_str(object).unwrap();
    assert_eq!((&object["kind"], &object["exit_code"]), (&"unreachable".into(), &5.into()));
}
