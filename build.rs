//! Warns where aws-lc is built with its jitter entropy, which costs every process some 24 ms, and
//! links the unwinder of GCC statically. Passes the target and the commit on to `version`.

use std::path::Path;
use std::process::Command;

#[expect(clippy::disallowed_methods, reason = "a build script has no other way to ask")]
fn main() {
    const VARIABLE: &str = "AWS_LC_SYS_NO_JITTER_ENTROPY";
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    if std::env::var_os(VARIABLE).is_none_or(|value| value != "1") {
        println!("cargo::warning={VARIABLE}=1 is not set: every start will be some 24 ms slower");
    }
    // Before std's own `-lgcc_s`, which is then not needed: loading it costs every start 0.2 ms.
    let is = |what, value| std::env::var_os(what).is_some_and(|is| is == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-lib=gcc_eh");
    }
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=BUILD_TARGET={target}");
    // A development build names no commit: each new one would compile the program again.
    let is_named = is("PROFILE", "release") && Path::new(".git").exists();
    let commit = is_named.then(|| git(&["rev-parse", "HEAD"])).flatten();
    println!("cargo::rustc-env=BUILD_COMMIT={}", commit.as_deref().unwrap_or_default());
    if commit.is_some() {
        let paths = ["HEAD", "logs/HEAD"].map(|name| git(&["rev-parse", "--git-path", name]));
        // Cargo would run this every time if a file that it watches does not exist.
        for path in paths.into_iter().flatten().filter(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}

/// Returns what Git prints, if it is there and succeeds.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let printed = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| printed.trim().to_owned())
}
