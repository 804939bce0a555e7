//! Warns where aws-lc is built with its jitter entropy, which costs every process some 24 ms, links
//! the unwinder of GCC statically, and leaves out of a release what only that unwinder reads. Passes
//! the target and the commit on to `version`.

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
        // A panic aborts: Cargo.toml says so of this profile.
        if is("PROFILE", "release") && reads_linker_scripts() {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(RELEASE_SCRIPT);
            // Not by `-Wl,`, which divides a path at its commas.
            println!("cargo::rustc-link-arg-bins=-T{}", script.display());
        }
    }
    println!("cargo::rerun-if-changed={RELEASE_SCRIPT}");
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=BUILD_TARGET={target}");
    println!("cargo::rustc-env=BUILD_COMMIT={}", commit().unwrap_or_default());
}

/// A script for `ld` and `lld` that leaves the unwind tables out, and puts what seldom runs at the end.
const RELEASE_SCRIPT: &str = "release.ld";

/// Returns whether the linker takes a script with `INSERT`: gold and mold, which a builder may have chosen
/// by flags of rustc, do not.
#[expect(clippy::disallowed_methods, reason = "a build script has no other way to ask")]
fn reads_linker_scripts() -> bool {
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    !["gold", "mold"].iter().any(|linker| flags.contains(linker))
}

/// Returns the commit that the program names: what BUILD_COMMIT says, which may be nothing, or else
/// Git's for a release.
///
/// Each new commit compiles the program again, so a development build names none.
#[expect(clippy::disallowed_methods, reason = "a build script has no other way to ask")]
fn commit() -> Option<String> {
    println!("cargo::rerun-if-env-changed=BUILD_COMMIT");
    if let Ok(given) = std::env::var("BUILD_COMMIT") {
        return Some(given);
    }
    let is_release = std::env::var_os("PROFILE").is_some_and(|profile| profile == "release");
    if !is_release || !Path::new(".git").exists() {
        return None;
    }
    let commit = git(&["rev-parse", "HEAD"])?;
    let paths = ["HEAD", "logs/HEAD"].map(|name| git(&["rev-parse", "--git-path", name]));
    // Cargo would run this every time if a file that it watches does not exist.
    for path in paths.into_iter().flatten().filter(|path| Path::new(path).exists()) {
        println!("cargo::rerun-if-changed={path}");
    }
    Some(commit)
}

/// Returns what Git prints, if it is there and succeeds.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let printed = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| printed.trim().to_owned())
}
