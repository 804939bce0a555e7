//! Every refusal of the tool and every error text, as snapshots: exit code, stdout, stderr.

use std::path::{Path, PathBuf};

use roles_anywhere_emulator as aws;
use serde_json::json;

use crate::environment::{CommandOutput, Program, emulator, steady};

/// Compares an outcome with its snapshot, and with what holds for every failure.
fn snapshot(name: &str, outcome: &CommandOutput) {
    assert_eq!(outcome.stdout, b"", "{name}: a failure prints nothing on stdout");
    assert_ne!(outcome.code, 0, "{name}");
    assert!(outcome.stderr.len() < 4_096, "{name}");
    steady(|| insta::assert_snapshot!(name, outcome.plain()));
}

fn process(tool: &Program, arguments: &[&str]) -> CommandOutput {
    tool.run(&[&["credential-process"], arguments].concat())
}

fn write(emulator: &aws::Emulator, name: &str, contents: impl AsRef<[u8]>) {
    std::fs::write(emulator.directory().join(name), contents).unwrap();
}

fn read(emulator: &aws::Emulator, name: &str) -> String {
    std::fs::read_to_string(emulator.directory().join(name)).unwrap()
}

#[test]
fn usage() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let profile_elsewhere = aws::PROFILE_ARN.replace("us-east-1", "eu-west-1");
    let role_in_china = aws::ROLE_ARN.replace("arn:aws:", "arn:aws-cn:");
    let rows: [(&str, &[&str]); 20] = [
        ("usage_swapped_arns", &["--role-arn", aws::PROFILE_ARN]),
        ("usage_malformed_arn", &["--trust-anchor-arn", "trust-anchor/1"]),
        ("usage_unknown_partition", &["--role-arn", "arn:azure:iam::123456789012:role/R"]),
        ("usage_account", &["--role-arn", "arn:aws:iam::1234:role/R"]),
        ("usage_regions_differ", &["--profile-arn", &profile_elsewhere]),
        ("usage_partitions_differ", &["--role-arn", &role_in_china]),
        ("usage_region_of_another_anchor", &["--region", "eu-west-1"]),
        ("usage_region_malformed", &["--region", "Frankfurt"]),
        ("usage_plain_http", &["--endpoint", "http://aws.example"]),
        ("usage_endpoint_with_path", &["--endpoint", "https://aws.example/base"]),
        ("usage_endpoint_and_fips", &["--endpoint", "https://aws.example", "--fips"]),
        ("usage_duration", &["--session-duration", "60"]),
        ("usage_session_name", &["--role-session-name", "no spaces"]),
        ("usage_timeout", &["--timeout", "forever"]),
        ("usage_boolean", &["--debug=maybe"]),
        ("usage_proxy_scheme", &["--proxy", "socks4://me:hunter2@proxy:1080"]),
        ("usage_with_and_without_proxy", &["--with-proxy", "--proxy", "none"]),
        ("usage_flag_swallowed", &["--certificate", "--private-key"]),
        ("usage_unexpanded", &["--cache-dir=~/sessions"]),
        ("usage_not_yet_selector", &["--cert-selector", "Key=x509Subject,Value=CN=a"]),
    ];
    for (name, arguments) in rows {
        snapshot(name, &process(&tool, arguments));
    }
    let pkcs11 = ["--certificate", "pkcs11:token=t;pin-value=hunter2"];
    snapshot("usage_not_yet_pkcs11", &process(&tool, &pkcs11));
    snapshot("usage_not_yet_tpm", &process(&tool, &["--private-key", "handle:0x81000001"]));
    snapshot("usage_missing", &process(&tool.clone().unset("ROLES_ANYWHERE_ROLE_ARN"), &[]));
    snapshot("usage_variable", &process(&tool.clone().set("ROLES_ANYWHERE_FIPS", "yes"), &[]));
    let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:n-AbCdEf";
    snapshot("usage_secret_region", &tool.run(&["secret", "get", arn, "--region", "us-east-1"]));
    let both = ["secret", "get", "n", "--key", "k", "--output", "json"];
    snapshot("usage_key_of_a_document", &tool.run(&both));
}

