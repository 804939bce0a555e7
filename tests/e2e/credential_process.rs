//! `credential-process` as SDKs run it.

use std::process::Stdio;

use crate::environment::{Program, emulator};
use roles_anywhere::os::clock::SystemClock;
use roles_anywhere_client::time::{Clock as _, Timestamp};
use roles_anywhere_emulator as aws;
use serde_json::{Value, json};

#[test]
fn vends_with_every_kind_of_key() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let kinds = ["rsa2048", "rsa3072", "rsa4096", "p256", "p384", "p521"];
    for name in kinds.into_iter().chain(["mldsa44", "mldsa65", "mldsa87"]) {
        let document = tool.clone().identity(&format!("leaf/{name}")).vend(&[]);
        let members: Vec<&String> = document.as_object().unwrap().keys().collect();
        let wanted = [
            "AccessKeyId",
            "AccountId",
            "Expiration",
            "SecretAccessKey",
            "SessionToken",
            "Version",
        ];
        assert_eq!(members, wanted, "{name}");
        assert_eq!(document["Version"], 1);
        assert_eq!(document["AccountId"], "123456789012");
        let session = &emulator.requests().pop().unwrap()["session"];
        assert_eq!(session["source_identity"], format!("CN={name}"));
        assert_eq!(session["access_key_id"], document["AccessKeyId"]);
    }
}

#[test]
fn reads_pkcs1_and_sec1() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    tool.clone().identity("leaf/rsa2048").key("leaf/rsa2048.pkcs1.pem").vend(&[]);
    tool.identity("leaf/p256").key("leaf/p256.sec1.pem").vend(&[]);
}

#[test]
fn tells_under_debug_of_a_password_that_no_key_needs() {
    let emulator = emulator();
    let tool = Program::new(&emulator).identity("leaf/p256");
    let words = "the key opened without the password that was given: --key-password-file";
    let password = ["credential-process", "--key-password-file", "./password"];
    let outcome = tool.run(&[&password[..], &["--debug"]].concat());
    assert_eq!(outcome.code, 0, "{outcome}");
    assert_eq!(outcome.stderr.matches(words).count(), 1, "{outcome}");
    let outcome = tool.run(&password);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
    // The emulator does not trust this one, which is opened first.
    let certs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("certs");
    let tool = tool.certificate(certs.join("leaf/p256.pem")).set("PASSWORD", "hunter2");
    let tool = tool.key(certs.join("forms/scrypt.key.pem"));
    let outcome = tool.run(&["credential-process", "--key-password-env", "PASSWORD", "--debug"]);
    assert!(outcome.stderr.contains(" ms: certificate: "), "{outcome}");
    assert!(!outcome.stderr.contains("without the password"), "{outcome}");
}

#[test]
fn takes_leaf_and_chain_from_one_file_in_any_order() {
    let emulator = emulator();
    let tool = Program::new(&emulator).identity("leaf/p256").unset("ROLES_ANYWHERE_INTERMEDIATES");
    tool.clone().certificate("leaf/p256.chain.pem").vend(&[]);

    let read = |name: &str| std::fs::read_to_string(emulator.directory().join(name)).unwrap();
    let parts = ["anchor/root.pem", "leaf/rsa2048.pem", "anchor/intermediate.pem", "leaf/p256.pem"];
    let shuffled = parts.map(read).join("some text\r\n");
    let path = emulator.directory().join("shuffled.pem");
    std::fs::write(&path, shuffled).unwrap();
    tool.certificate(&path).vend(&[]);

    let chain = sent(&emulator, "x-amz-x509-chain").unwrap();
    assert!(!chain.contains(','), "the root and the stranger were sent: {chain}");
}

#[test]
fn never_sends_an_empty_chain() {
    let emulator = emulator();
    Program::new(&emulator)
        .unset("ROLES_ANYWHERE_INTERMEDIATES")
        .vend(&["--trust-anchor-arn", aws::INTERMEDIATE_ANCHOR_ARN]);
    assert_eq!(sent(&emulator, "x-amz-x509-chain"), None);
}

