//! `watch`: lines for changed references.

use std::fs;
use std::io::{BufRead as _, BufReader};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::daemon::{Daemon, until};
use crate::environment::TestEnvironment;

/// Times so short that a test need not wait.
const SOON: [&str; 6] = ["--secrets-ttl", "1s", "--quiet-period", "1s", "--splay", "0s"];

fn put(env: &TestEnvironment, name: &str, value: impl Into<Value>) {
    env.control("POST", "/secrets", &json!({ "name": name, "value": value.into() }));
}

fn current(env: &TestEnvironment, name: &str) -> String {
    let described = env.run(&format!("secret describe {name} --output json")).json();
    let versions = described["VersionIdsToStages"].as_object().unwrap();
    let is_current = |labels: &Value| labels.as_array().unwrap().contains(&json!("AWSCURRENT"));
    versions.iter().find(|(_, labels)| is_current(labels)).unwrap().0.clone()
}

#[test]
fn prints_a_line_for_each_reference_that_changed() {
    let env = TestEnvironment::new();
    let first = current(&env, "prod/db-credentials");
    let references = [
        "sm://prod/db-credentials#username?default=hunter2",
        "sm://prod/db-credentials#password",
        "ssm:///prod/api-url",
    ];
    let words = [&["watch", "--on-start"][..], &SOON, &references].concat();
    let mut run = env.program().spawn(&words);
    let mut stdout = BufReader::new(run.stdout.take().unwrap()).lines();
    let mut line = || serde_json::from_str::<Value>(&stdout.next().unwrap().unwrap()).unwrap();
    let expected = |reference: &str, version: &str, previous: Option<&str>| {
        json!({
            "reference": reference,
            "kind": "secret",
            "name": "prod/db-credentials",
            "version": version,
            "previous_version": previous,
            "stale": false,
        })
    };
    let [user, password] =
        ["username", "password"].map(|key| format!("sm://prod/db-credentials#{key}"));
    assert_eq!(line(), expected(&user, &first, None));
    assert_eq!(line(), expected(&password, &first, None));
    let parameter = line();
    assert_eq!(
        (&parameter["kind"], &parameter["name"]),
        (&json!("parameter"), &json!("/prod/api-url"))
    );
    // The user name stays the same, so there is no line for it.
    put(&env, "prod/db-credentials", json!({"username": "app", "password": "second-password"}));
    assert_eq!(line(), expected(&password, &current(&env, "prod/db-credentials"), Some(&first)));
    let pid = Pid::from_raw(run.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(0));
    assert!(stdout.next().is_none());
}