#[test]
fn certificate_files() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    write(&emulator, "empty.pem", "");
    write(&emulator, "text.pem", "hello\n");
    write(&emulator, "utf16.pem", b"\xff\xfe-\0-\0");
    write(&emulator, "cut.pem", &read(&emulator, "leaf/p256.pem")[..200]);
    write(&emulator, "damaged.pem", read(&emulator, "leaf/p256.pem").replacen("MII", "AII", 1));
    write(&emulator, "leaf.p12", b"\x30\x82\x01\x00\x02\x01\x03\x30\x82");
    write(
        &emulator,
        "chain.p7b",
        b"\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0",
    );
    write(&emulator, "zeros.pem", vec![0; 10 << 20]);
    let rows = [
        ("certificate_missing", "absent.pem"),
        ("certificate_directory", "leaf"),
        ("certificate_empty", "empty.pem"),
        ("certificate_text", "text.pem"),
        ("certificate_utf16", "utf16.pem"),
        ("certificate_cut", "cut.pem"),
        ("certificate_damaged", "damaged.pem"),
        ("certificate_pkcs12", "leaf.p12"),
        ("certificate_pkcs7", "chain.p7b"),
        ("certificate_zeros", "zeros.pem"),
        ("certificate_is_a_key", "leaf/p256.key.pem"),
    ];
    for (name, file) in rows {
        snapshot(name, &process(&tool.clone().certificate(file), &[]));
    }
    snapshot("certificate_expired", &process(&tool.clone().identity("broken/expired"), &[]));
    snapshot("certificate_not_yet", &process(&tool.clone().identity("broken/not-yet-valid"), &[]));
}

#[test]
fn a_file_without_permission() {
    use std::os::unix::fs::PermissionsExt;
    let emulator = emulator();
    let (tool, folder) = Program::new(&emulator).reachable();
    let path = folder.path().join("closed.pem");
    std::fs::write(&path, read(&emulator, "leaf/p256.pem")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    let tool = tool.for_nobody().certificate(&path);
    snapshot("certificate_unreadable", &process(&tool, &[]));
}

/// Takes as long as a pipe is waited for.
#[test]
fn a_pipe_that_nobody_writes_to() {
    let emulator = emulator();
    let pipe = emulator.directory().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let tool = Program::new(&emulator).certificate("pipe");
    snapshot("certificate_pipe", &process(&tool, &[]));
}

#[test]
fn key_files() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let key = read(&emulator, "leaf/p256.key.pem");
    write(&emulator, "two.pem", format!("{key}{key}"));
    write(&emulator, "label.pem", key.replace("PRIVATE KEY", "OPENSSH PRIVATE KEY"));
    write(
        &emulator,
        "damaged.pem",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    );
    // Ed25519, RFC 8410, 10.3.
    write(
        &emulator,
        "ed25519.pem",
        "-----BEGIN PRIVATE KEY-----\n\
         MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
         -----END PRIVATE KEY-----\n",
    );
    write(&emulator, "rsa1024.pem", RSA_1024);
    let rows = [
        ("key_missing", "absent.pem"),
        ("key_two", "two.pem"),
        ("key_openssh", "label.pem"),
        ("key_damaged", "damaged.pem"),
        ("key_ed25519", "ed25519.pem"),
        ("key_rsa_1024", "rsa1024.pem"),
        ("key_is_a_certificate", "leaf/p256.pem"),
        ("key_mismatched", "leaf/p384.key.pem"),
    ];
    for (name, file) in rows {
        snapshot(name, &process(&tool.clone().key(file), &[]));
    }
    let rows = [
        ("key_no_password", "scrypt.key.pem"),
        ("key_no_password_pkcs12", "modern.p12"),
        ("key_encrypted_legacy", "legacy.key.pem"),
        ("key_encrypted_pbes1", "pbes1-md5-des.key.pem"),
        ("key_costly_pbkdf2", "costly-pbkdf2.key.pem"),
        ("key_costly_scrypt", "costly-scrypt.key.pem"),
        ("key_costly_pkcs12", "costly.p12"),
        ("key_explicit_curve", "explicit.sec1.pem"),
    ];
    for (name, file) in rows {
        snapshot(name, &process(&tool.clone().detached().key(form(file)), &[]));
    }
    let wrong = tool.clone().set("PASSWORD", "wrong");
    for (name, file) in
        [("key_wrong_password", "scrypt.key.pem"), ("key_wrong_pkcs12", "modern.p12")]
    {
        let tool = wrong.clone().key(form(file));
        snapshot(name, &process(&tool, &["--key-password-env", "PASSWORD"]));
    }
    let absent = ["--key-password-file", "/nonexistent/password"];
    snapshot("key_password_absent", &process(&tool.clone().key(form("scrypt.key.pem")), &absent));
    let readable = tool.clone().key("two.pem");
    snapshot("key_readable", &process(&readable, &["--strict-permissions"]));
    let chain = tool.clone().certificate("leaf/p256.chain.pem").key("leaf/p384.key.pem");
    snapshot("key_mismatched_among_several", &process(&chain, &[]));
}