#[test]
fn sends_what_is_asked_for() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    tool.vend(&["--role-session-name", "me@plant", "--session-duration", "1800"]);
    let request = emulator.requests().pop().unwrap();
    let body: Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
    let wanted = json!({
        "durationSeconds": 1800,
        "profileArn": aws::PROFILE_ARN,
        "roleArn": aws::ROLE_ARN,
        "roleSessionName": "me@plant",
        "trustAnchorArn": aws::TRUST_ANCHOR_ARN,
    });
    assert_eq!(body, wanted);
    assert_eq!(request["session"]["role_session_name"], "me@plant");
    assert_eq!(request["path"], "/sessions");
    let version = env!("CARGO_PKG_VERSION");
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    assert_eq!(request["user_agent"], format!("roles-anywhere/{version} ({os}; {arch})"));
}

#[test]
fn asks_for_an_hour_or_leaves_it_to_the_profile() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let body = |arguments: &[&str]| {
        tool.vend(arguments);
        emulator.requests().pop().unwrap()["body"].as_str().unwrap().to_owned()
    };
    assert!(body(&[]).contains(r#""durationSeconds":3600"#));
    assert!(!body(&["--session-duration", "profile"]).contains("durationSeconds"));
}

#[test]
fn is_the_same_program_under_the_official_name() {
    let emulator = emulator();
    let link = emulator.directory().join("aws_signing_helper");
    let tool = Program::new(&emulator);
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_roles-anywhere"), &link).unwrap();
    let helper = tool.called(&link);
    helper.vend(&["--debug=false"]);
    assert_eq!(helper.run(&["credential-process", "--role-arn", "x"]).code, 2);
}

#[test]
fn fails_where_standard_output_is_full() {
    let emulator = emulator();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let outcome = Program::new(&emulator).run_into(&["credential-process"], Stdio::from(full));
    assert_eq!(outcome.code, 6);
    assert!(outcome.stderr.starts_with("error: could not write to standard output"));
    assert!(!outcome.stderr.contains("ASIA"), "{}", outcome.stderr);
}

#[test]
fn shows_everything_but_secrets_under_debug() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let outcome = tool.run(&["credential-process", "--debug"]);
    assert_eq!(outcome.code, 0);
    let document = outcome.json();
    for member in ["SecretAccessKey", "SessionToken"] {
        let secret = document[member].as_str().unwrap();
        assert!(!outcome.stderr.contains(&secret[..20]), "{member} is shown");
    }
    let key = std::fs::read_to_string(emulator.directory().join("leaf/p256.key.pem")).unwrap();
    assert!(!outcome.stderr.contains(key.lines().nth(1).unwrap()));
    let shown = [
        "canonical request:\nPOST\n/sessions\n\ncontent-type:application/json\nhost:127.0.0.1:",
        "string to sign:\nAWS4-X509-ECDSA-SHA256\n",
        "endpoint: https://127.0.0.1:",
        "proxy: none",
        "attempt 1: POST https://127.0.0.1:",
        "sent with it: ",
    ];
    for text in shown {
        assert!(outcome.stderr.contains(text), "{text}\n---\n{}", outcome.stderr);
    }
}

#[test]
fn tries_again_what_may_go_better() {
    let faults = [
        json!({"status": 503, "times": 2}),
        json!({"status": 429, "times": 2}),
        json!({"status": 400, "code": "ThrottlingException", "times": 2}),
        json!({"cut": true, "times": 2}),
    ];
    for fault in faults {
        let emulator = emulator();
        emulator.fault(fault.clone());
        Program::new(&emulator).vend(&[]);
        assert_eq!(emulator.requests().len(), 3, "{fault}");
    }
}

