//! `update` as a daemon whose key comes from a source that can be read once only.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::daemon::Daemon;
use crate::environment::{Program, TestEnvironment};
use crate::identity_files::{Given, pipe};

/// How long three sessions may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Waits until so many access keys, one after the other, were in the credentials file.
fn wait_for_keys(file: &Path, count: usize) {
    let start = Instant::now();
    let mut seen = BTreeSet::new();
    while seen.len() < count {
        assert!(start.elapsed() < TIMEOUT, "only {} access keys", seen.len());
        let text = fs::read_to_string(file).unwrap_or_default();
        let keys = text.lines().filter_map(|line| line.strip_prefix("aws_access_key_id = "));
        seen.extend(keys.map(str::to_owned));
        thread::sleep(Duration::from_millis(50));
    }
}

/// Expects three sessions of one reading: the key is kept, and its source is not watched.
#[track_caller]
fn keeps_the_key(env: &TestEnvironment, source: &str, program: &Program) {
    env.emulator().end_sessions_after(Some(3));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let file_flag = ["--credentials-file", file.to_str().unwrap()];
    let arguments = [&["update", "--private-key", source], &file_flag[..]].concat();
    let daemon = Daemon::start(program, &arguments);
    wait_for_keys(&file, 3);
    let (log, code) = daemon.stop_with_log();
    assert_eq!(code, Some(0), "{log:#?}");
    for line in log.iter().map(ToString::to_string) {
        assert!(!line.contains("warning") && !line.contains("error"), "{line}");
    }
}

fn key_of(env: &TestEnvironment) -> String {
    env.read("leaf/p256.key.pem")
}

#[test]
fn key_of_stdin_is_kept() {
    let env = TestEnvironment::new();
    let given = Given::stdin(pipe(key_of(&env)));
    keeps_the_key(&env, "-", &given.to(env.program()));
}

#[test]
fn key_of_a_descriptor_is_kept() {
    let env = TestEnvironment::new();
    let given = Given::descriptor(pipe(key_of(&env)));
    keeps_the_key(&env, "fd:7", &given.to(env.program()));
}

#[test]
fn key_of_a_fifo_is_kept() {
    let env = TestEnvironment::new();
    let fifo = env.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let (path, key) = (fifo.clone(), key_of(&env));
    let writer = thread::spawn(move || fs::write(path, key).unwrap());
    keeps_the_key(&env, fifo.to_str().unwrap(), env.program());
    writer.join().unwrap();
}

/// As bash substitutes processes.
#[test]
fn key_of_dev_fd_is_kept() {
    let env = TestEnvironment::new();
    let given = Given::descriptor(pipe(key_of(&env)));
    keeps_the_key(&env, "/dev/fd/7", &given.to(env.program()));
}
