//! `--config`, `--trust-anchor`, `show` and `schema` of the program.

use std::path::{Path, PathBuf};
use std::process::Output;

use roles_anywhere_emulator::pki::Pki;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::program;

/// Returns a folder with `ca.pem`, and a file in it.
fn folder(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::shared().unwrap();
    let tls = pki.tls(vec!["localhost".to_owned()]).unwrap();
    pki.write(folder.path(), &tls).unwrap();
    std::fs::rename(folder.path().join("anchor/root.pem"), folder.path().join("ca.pem")).unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    (folder, file)
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    program(arguments)
        .current_dir(folder)
        .env("ROLES_ANYWHERE_CERTIFICATE", "own.pem")
        .env("ROLES_ANYWHERE_PRIVATE_KEY", "own.key")
        .env("ROLES_ANYWHERE_ENDPOINT", "https://elsewhere.example")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_trust_anchor_of_the_user_keeps_certificate_and_key() {
    let (folder, _) = folder("unused", "");
    let script = "echo $ROLES_ANYWHERE_CERTIFICATE $ROLES_ANYWHERE_PRIVATE_KEY \
                  ${ROLES_ANYWHERE_INTERMEDIATES-none} ${ROLES_ANYWHERE_ENDPOINT-none}; \
                  echo $ROLES_ANYWHERE_TRUST_ANCHOR_ARN; echo $ROLES_ANYWHERE_ROLE_ARN";
    let arguments = ["run", "--trust-anchor", "ca.pem", "--", "sh", "-c", script];
    let output = run(folder.path(), &arguments);
    assert_eq!(text(&output.stderr), "");
    let stdout = text(&output.stdout);
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines[0], "own.pem own.key none none");
    let arn = lines[1];
    assert!(arn.starts_with("arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/"));
    assert_ne!(arn, roles_anywhere_emulator::TRUST_ANCHOR_ARN);
    assert_eq!(lines[2], roles_anywhere_emulator::ROLE_ARN);
    // The same CA has the same ARN.
    let show = ["show", "--trust-anchor", "ca.pem", "--output", "json"];
    let shown: Value = serde_json::from_slice(&run(folder.path(), &show).stdout).unwrap();
    assert_eq!(shown["exports"]["trust_anchor"], arn);
}

#[test]
fn mistakes_are_reported_at_once_and_nothing_starts() {
    let config = "region = 'x'\n[secret.db]\nvalue = 1\n[trust-anchor.a]\ncertificate = 'no.pem'\n";
    let (folder, _) = folder("emulator.toml", config);
    for command in [&["serve"][..], &["show"], &["run", "true"]] {
        let mut arguments = command.to_vec();
        arguments.splice(1..1, ["--config", "emulator.toml"]);
        let output = run(folder.path(), &arguments);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(125), String::new()));
        let expected = "error: `emulator.toml` has 5 mistakes\n\
            emulator.toml: describes no profile\n\
            emulator.toml: describes no role\n\
            emulator.toml:1:10: invalid Region `x`: expected a name such as `eu-central-1`\n\
            emulator.toml:3:9: `value`: expected a string, not an integer\n\
            emulator.toml:5:15: cannot read `no.pem`: No such file or directory (os error 2)\n  \
            hint: add `[profile.NAME]` with `roles = [\"ROLE\"]`\n        \
            add `[role.NAME]` with `trust-policy-file = \"trust.json\"`\n";
        assert_eq!(text(&output.stderr), expected, "{command:?}");
    }
}

#[test]
fn show_prints_what_a_configuration_describes() {
    let config = "[trust-anchor.plant]\ncertificate = 'ca.pem'\n[profile.p]\nroles = ['Web']\n\
                  [role.Web]\ndescription = 'For the web'\n[role.Web.trust-policy.Statement]\n\
                  Effect = 'Allow'\nPrincipal = '*'\nAction = 'sts:*'\n\
                  Condition.Bool.'aws:MultiFactorAuthPresnt' = 'true'\n[secret.db]\nvalue = 'hush'\n";
    let (folder, file) = folder("emulator.toml", config);
    // Names in a configuration are relative to its own directory.
    let output = run(Path::new("/"), &["show", "--config", file.to_str().unwrap()]);
    let stdout = text(&output.stdout);
    for part in ["CN=Emulator Root CA", "role/Web (exported)\n    For the web\n", "[profile.p]"] {
        assert!(stdout.contains(part), "{part} in {stdout}");
    }
    assert!(!stdout.contains("hush"));
    let stderr = text(&output.stderr);
    assert!(
        stderr.starts_with("warning: ") && stderr.contains("MultiFactorAuthPresnt"),
        "{stderr}"
    );
    let schema = run(folder.path(), &["schema"]).stdout;
    assert_eq!(text(&schema), roles_anywhere_emulator::schema());
}