/// What a decoder says of these would quote the key.
#[test]
fn damaged_key_files_are_never_quoted() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let key = read(&emulator, "leaf/p256.key.pem");
    let line = key.lines().nth(1).unwrap().to_owned();
    write(&emulator, "four-dashes.pem", key.replacen("KEY-----", "KEY----", 1));
    write(&emulator, "one-line.pem", key.replacen("KEY-----", "KEY----", 1).replace('\n', ""));
    write(&emulator, "letter.pem", key.replacen(&line, &format!("{line}*"), 1));
    write(&emulator, "cut.pem", key.replacen(&line, &line[1..], 1));
    write(&emulator, "labels.pem", key.replace("END PRIVATE", "END RSA PRIVATE"));
    write(&emulator, "no-label.pem", key.replace("PRIVATE KEY", &line[..30]));
    write(&emulator, "certificate.pem", key.replace("PRIVATE KEY", "CERTIFICATE"));
    let leaf = read(&emulator, "leaf/p256.pem").replace("CERTIFICATE", "PRIVATE KEY");
    write(&emulator, "leaf.pem", leaf);
    write(&emulator, "store.jks", b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\0\x01");
    for name in ["four-dashes", "one-line", "letter", "cut", "labels", "no-label"] {
        let outcome = process(&tool.clone().key(format!("{name}.pem")), &["--debug"]);
        let quoted = line
            .as_bytes()
            .windows(14)
            .any(|part| outcome.stderr.as_bytes().windows(14).any(|window| window == part));
        assert!(!quoted, "{outcome}");
        snapshot(
            &format!("key_damaged_{}", name.replace('-', "_")),
            &process(&tool.clone().key(format!("{name}.pem")), &[]),
        );
    }
    snapshot("key_labelled_certificate", &process(&tool.clone().key("leaf.pem"), &[]));
    let key = tool.clone().certificate("certificate.pem");
    snapshot("certificate_labelled_key", &process(&key, &[]));
    snapshot("key_java_keystore", &process(&tool.clone().key("store.jks"), &[]));
}

#[test]
fn hints_name_the_option_and_what_belongs_into_it() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let key = emulator.directory().join("leaf/p256.key.pem");
    let rows: [(&str, &[&str]); 6] = [
        ("hint_intermediates_are_a_key", &["--intermediates", key.to_str().unwrap()]),
        ("hint_variable_not_set", &["--private-key", "env:NOPE"]),
        ("hint_descriptor_not_open", &["--private-key", "fd:987"]),
        ("hint_tilde", &["--private-key", "~/host.key"]),
        ("hint_home", &["--certificate", "$HOME/pki/host.pem"]),
        ("hint_hidden_path", &["--certificate", "pki/host"]),
    ];
    for (name, arguments) in rows {
        snapshot(name, &process(&tool, arguments));
    }
    let locked = tool.clone().detached().key(form("scrypt.key.pem"));
    let rows: [(&str, &[&str]); 3] = [
        ("hint_password_file", &["--key-password-file", "/nonexistent/password"]),
        ("hint_password_variable", &["--key-password-env", "NOPE"]),
        ("hint_password_descriptor", &["--key-password-fd", "987"]),
    ];
    for (name, arguments) in rows {
        snapshot(name, &process(&locked, arguments));
    }
    let elsewhere = "arn:aws:iam::999999999999:role/R";
    snapshot("hint_other_account", &process(&tool, &["--role-arn", elsewhere]));
    emulator.fault(json!({"operation": "GetSecretValue", "status": 400, "code": "UnrecognizedClientException", "message": "The security token included in the request is invalid.", "times": 2}));
    let arguments = ["secret", "get", "n", "--region", "eu-west-1"];
    let endpoint = ["--secrets-endpoint", emulator.endpoint()];
    snapshot("hint_secret_region", &tool.run(&[&arguments[..], &endpoint].concat()));
    let plain = emulator.endpoint().replace("https://", "http://");
    snapshot("hint_plain_http_to_tls", &process(&tool, &["--endpoint", &plain]));
}

