//! `scripts/advisories`, with a `cargo deny` that does what it is told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const DENY: &str = r#"#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in
    --version) sed -n 's/^CARGO_DENY=/cargo-deny /p' scripts/lib.sh ;;
    *check*) exit "$CHECK" ;;
    *fetch*) echo "failed to fetch database"; exit "$FETCH" ;;
esac
"#;

/// Runs the script with the exit codes of fetching and of checking; returns what it printed, and
/// the arguments of each call of `cargo deny`.
fn advisories(fetch: &str, check: &str) -> (Output, Vec<String>) {
    let target = tempfile::tempdir().unwrap();
    let deny = target.path().join("tools/bin/cargo-deny");
    let calls = target.path().join("calls");
    fs::create_dir_all(deny.parent().unwrap()).unwrap();
    fs::write(&deny, DENY).unwrap();
    fs::set_permissions(&deny, fs::Permissions::from_mode(0o755)).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/advisories");
    let output = Command::new(script)
        .env("CARGO_TARGET_DIR", target.path())
        .env("CALLS", &calls)
        .env("FETCH", fetch)
        .env("CHECK", check)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let calls = fs::read_to_string(calls).unwrap().lines().map(str::to_owned).collect();
    (output, calls)
}

fn text(stream: &[u8]) -> String {
    String::from_utf8(stream.to_vec()).unwrap()
}

#[test]
fn advisories_skips_and_says_so_without_the_database() {
    let (output, calls) = advisories("1", "0");
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("skipped: the advisory database"), "{output:?}");
    assert!(text(&output.stderr).contains("failed to fetch database"), "{output:?}");
    assert!(calls.iter().all(|call| !call.contains("check")), "{calls:?}");
}

#[test]
fn advisories_fails_for_an_advisory() {
    let (output, calls) = advisories("0", "1");
    assert!(!output.status.success());
    assert!(!text(&output.stdout).contains("skipped"), "{output:?}");
    assert!(calls.last().unwrap().contains("advisories"), "{calls:?}");
}

#[test]
fn advisories_passes_without_an_advisory() {
    let (output, calls) = advisories("0", "0");
    assert_eq!(output.status.code(), Some(0));
    assert!(!text(&output.stdout).contains("skipped"), "{output:?}");
    assert!(calls.last().unwrap().ends_with(" advisories"), "{calls:?}");
}
