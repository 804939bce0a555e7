//! The steps of `scripts/test`: a failure of one that runs beside the others fails the whole.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Runs a script that begins as `scripts/test` does, and keeps what it makes in `target`.
fn script(target: &Path, text: &str) -> Output {
    Command::new("bash")
        .args(["-c", &format!(". scripts/lib.sh\n. scripts/beside.sh\n{text}")])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", target)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(stream: &[u8]) -> String {
    String::from_utf8(stream.to_vec()).unwrap()
}

#[test]
fn a_failure_beside_the_others_fails_the_script() {
    let target = tempfile::tempdir().unwrap();
    let output = script(
        target.path(),
        "broken() { echo the reason; false; echo too far; }\n\
         beside b 'the broken step' broken\n\
         step 'a sound step' true\n\
         finish b\n\
         echo too far",
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "==> FAILED: the broken step\n");
    let stdout = text(&output.stdout);
    assert!(stdout.ends_with("the reason\n") && !stdout.contains("too far"), "{stdout}");
}

#[test]
fn a_failure_is_reported_before_the_end() {
    let target = tempfile::tempdir().unwrap();
    let output = script(
        target.path(),
        "beside b 'the broken step' false\n\
         step 'until it has failed' wait\n\
         step 'too far' true",
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(!text(&output.stdout).contains("too far"), "{output:?}");
}

#[test]
fn a_sound_step_beside_the_others_shows_its_time_only() {
    let target = tempfile::tempdir().unwrap();
    let output = script(target.path(), "beside a 'a quiet step' echo its output\nfinish a");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
    let stdout = text(&output.stdout);
    assert!(stdout.contains("==> done in 0 s") && stdout.ends_with(": a quiet step\n"), "{stdout}");
    assert!(!stdout.contains("its output"), "{stdout}");
}

#[test]
fn a_failure_ends_what_runs_beside() {
    let target = tempfile::tempdir().unwrap();
    let output = script(
        target.path(),
        "long() { sleep 600 & echo $! >\"$target/process\"; wait; }\n\
         beside a 'a long step' long\n\
         until [ -s \"$target/process\" ]; do sleep 0.01; done\n\
         step 'a broken step' false",
    );
    assert_eq!(output.status.code(), Some(1));
    let process = fs::read_to_string(target.path().join("process")).unwrap();
    let process = Path::new("/proc").join(process.trim()).join("cmdline");
    // What has ended has no command line, whether or not its end was waited for.
    let runs = || fs::read(&process).is_ok_and(|line| !line.is_empty());
    let begun = Instant::now();
    while runs() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}
