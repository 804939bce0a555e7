//! `secret rotate`: the process is killed after every request, answers are lost, two run at the same time.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

use crate::environment::{CommandOutput, Running, TestEnvironment};
use crate::machine;

const ROTATE: &str =
    "secret rotate prod/access-key --strategy iam-access-key --if-older-than 30d --iam-with";
const DAY: i64 = 86_400;
/// Longer than `--run-limit`.
const AFTER_A_KILL: i64 = 301;

/// Returns an environment whose secrets are 40 days old.
fn environment() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.emulator().advance(40 * DAY);
    env
}

/// Returns the ids of the user's access keys with their status.
fn keys(env: &TestEnvironment) -> Vec<(String, String)> {
    let state = env.control("GET", "/state", &Value::Null);
    let users = state["users"].as_array().unwrap();
    let user = users.iter().find(|user| user["name"] == "legacy-app").unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let keys = user["access_keys"].as_array().unwrap().iter();
    keys.map(|key| (text(&key["id"]), text(&key["status"]))).collect()
}

/// Returns the key in the version with a label.
fn key_in(env: &TestEnvironment, label: &str) -> String {
    let secret = env.run(&format!("secret get prod/access-key --version-stage {label}"));
    assert_eq!(secret.code, 0, "{secret}");
    secret.json()["AccessKeyId"].as_str().unwrap().to_owned()
}

fn labels(env: &TestEnvironment) -> Vec<String> {
    let described = env.run("secret describe prod/access-key --output json").json();
    let versions = described["VersionIdsToStages"].as_object().unwrap();
    let labels = versions.values().flat_map(|labels| labels.as_array().unwrap());
    labels.map(|label| label.as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn succeeds(env: &TestEnvironment, caller: &str) -> CommandOutput {
    let run = env.run(&format!("{ROTATE} {caller}"));
    assert_eq!(run.code, 0, "{run}");
    run
}

/// Checks that there is one current key, none is lost, and none stays active beyond its time.
#[track_caller]
fn check_end(env: &TestEnvironment, caller: &str) {
    let (current, previous) = (key_in(env, "AWSCURRENT"), key_in(env, "AWSPREVIOUS"));
    assert_eq!(previous, "AKIAIOSFODNN7EXAMPLE");
    let active = |id: &str| (id.to_owned(), "Active".to_owned());
    let mut found = keys(env);
    found.sort();
    let mut expected = vec![active(&current), active(&previous)];
    expected.sort();
    assert_eq!(found, expected);
    assert!(!labels(env).contains(&"AWSPENDING".to_owned()), "{:?}", labels(env));
    env.emulator().advance(DAY + AFTER_A_KILL);
    succeeds(env, caller);
    assert!(keys(env).contains(&(previous.clone(), "Inactive".to_owned())), "{:?}", keys(env));
    env.emulator().advance(DAY);
    succeeds(env, caller);
    assert_eq!(keys(env), [active(&current)]);
}

/// Returns the number of requests of a run that nothing interrupts.
fn requests_of(caller: &str) -> usize {
    let env = environment();
    let run = succeeds(&env, caller);
    assert!(String::from_utf8_lossy(&run.stdout).starts_with("rotated `prod/access-key`"));
    let requests = env.emulator().requests().len();
    check_end(&env, caller);
    requests
}

/// Runs `test` for the number of each request, several at a time. By default only for every third, from
/// `first` on: those of the tests differ, and in memory all are tested.
fn for_each(first: usize, requests: usize, test: impl Fn(usize) + Sync) {
    let numbers: Vec<usize> = match machine::rounds(0, 1) {
        0 => (first..=requests).step_by(3).collect(),
        _ => (1..=requests).collect(),
    };
    at_once(&numbers, test);
}

/// Runs `test` for each of the numbers, four at a time.
fn at_once(numbers: &[usize], test: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        for start in 0..4 {
            let (test, of_thread) = (&test, numbers.iter().skip(start).step_by(4));
            scope.spawn(move || of_thread.for_each(|number| test(*number)));
        }
    });
}

/// Waits until the emulator has performed so many requests.
fn wait_for_requests(env: &TestEnvironment, count: usize) {
    let start = Instant::now();
    while env.emulator().requests().len() < count {
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", env.operations());
        thread::yield_now();
    }
}

fn killed_after_every_request(caller: &str, first: usize) {
    for_each(first, requests_of(caller), |nth| {
        let env = environment();
        env.emulator().fault(json!({"operation": "*", "nth": nth, "delay_ms": 600_000}));
        let words: Vec<String> =
            format!("{ROTATE} {caller}").split(' ').map(str::to_owned).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut run = env.program().spawn(&words);
        wait_for_requests(&env, nth);
        run.kill().unwrap();
        run.wait().unwrap();
        env.emulator().clear_faults();
        env.emulator().advance(AFTER_A_KILL);
        succeeds(&env, caller);
        check_end(&env, caller);
    });
}

#[test]
fn a_process_that_is_killed_after_any_request_is_continued_with_a_role() {
    killed_after_every_request("role", 1);
}

#[test]
fn a_process_that_is_killed_after_any_request_is_continued_with_the_key() {
    killed_after_every_request("secret", 2);
}

fn terminate(run: &Running) {
    kill_process(Pid::from_raw(run.id().try_into().unwrap()).unwrap(), Signal::TERM).unwrap();
}

