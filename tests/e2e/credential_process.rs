//! `credential-process` as SDKs run it.

use std::os::unix::fs::symlink;
use std::process::Stdio;

use roles_anywhere_client::system::SystemClock;
use roles_anywhere_client::time::{Clock as _, Timestamp};
use roles_anywhere_emulator as aws;
use serde_json::{Value, json};

use crate::environment::{TestEnvironment, committed, form};

#[track_caller]
fn vends_with(name: &str) {
    let env = TestEnvironment::new().identity(&format!("leaf/{name}"));
    let document = env.vend("");
    let members: Vec<&String> = document.as_object().unwrap().keys().collect();
    let expected =
        ["AccessKeyId", "AccountId", "Expiration", "SecretAccessKey", "SessionToken", "Version"];
    assert_eq!(members, expected);
    assert_eq!(document["Version"], 1);
    assert_eq!(document["AccountId"], "123456789012");
    let session = &env.emulator().requests().pop().unwrap()["session"];
    assert_eq!(session["source_identity"], format!("CN={name}"));
    assert_eq!(session["access_key_id"], document["AccessKeyId"]);
}

#[test]
fn vends_with_rsa_2048() {
    vends_with("rsa2048");
}

#[test]
fn vends_with_rsa_3072() {
    vends_with("rsa3072");
}

#[test]
fn vends_with_rsa_4096() {
    vends_with("rsa4096");
}

#[test]
fn vends_with_p256() {
    vends_with("p256");
}

#[test]
fn vends_with_p384() {
    vends_with("p384");
}

#[test]
fn vends_with_p521() {
    vends_with("p521");
}

#[test]
fn vends_with_ml_dsa_44() {
    vends_with("mldsa44");
}

#[test]
fn vends_with_ml_dsa_65() {
    vends_with("mldsa65");
}

#[test]
fn vends_with_ml_dsa_87() {
    vends_with("mldsa87");
}

#[test]
fn reads_pkcs1() {
    TestEnvironment::new().identity("leaf/rsa2048").key("leaf/rsa2048.pkcs1.pem").vend("");
}

#[test]
fn reads_sec1() {
    TestEnvironment::new().identity("leaf/p256").key("leaf/p256.sec1.pem").vend("");
}

#[test]
fn logs_that_a_key_opened_without_its_password() {
    let env = TestEnvironment::new().identity("leaf/p256");
    let outcome = env.run("credential-process --key-password-file ./password --debug");
    let words = "the password was not needed to open the private key: --key-password-file";
    assert_eq!(outcome.code, 0, "{outcome}");
    assert_eq!(outcome.stderr.matches(words).count(), 1, "{outcome}");
}

#[test]
fn ignores_a_password_that_no_key_needs() {
    TestEnvironment::new().identity("leaf/p256").vend("--key-password-file ./password");
}

#[test]
fn does_not_log_that_an_encrypted_key_opened_without_its_password() {
    // The emulator does not trust this identity, which is opened first.
    let env = TestEnvironment::new()
        .certificate(committed("leaf/p256.pem"))
        .key(form("scrypt.key.pem"))
        .var("PASSWORD", "hunter2");
    let outcome = env.run("credential-process --key-password-env PASSWORD --debug");
    assert!(outcome.stderr.contains(" ms: certificate: "), "{outcome}");
    assert!(!outcome.stderr.contains("without the password"), "{outcome}");
}

#[test]
fn reads_leaf_and_chain_from_one_file() {
    TestEnvironment::new()
        .identity("leaf/p256")
        .without("ROLES_ANYWHERE_INTERMEDIATES")
        .certificate("leaf/p256.chain.pem")
        .vend("");
}

#[test]
fn reads_leaf_and_chain_in_any_order() {
    let env = TestEnvironment::new().identity("leaf/p256").without("ROLES_ANYWHERE_INTERMEDIATES");
    let parts = ["anchor/root.pem", "leaf/rsa2048.pem", "anchor/intermediate.pem", "leaf/p256.pem"];
    let shuffled = parts.map(|name| env.read(name)).join("some text\r\n");
    let env = env.file("shuffled.pem", shuffled).certificate("shuffled.pem");
    env.vend("");
    let chain = sent(env.emulator(), "x-amz-x509-chain").unwrap();
    assert!(!chain.contains(','), "the root and the stranger were sent: {chain}");
}

#[test]
fn never_sends_an_empty_chain() {
    let env = TestEnvironment::new().without("ROLES_ANYWHERE_INTERMEDIATES");
    env.vend(&format!("--trust-anchor-arn {}", aws::INTERMEDIATE_ANCHOR_ARN));
    assert_eq!(sent(env.emulator(), "x-amz-x509-chain"), None);
}

