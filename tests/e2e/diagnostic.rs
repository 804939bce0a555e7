//! The commands that need no AWS: `sign-string`, `read-certificate-data`, `version`, `completion`.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::environment::TestEnvironment;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_roles-anywhere"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .output()
        .unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn signs_the_fixed_string_in_three_formats() {
    let key = ["sign-string", "--private-key", "tests/vectors/pki/leaf-rsa2048.key.pem"];
    let json = printed(&key);
    let text = printed(&[&key[..], &["--format", "text"]].concat());
    let bin = run(&[&key[..], &["--format=bin"]].concat()).stdout;
    assert_eq!(json, format!("\"{text}\""));
    let hex: String = bin.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(text, hex);
    assert_eq!(bin.len(), 256);
}

#[track_caller]
fn sign_string_refuses(flag: &str, value: &str) {
    let output = run(&["sign-string", "--private-key", "certs/leaf/p256.key.pem", flag, value]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{stderr}");
    assert!(stderr.contains(flag) && stderr.contains(value), "{stderr}");
}

#[test]
fn sign_string_refuses_an_unknown_format() {
    sign_string_refuses("--format", "xml");
}

#[test]
fn sign_string_refuses_sha1() {
    sign_string_refuses("--digest", "SHA1");
}

#[test]
fn sign_string_refuses_md5() {
    sign_string_refuses("--digest", "MD5");
}

#[test]
fn sign_string_refuses_to_sign_without_a_key() {
    let output = run(&["sign-string"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{stderr}");
    assert!(stderr.contains("--private-key"), "{stderr}");
}

#[test]
fn sign_string_asks_nothing_of_aws() {
    let env = TestEnvironment::new().without("ROLES_ANYWHERE_CERTIFICATE");
    let output = env.run("sign-string");
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output}");
    assert!(env.emulator().requests().is_empty());
}

#[test]
fn prints_the_official_json_of_the_first_certificate() {
    for (file, key_type, algorithms) in [
        ("certs/leaf/rsa2048.chain.pem", "RSA", r#"["RSASHA256","RSASHA384","RSASHA512"]"#),
        ("certs/forms/p256.der", "EC", r#"["ECSHA256","ECSHA384","ECSHA512"]"#),
        ("tests/vectors/pki/leaf-mldsa65.pem", "ML-DSA-65", r#"["ML-DSA-65"]"#),
    ] {
        let json = printed(&["read-certificate-data", "--certificate", file]);
        assert!(json.starts_with(&format!(r#"{{"keyType":"{key_type}","certificateData":"MII"#)));
        assert!(json.ends_with(&format!(r#""supportedAlgorithms":{algorithms}}}"#)), "{json}");
    }
}

#[test]
fn shows_what_aws_will_make_of_a_certificate() {
    let file = ["read-certificate-data", "--certificate", "certs/leaf/p256.pem", "--output"];
    let text = printed(&[&file[..], &["text"]].concat());
    for words in ["CN=p256", "x509Subject/CN", "x509SAN/DNS", "digitalSignature"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let full = printed(&[&file[..], &["full"]].concat());
    let full: Value = serde_json::from_str(&full).unwrap();
    assert_eq!(full["certificates"][0]["keyType"], "EC");
}

#[test]
fn prints_its_version_and_completions() {
    assert_eq!(printed(&["version"]), format!("{}\n", env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "zsh", "fish"] {
        assert!(printed(&["completion", shell]).contains("credential-process"), "{shell}");
    }
}

#[test]
fn prints_what_it_was_built_from() {
    let build: Value = serde_json::from_str(&printed(&["version", "--output", "json"])).unwrap();
    let expected = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "commit": build["commit"],
        "target": build["target"],
        "crypto": { "library": "AWS-LC", "version": aws_lc_rs::awslc_version() },
    });
    assert_eq!(build, expected);
    let target = build["target"].as_str().unwrap();
    assert!(target.starts_with(std::env::consts::ARCH), "{build}");
    // A development build has no commit.
    let is_hex = |commit: &str| commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(build["commit"].is_null() || build["commit"].as_str().is_some_and(is_hex), "{build}");
}

#[test]
fn names_the_file_that_it_cannot_read() {
    let output = run(&["read-certificate-data", "--certificate", "absent.pem"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`absent.pem`"));
    assert!(!Path::new("absent.pem").exists());
}