#[test]
fn signs_each_try_afresh() {
    let emulator = emulator();
    emulator.fault(json!({"status": 503, "headers": {"retry-after": "1"}}));
    Program::new(&emulator).vend(&[]);
    let dates: Vec<String> = emulator
        .requests()
        .iter()
        .map(|request| request["headers"]["x-amz-date"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(dates.len(), 2);
    assert_ne!(dates[0], dates[1]);
}

#[test]
fn signs_again_by_awss_clock_where_its_own_is_wrong() {
    for seconds in [31 * 60, -31 * 60, 9 * 3_600] {
        let emulator = emulator();
        emulator.advance(seconds);
        let outcome = Program::new(&emulator).run(&["credential-process", "--debug"]);
        assert_eq!(outcome.code, 0, "{outcome}");
        assert!(outcome.stderr.contains("signing again by AWS's"), "{outcome}");
        assert_eq!(emulator.requests().len(), 2, "{seconds}");
    }
}

#[test]
fn puts_a_refused_signature_down_to_the_clock_from_four_minutes_on() {
    for (seconds, code) in [(230, 4), (-230, 4), (250, 0), (-250, 0)] {
        let emulator = emulator();
        emulator.advance(seconds);
        let refusal =
            json!({"status": 403, "code": "AccessDeniedException", "message": "Invalid signature"});
        emulator.fault(refusal);
        let outcome = Program::new(&emulator).run(&["credential-process"]);
        assert_eq!(outcome.code, code, "{seconds}: {outcome}");
    }
}

#[test]
fn does_not_wait_beyond_its_deadline() {
    let emulator = emulator();
    emulator.fault(json!({"status": 503, "headers": {"retry-after": "100"}}));
    let outcome = Program::new(&emulator).run(&["credential-process"]);
    assert_eq!(outcome.code, 5);
    assert_eq!(emulator.requests().len(), 1);
}

#[test]
fn refuses_before_it_calls_where_it_can() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    for name in ["broken/expired", "broken/not-yet-valid"] {
        assert_eq!(tool.clone().identity(name).run(&["credential-process"]).code, 3);
    }
    assert_eq!(tool.run(&["credential-process", "--session-duration", "1"]).code, 2);
    // AWS was asked for the time, and nothing was signed.
    let is_unsigned = |request: &Value| request["operation"] != "CreateSession";
    assert!(emulator.requests().iter().all(is_unsigned), "{:?}", emulator.requests());
}

#[test]
fn asks_for_the_time_before_it_refuses_a_certificate_as_out_of_date() {
    let here = SystemClock::start().now();
    // Times of AWS at which the certificates are valid.
    let rows = [
        ("broken/expired", "2026-01-01T12:00:00Z"),
        ("broken/not-yet-valid", "2045-12-15T12:00:00Z"),
    ];
    for (name, there) in rows {
        let emulator = emulator();
        emulator.advance(here.seconds_until(Timestamp::from_rfc3339(there).unwrap()));
        Program::new(&emulator).identity(name).vend(&[]);
        let operations: Vec<Value> =
            emulator.requests().iter().map(|request| request["operation"].clone()).collect();
        assert_eq!(operations.len(), 2, "{operations:?}");
        assert_eq!(operations[1], "CreateSession");
    }
}

#[test]
fn a_date_from_outside_makes_no_signature_beyond_the_certificates_validity() {
    let emulator = emulator();
    emulator.advance(25 * 366 * 86_400);
    let outcome = Program::new(&emulator).run(&["credential-process"]);
    assert_eq!((outcome.code, outcome.stdout.len()), (3, 0), "{outcome}");
    assert!(outcome.stderr.contains("the `Date` of AWS's answer"), "{outcome}");
    assert_eq!(emulator.requests().len(), 1);
}

/// Returns a header of the last request.
fn sent(emulator: &aws::Emulator, name: &str) -> Option<String> {
    let request = emulator.requests().pop().unwrap();
    request["headers"][name].as_str().map(str::to_owned)
}