#[test]
fn sends_what_is_asked_for() {
    let env = TestEnvironment::new();
    env.vend("--role-session-name me@plant --session-duration 1800");
    let request = env.emulator().requests().pop().unwrap();
    let body: Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
    let expected = json!({
        "durationSeconds": 1800,
        "profileArn": aws::PROFILE_ARN,
        "roleArn": aws::ROLE_ARN,
        "roleSessionName": "me@plant",
        "trustAnchorArn": aws::TRUST_ANCHOR_ARN,
    });
    assert_eq!(body, expected);
    assert_eq!(request["session"]["role_session_name"], "me@plant");
    assert_eq!(request["path"], "/sessions");
    let version = env!("CARGO_PKG_VERSION");
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    assert_eq!(request["user_agent"], format!("roles-anywhere/{version} ({os}; {arch})"));
}

/// Returns the body of the request for a session with these options.
fn body(options: &str) -> String {
    let env = TestEnvironment::new();
    env.vend(options);
    env.emulator().requests().pop().unwrap()["body"].as_str().unwrap().to_owned()
}

#[test]
fn asks_for_an_hour() {
    assert!(body("").contains(r#""durationSeconds":3600"#));
}

#[test]
fn leaves_the_duration_to_the_profile() {
    assert!(!body("--session-duration profile").contains("durationSeconds"));
}

/// Returns an environment whose program has the name of AWS's helper.
fn official() -> TestEnvironment {
    let env = TestEnvironment::new();
    let link = env.path("aws_signing_helper");
    symlink(env!("CARGO_BIN_EXE_roles-anywhere"), &link).unwrap();
    env.map(|program| program.called(&link))
}

#[test]
fn vends_under_the_official_name() {
    official().vend("--debug=false");
}

#[test]
fn exits_by_its_own_codes_under_the_official_name() {
    assert_eq!(official().run("credential-process --role-arn x").code, 2);
}

#[test]
fn fails_if_standard_output_is_full() {
    let env = TestEnvironment::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let outcome = env.program().run_into(&["credential-process"], Stdio::from(full));
    assert_eq!(outcome.code, 6);
    assert!(outcome.stderr.starts_with("error: cannot write to standard output"));
    assert!(!outcome.stderr.contains("ASIA"), "{}", outcome.stderr);
}

#[test]
fn shows_everything_but_secrets_under_debug() {
    let env = TestEnvironment::new();
    let outcome = env.run("credential-process --debug");
    assert_eq!(outcome.code, 0);
    let document = outcome.json();
    for member in ["SecretAccessKey", "SessionToken"] {
        let secret = document[member].as_str().unwrap();
        assert!(!outcome.stderr.contains(&secret[..20]), "{member} is shown");
    }
    let key = env.read("leaf/p256.key.pem");
    assert!(!outcome.stderr.contains(key.lines().nth(1).unwrap()));
    let shown = [
        "canonical request:\nPOST\n/sessions\n\ncontent-type:application/json\nhost:127.0.0.1:",
        "string to sign:\nAWS4-X509-ECDSA-SHA256\n",
        "endpoint: https://127.0.0.1:",
        "proxy: none",
        "attempt 1: POST https://127.0.0.1:",
        "intermediate sent: ",
    ];
    for text in shown {
        assert!(outcome.stderr.contains(text), "{text}\n---\n{}", outcome.stderr);
    }
}

#[track_caller]
fn tries_again(fault: Value) {
    let env = TestEnvironment::new().fault(fault);
    env.vend("");
    assert_eq!(env.emulator().requests().len(), 3);
}

#[test]
fn tries_again_when_aws_is_unavailable() {
    tries_again(json!({"status": 503, "times": 2}));
}

#[test]
fn tries_again_when_throttled_by_status() {
    tries_again(json!({"status": 429, "times": 2}));
}

#[test]
fn tries_again_when_throttled_by_code() {
    tries_again(json!({"status": 400, "code": "ThrottlingException", "times": 2}));
}

#[test]
fn tries_again_when_the_connection_is_cut() {
    tries_again(json!({"cut": true, "times": 2}));
}

#[test]
fn signs_each_attempt_again() {
    let fault = json!({"status": 503, "headers": {"retry-after": "1"}});
    let env = TestEnvironment::new().fault(fault);
    env.vend("");
    let dates: Vec<String> = env
        .emulator()
        .requests()
        .iter()
        .map(|request| request["headers"]["x-amz-date"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(dates.len(), 2);
    assert_ne!(dates[0], dates[1]);
}

#[track_caller]
fn signs_again_by_awss_clock(ahead: i64) {
    let env = TestEnvironment::new();
    env.emulator().advance(ahead);
    let outcome = env.run("credential-process --debug");
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.stderr.contains("signing again with AWS's time"), "{outcome}");
    assert_eq!(env.emulator().requests().len(), 2);
}

#[test]
fn signs_again_if_its_clock_is_half_an_hour_behind() {
    signs_again_by_awss_clock(31 * 60);
}

#[test]
fn signs_again_if_its_clock_is_half_an_hour_ahead() {
    signs_again_by_awss_clock(-31 * 60);
}

#[test]
fn signs_again_if_its_clock_is_hours_behind() {
    signs_again_by_awss_clock(9 * 3_600);
}

/// Returns the exit code if AWS refuses the first signature, and its clock is ahead by so many seconds.
fn refused_once(ahead: i64) -> i32 {
    let env = TestEnvironment::new().fault(
        json!({"status": 403, "code": "AccessDeniedException", "message": "Invalid signature"}),
    );
    env.emulator().advance(ahead);
    env.run("credential-process").code
}

#[test]
fn a_clock_that_is_almost_four_minutes_behind_is_no_reason() {
    assert_eq!(refused_once(230), 4);
}

#[test]
fn a_clock_that_is_almost_four_minutes_ahead_is_no_reason() {
    assert_eq!(refused_once(-230), 4);
}

#[test]
fn a_clock_that_is_over_four_minutes_behind_is_the_reason() {
    assert_eq!(refused_once(250), 0);
}

#[test]
fn a_clock_that_is_over_four_minutes_ahead_is_the_reason() {
    assert_eq!(refused_once(-250), 0);
}

#[test]
fn does_not_wait_beyond_its_deadline() {
    let fault = json!({"status": 503, "headers": {"retry-after": "100"}});
    let env = TestEnvironment::new().fault(fault);
    assert_eq!(env.run("credential-process").code, 5);
    assert_eq!(env.emulator().requests().len(), 1);
}

/// Checks that nothing was signed; AWS may have been asked for the time.
#[track_caller]
fn nothing_was_signed(env: &TestEnvironment) {
    let requests = env.emulator().requests();
    let is_unsigned = |request: &Value| request["operation"] != "CreateSession";
    assert!(requests.iter().all(is_unsigned), "{requests:?}");
}

#[test]
fn signs_nothing_with_an_expired_certificate() {
    let env = TestEnvironment::new().identity("broken/expired");
    assert_eq!(env.run("credential-process").code, 3);
    nothing_was_signed(&env);
}

#[test]
fn signs_nothing_with_a_certificate_that_is_not_yet_valid() {
    let env = TestEnvironment::new().identity("broken/not-yet-valid");
    assert_eq!(env.run("credential-process").code, 3);
    nothing_was_signed(&env);
}

#[test]
fn signs_nothing_for_a_duration_out_of_range() {
    let env = TestEnvironment::new();
    assert_eq!(env.run("credential-process --session-duration 1").code, 2);
    nothing_was_signed(&env);
}

/// Vends with a certificate that is valid at a time of AWS only.
#[track_caller]
fn vends_at(name: &str, there: &str) {
    let here = SystemClock::start().now();
    let env = TestEnvironment::new().identity(name);
    env.emulator().advance(here.seconds_until(Timestamp::from_rfc3339(there).unwrap()));
    env.vend("");
    let requests = env.emulator().requests();
    let operations: Vec<&Value> = requests.iter().map(|request| &request["operation"]).collect();
    assert_eq!(operations.len(), 2, "{operations:?}");
    assert_eq!(operations[1], "CreateSession");
}

#[test]
fn asks_for_the_time_before_it_calls_a_certificate_expired() {
    vends_at("broken/expired", "2026-01-01T12:00:00Z");
}

#[test]
fn asks_for_the_time_before_it_calls_a_certificate_not_yet_valid() {
    vends_at("broken/not-yet-valid", "2045-12-15T12:00:00Z");
}

#[test]
fn a_date_of_aws_makes_no_signature_beyond_the_certificates_validity() {
    let env = TestEnvironment::new();
    env.emulator().advance(25 * 366 * 86_400);
    let outcome = env.run("credential-process");
    assert_eq!((outcome.code, outcome.stdout.len()), (3, 0), "{outcome}");
    assert!(outcome.stderr.contains("the time above is from AWS's response"), "{outcome}");
    assert_eq!(env.emulator().requests().len(), 1);
}

/// Returns a header of the last request.
fn sent(emulator: &aws::Emulator, name: &str) -> Option<String> {
    let request = emulator.requests().pop().unwrap();
    request["headers"][name].as_str().map(str::to_owned)
}
