//! Warns where aws-lc is built with its jitter entropy, which costs every process some 24 ms, and
//! links the unwinder of GCC statically.

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
}