#[test]
fn refusals_about_the_certificate() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let alone = tool.clone().unset("ROLES_ANYWHERE_INTERMEDIATES");
    snapshot("refused_chain_incomplete", &process(&alone, &[]));
    let names =
        ["no-digital-signature", "no-key-usage", "server-auth-only", "ca", "other-ca", "revoked"];
    for name in names {
        let outcome = process(&tool.clone().identity(&format!("broken/{name}")), &[]);
        snapshot(&format!("refused_{}", name.replace('-', "_")), &outcome);
    }
    for name in ["sha1", "v1", "no-subject"] {
        // What OpenSSL has to make is there only where OpenSSL is.
        if Path::exists(&emulator.directory().join(format!("broken/{name}.pem"))) {
            let outcome = process(&tool.clone().identity(&format!("broken/{name}")), &[]);
            snapshot(&format!("refused_{}", name.replace('-', "_")), &outcome);
        }
    }
}

#[test]
fn refusals_about_the_configuration() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let other_anchor = aws::TRUST_ANCHOR_ARN.replace("1111", "2222");
    let other_profile = aws::PROFILE_ARN.replace("6666", "5555");
    let other_role = "arn:aws:iam::123456789012:role/Unlisted";
    let rows: [(&str, &[&str]); 6] = [
        ("refused_unknown_anchor", &["--trust-anchor-arn", &other_anchor]),
        ("refused_unknown_profile", &["--profile-arn", &other_profile]),
        ("refused_role_not_in_profile", &["--role-arn", other_role]),
        ("refused_no_trust", &["--role-arn", aws::NO_TRUST_ROLE_ARN]),
        (
            "refused_too_long",
            &["--role-arn", aws::SHORT_LIVED_ROLE_ARN, "--session-duration", "43200"],
        ),
        (
            "refused_session_name",
            &["--profile-arn", aws::SHORT_PROFILE_ARN, "--role-session-name", "me"],
        ),
    ];
    for (name, arguments) in rows {
        snapshot(name, &process(&tool, arguments));
    }
    emulator.enable_profile(aws::PROFILE_ARN, false);
    snapshot("refused_profile_disabled", &process(&tool, &[]));
    emulator.enable_profile(aws::PROFILE_ARN, true);
    emulator.enable_trust_anchor(aws::TRUST_ANCHOR_ARN, false);
    snapshot("refused_anchor_disabled", &process(&tool, &[]));
}

#[test]
fn refusals_about_the_signature() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    // Twice, for where the clocks differ it is signed again by AWS's.
    let refused = json!({"status": 403, "code": "AccessDeniedException", "message": "Invalid signature", "times": 2});
    emulator.fault(
        json!({"status": 403, "code": "AccessDeniedException", "message": "Invalid signature"}),
    );
    snapshot("refused_signature", &process(&tool, &[]));
    emulator.advance(31 * 60);
    emulator.fault(refused.clone());
    snapshot("refused_clock_behind", &process(&tool, &[]));
    emulator.advance(-2 * 31 * 60);
    emulator.fault(refused);
    snapshot("refused_clock_ahead", &process(&tool, &[]));
}