#[test]
fn a_process_that_is_stopped_during_any_request_is_continued_at_once() {
    // The first two make the session, as the clock is wrong. Nothing could be left of them.
    for_each(3, requests_of("role") - 2, |nth| {
        let nth = nth + 2;
        let env = environment();
        env.emulator().fault(json!({"operation": "*", "nth": nth, "delay_ms": 300}));
        let words: Vec<&str> = ROTATE.split(' ').chain(["role"]).collect();
        let run = env.program().spawn(&words);
        wait_for_requests(&env, nth);
        terminate(&run);
        let stopped = CommandOutput::of(run);
        assert!([0, 143].contains(&stopped.code), "{nth}: {stopped} {:?}", env.operations());
        assert_eq!(stopped.code == 143, stopped.stderr.contains("SIGTERM stops the run"));
        env.emulator().clear_faults();
        succeeds(&env, "role");
        check_end(&env, "role");
    });
}

#[test]
fn a_process_that_is_stopped_ends_its_command_and_what_that_has_started() {
    let env = TestEnvironment::new();
    let file = env.path("number");
    let rotate = |set: &str| {
        let words = "secret rotate prod/db-credentials --strategy random-password --key password";
        let mut words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        words.extend(["--test", "true", "--set", set].map(str::to_owned));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        env.program().spawn(&words)
    };
    let run = rotate(&format!("sleep 600 & echo $! >'{}'; wait", file.display()));
    let start = Instant::now();
    let number = loop {
        let text = fs::read_to_string(&file).unwrap_or_default();
        if let Some(number) = text.strip_suffix('\n') {
            break Pid::from_raw(number.parse().unwrap()).unwrap();
        }
        assert!(start.elapsed() < Duration::from_secs(60), "the command is not run");
        thread::yield_now();
    };
    terminate(&run);
    let stopped = CommandOutput::of(run);
    assert_eq!(stopped.code, 143, "{stopped}");
    assert!(stopped.stderr.contains("`--set` was ended, as SIGTERM stops the run"), "{stopped}");
    let state = fs::read_to_string(format!("/proc/{}/stat", number.as_raw_nonzero()));
    // Its new parent reaps it at some time.
    let is_zombie = state.is_ok_and(|state| state.contains(") Z "));
    assert!(is_zombie || test_kill_process(number).is_err());
    let continued = CommandOutput::of(rotate("true"));
    assert_eq!(continued.code, 0, "{continued}");
    assert!(continued.stderr.contains("event=rotation_continued"), "{continued}");
}

#[test]
fn a_lost_answer_to_any_request_is_continued_at_once() {
    for_each(2, requests_of("role"), |nth| {
        let env = environment();
        env.emulator().fault(json!({"operation": "*", "nth": nth, "cut": true, "perform": true}));
        let first = env.run(&format!("{ROTATE} role"));
        env.emulator().clear_faults();
        if first.code != 0 {
            assert_eq!(first.code, 11, "{nth}: {first}");
            assert!(first.stderr.contains("CreateAccessKey is unknown"), "{nth}: {first}");
            succeeds(&env, "role");
        }
        check_end(&env, "role");
    });
}

#[test]
fn of_two_processes_at_the_same_time_one_rotates() {
    at_once(&[0; 8], |_| {
        let env = environment();
        let words: Vec<&str> = ROTATE.split(' ').chain(["role"]).collect();
        let runs = [env.program().spawn(&words), env.program().spawn(&words)];
        let runs = runs.map(CommandOutput::of);
        let rotated = |run: &CommandOutput| run.stdout.starts_with(b"rotated");
        assert_eq!(runs.iter().filter(|run| rotated(run)).count(), 1, "{} {}", runs[0], runs[1]);
        let other = runs.iter().find(|run| !rotated(run)).unwrap();
        let is_told = match other.code {
            17 => other.stderr.contains("another run rotates it"),
            // It has come before or after the last calls of the other one, which tidy up.
            0 => ["is not rotated", "was rotated"].iter().any(|it| other.text().contains(it)),
            _ => false,
        };
        assert!(is_told, "{other}");
        assert_eq!(env.operations().iter().filter(|it| *it == "CreateAccessKey").count(), 1);
        check_end(&env, "role");
    });
}

#[test]
fn a_reference_is_not_the_name_of_a_secret() {
    let env = TestEnvironment::offline();
    let rotate = "secret rotate sm://prod/db#password --strategy random-password --only-store";
    let refused = env.fails(rotate);
    assert_eq!(refused.code, 2, "{refused}");
    assert!(refused.stderr.contains("expected the name or the ARN of a secret: `prod/db --key"));
}

#[test]
fn a_new_key_is_tested_until_aws_accepts_it() {
    let env = environment();
    env.emulator().delay_keys(2);
    let run = succeeds(&env, "role");
    assert!(run.stderr.contains("event=access_key_awaited"), "{run}");
    assert!(env.operations().iter().filter(|it| *it == "GetCallerIdentity").count() >= 2);
}

#[test]
fn a_failed_test_leaves_the_current_version_and_is_continued() {
    let env = TestEnvironment::new();
    let rotate = |test: &str| {
        env.run_args(&[
            "secret",
            "rotate",
            "prod/db-credentials",
            "--strategy",
            "random-password",
            "--key",
            "password",
            "--set",
            "cat >/dev/null",
            "--test",
            test,
        ])
    };
    let before = env.run("secret get prod/db-credentials").text();
    let failed = rotate("exit 1").failed();
    assert_eq!(failed.code, 13, "{failed}");
    assert!(failed.stderr.contains("AWSCURRENT is unchanged"), "{failed}");
    assert_eq!(env.run("secret get prod/db-credentials").text(), before);
    let pending = env.run("secret get prod/db-credentials --version-stage AWSPENDING").text();
    let continued = rotate("true");
    assert_eq!(continued.code, 0, "{continued}");
    assert!(continued.stderr.contains("event=rotation_continued"), "{continued}");
    assert_eq!(env.run("secret get prod/db-credentials").text(), pending);
}