/// A pipe that nobody reads keeps the lines back, and nothing else.
#[test]
fn a_full_pipe_does_not_keep_it_from_ending() {
    let env = TestEnvironment::new();
    let references: Vec<String> =
        (0..900).map(|number| format!("sm://prod/plain?default={number}")).collect();
    let references: Vec<&str> = references.iter().map(String::as_str).collect();
    let words = [&["watch", "--on-start"][..], &SOON, &references].concat();
    let mut run = env.program().spawn(&words);
    // The pipe has its first bytes, and is full soon after that.
    let mut stdout = BufReader::with_capacity(1, run.stdout.take().unwrap());
    assert_eq!(stdout.fill_buf().unwrap(), b"{");
    let pid = Pid::from_raw(run.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let ended = until(|| run.try_wait().unwrap()).expect("it does not end");
    assert_eq!(ended.code(), Some(0));
}

fn reason(event: &Value) -> String {
    format!("{} ({})", event["reason"].as_str().unwrap(), event["hint"].as_str().unwrap())
}

/// What AWS does not confirm, and sessions that cannot be had, are reported at once, and when that is over.
#[test]
fn an_outage_is_reported_at_once_and_its_end() {
    let env = TestEnvironment::new();
    // Each session is due for renewal soon.
    env.control("POST", "/sessions", &json!({"end_after_seconds": 20}));
    let words = [&["watch", "sm://prod/plain"][..], &SOON].concat();
    let daemon = Daemon::start(env.program(), &words);
    // The second read is that of the loop, with a session of its own.
    let reads = || env.operations().iter().filter(|it| it.contains("GetSecretValue")).count();
    until(|| (reads() >= 2).then_some(())).expect("it is not read again");
    env.emulator().fault(json!({"operation": "*", "status": 503, "times": 0}));
    let stale = daemon.wait_for("values_stale");
    assert_eq!(stale["names"], "prod/plain");
    assert!(reason(&stale).starts_with("AWS fails"), "{stale}");
    let failed = daemon.wait_for("refresh_failed");
    assert!(reason(&failed).contains("CreateSession") && failed["retry_in_seconds"] == 60);
    let unavailable = daemon.wait_for("credentials_unavailable");
    assert!(reason(&unavailable).contains("503"), "{unavailable}");
    env.emulator().clear_faults();
    daemon.wait_for("refresh_recovered");
    daemon.wait_for("values_confirmed");
    assert_eq!(daemon.count("refresh_failed") + daemon.count("credentials_unavailable"), 2);
    assert_eq!(daemon.count("followed_read_failed"), 0);
    assert_eq!(daemon.stop(), Some(0));
}

/// The whole cause and hint, as at the start.
#[test]
fn a_refused_read_has_the_cause_and_the_hint_of_a_first_read() {
    let env = TestEnvironment::new();
    let words = [&["watch", "sm://prod/plain"][..], &SOON].concat();
    let daemon = Daemon::start(env.program(), &words);
    daemon.wait_until_told("READY=1");
    let denied = json!({"operation": "GetSecretValue", "status": 400, "code": "AccessDeniedException", "times": 0});
    env.emulator().fault(denied);
    put(&env, "prod/plain", "second-value");
    let failed = daemon.wait_for("followed_read_failed");
    let first = env.run("resolve sm://prod/plain");
    assert_eq!(first.code, 4, "{first}");
    let hint = failed["hint"].as_str().unwrap();
    assert!(!hint.contains("says more") && first.stderr.contains(hint), "{failed}: {first}");
    // The request id differs.
    assert_eq!(daemon.count("followed_read_failed"), 1);
    env.emulator().clear_faults();
    daemon.wait_for("followed_read_recovered");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_command_gets_the_changes_once() {
    let env = TestEnvironment::new();
    let (lines, runs) = (env.path("lines"), env.path("runs"));
    let command = format!("cat >> {}; echo run >> {}", lines.display(), runs.display());
    let words = [&["watch", "sm://prod/plain", "--exec", &command][..], &SOON].concat();
    let daemon = Daemon::start(env.program(), &words);
    daemon.wait_until_told("READY=1");
    for value in ["one-value", "another-value"] {
        put(&env, "prod/plain", value);
    }
    daemon.wait_for("action_ended");
    let line: Value = serde_json::from_str(&fs::read_to_string(&lines).unwrap()).unwrap();
    assert_eq!(line["version"], current(&env, "prod/plain"));
    put(&env, "prod/plain", "a-third-value");
    daemon.wait_for_nth("action_ended", 2);
    assert_eq!(fs::read_to_string(runs).unwrap(), "run\nrun\n");
    let (log, code) = daemon.stop_with_log();
    assert_eq!(code, Some(0));
    let told = fs::read_to_string(&lines).unwrap();
    assert!(!told.contains("-value") && !json!(log).to_string().contains("-value"), "{told}");
}

#[test]
fn ends_when_its_lines_are_read_no_more() {
    let env = TestEnvironment::new();
    let words = [&["watch", "sm://prod/plain", "--log-format", "json"][..], &SOON].concat();
    let mut run = env.program().spawn(&words);
    drop(run.stdout.take());
    let mut log = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(log.any(|line| line.contains("\"started\"")));
    put(&env, "prod/plain", "one-value");
    assert!(log.any(|line| line.contains("cannot write to standard output")));
    assert_ne!(run.wait().unwrap().code(), Some(0));
}

#[test]
fn what_cannot_be_watched_is_an_error() {
    let env = TestEnvironment::new();
    let missing = env.run("watch sm://prod/absent");
    assert_eq!((missing.code, missing.text().as_str()), (4, ""), "{missing}");
    let wrong = env.run("watch prod/absent");
    assert_eq!(wrong.code, 2, "{wrong}");
}