#[test]
fn refusals_that_only_words_tell() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let rows = [
        (
            "refused_validation",
            400,
            "ValidationException",
            "1 validation error detected: Value '43200' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 3600",
        ),
        ("refused_not_found", 404, "ResourceNotFoundException", "not found"),
        (
            "refused_tags",
            403,
            "AccessDeniedException",
            "Unable to assume role for arn:aws:iam::123456789012:role/Workload. Some attributes failed to be mapped into session tags. Issuer: [  ]; Subject: [  ]; SAN: [ DNS/2 ]",
        ),
        ("refused_unknown_words", 403, "AccessDeniedException", "Something new"),
        (
            "refused_control_characters",
            403,
            "AccessDeniedException",
            "a\u{1b}[2Jb\u{202e}c\u{200b}\u{2028}d",
        ),
    ];
    for (name, status, code, message) in rows {
        emulator.fault(json!({"status": status, "code": code, "message": message}));
        snapshot(name, &process(&tool, &[]));
    }
    for (name, fault) in [
        (
            "unreachable_throttled",
            json!({"status": 429, "code": "ThrottlingException", "message": "Rate exceeded", "times": 3}),
        ),
        (
            "unreachable_failing",
            json!({"status": 500, "code": "InternalServerException", "message": "oops", "times": 3}),
        ),
        ("unreachable_foreign_answer", json!({"status": 404, "body": "<html>not here</html>"})),
    ] {
        emulator.fault(fault);
        snapshot(name, &process(&tool, &[]));
    }
}

#[test]
fn answers_that_make_no_sense() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let rows = [
        ("answer_not_json", json!({"body": "<html>hello</html>", "status": 200})),
        ("answer_other_json", json!({"body": "{\"a\":1}", "status": 201})),
        ("answer_empty", json!({"body": "{\"credentialSet\":[]}", "status": 201})),
        (
            "answer_other_role",
            answer("arn:aws:iam::123456789012:role/Other", "s3", "2099-01-01T00:00:00Z"),
        ),
        ("answer_blank", answer(aws::ROLE_ARN, " ", "2099-01-01T00:00:00Z")),
        ("answer_expired", answer(aws::ROLE_ARN, "s3", "2020-01-01T00:00:00Z")),
    ];
    for (name, fault) in rows {
        emulator.fault(fault);
        snapshot(name, &process(&tool, &[]));
    }
    emulator.fault(json!({"cut_after": 40, "times": 3}));
    snapshot("answer_truncated", &process(&tool, &[]));
    emulator.fault(json!({"body": "a".repeat(2 << 20), "status": 200}));
    snapshot("answer_too_large", &process(&tool, &[]));
}

fn answer(role: &str, secret: &str, expiration: &str) -> serde_json::Value {
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

#[test]
fn secrets() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:absent-AbCdEf";
    let no_secrets = tool.clone().set("ROLES_ANYWHERE_ROLE_ARN", aws::NO_SECRETS_ROLE_ARN);
    let get = |arguments: &[&str]| tool.run(&[&["secret", "get"], arguments].concat());
    snapshot("secret_not_found", &get(&["prod/absent"]));
    snapshot("secret_not_found_by_arn", &get(&[arn]));
    snapshot("secret_no_such_stage", &get(&["prod/plain", "--version-stage", "AWSPREVIOUS"]));
    snapshot("secret_denied", &no_secrets.run(&["secret", "get", "prod/plain"]));
    snapshot("secret_deleted", &get(&["prod/deleted"]));
    snapshot("secret_kms_denied", &get(&["prod/kms-denied"]));
    snapshot("secret_decryption_failure", &get(&["prod/broken-key"]));
    snapshot("secret_no_member", &get(&["prod/db-credentials", "--key", "Password"]));
    snapshot("secret_member_of_text", &get(&["prod/plain", "--key", "a"]));
    snapshot("secret_member_of_binary", &get(&["prod/keystore", "--key", "a"]));
    let directory = emulator.directory().join("leaf");
    let out = ["prod/plain", "--out", directory.to_str().unwrap()];
    snapshot("secret_out_is_a_directory", &get(&out));
    emulator.fault(json!({"operation": "GetSecretValue", "status": 400, "code": "ThrottlingException", "message": "Rate exceeded", "times": 3}));
    snapshot("secret_throttled", &get(&["prod/plain"]));
    emulator.fault(json!({"operation": "GetSecretValue", "status": 200, "body": "{}"}));
    snapshot("secret_answer", &get(&["prod/plain"]));
}

/// Returns the path of a file of `certs/forms`.
fn form(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("certs/forms").join(name)
}

/// A throw-away key that is too short.
const RSA_1024: &str = include_str!("rsa1024.key.pem");
