//! Several processes at once: one refreshes, and the others wait for it or are served.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::ChildStderr;
use std::sync::RwLockWriteGuard;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{age, directory, entry, files, made};
use crate::environment::{CommandOutput, Program, Running, TestEnvironment, emulator};
use crate::leak;
use crate::machine;

/// Runs `tool` so many times at once.
fn at_once(tool: &Program, times: usize, arguments: &[&str]) -> Vec<CommandOutput> {
    at_once_in(&machine::timed(), tool, times, arguments)
}

/// As [`at_once`], while no busy test runs: they have to start within the time that the first one
/// takes.
fn at_once_in(
    _timed: &RwLockWriteGuard<'_, ()>,
    tool: &Program,
    times: usize,
    arguments: &[&str],
) -> Vec<CommandOutput> {
    thread::scope(|scope| {
        let runs: Vec<_> = (0..times).map(|_| scope.spawn(|| tool.run(arguments))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

fn key_ids(outcomes: &[CommandOutput]) -> Vec<Value> {
    let key_id = |outcome: &CommandOutput| {
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
        outcome.json()["AccessKeyId"].clone()
    };
    outcomes.iter().map(key_id).collect()
}

#[test]
fn twenty_at_once_make_one_session() {
    let emulator = emulator();
    emulator.fault(json!({"operation": "CreateSession", "delay_ms": 500, "times": 0}));
    let tool = Program::new(&emulator).cached();
    let mut ids = key_ids(&at_once(&tool, 20, &["credential-process"]));
    ids.dedup();
    assert_eq!((ids.len(), made(&emulator)), (1, 1));
}

#[test]
fn twenty_at_once_make_two_sessions_if_aws_is_slow() {
    let emulator = emulator();
    emulator.fault(json!({"operation": "CreateSession", "delay_ms": 5_000, "times": 0}));
    let tool = Program::new(&emulator).cached();
    let mut ids = key_ids(&at_once(&tool, 20, &["credential-process", "--timeout", "8"]));
    ids.dedup();
    assert_eq!((ids.len(), made(&emulator)), (1, 2));
    assert_eq!(files(&directory(&emulator)).len(), 3, "the session and two locks");
    assert_eq!(tool.run(&["cache", "clear"]).code, 0);
    assert_eq!(files(&directory(&emulator)), Vec::<String>::new());
}

#[test]
fn one_refreshes_what_is_due_while_the_others_are_served() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let old = tool.vend(&[])["AccessKeyId"].clone();
    age(&emulator, 2_390);
    assert_eq!(tool.vend(&[])["AccessKeyId"], old, "it is not due yet");
    age(&emulator, 15);
    emulator.fault(json!({"operation": "CreateSession", "delay_ms": 1000, "times": 0}));
    let ids = key_ids(&at_once(&tool, 8, &["credential-process"]));
    let new: Vec<&Value> = ids.iter().filter(|id| **id != old).collect();
    assert_eq!((new.len(), made(&emulator)), (1, 2), "{ids:?}");
    assert_eq!(tool.vend(&[])["AccessKeyId"], *new[0]);
}

/// Checks that twenty processes at once fail by one error, after so many requests.
#[track_caller]
fn one_error_is_for_all_that_waited(status: u16, code: &str, exit: i32, tries: usize) {
    let fault = json!({"status": status, "code": code, "delay_ms": 1_500, "times": 0});
    let env = TestEnvironment::new().cached().fault(fault);
    let outcomes = at_once(env.program(), 20, &["credential-process"]);
    for outcome in &outcomes {
        assert_eq!((outcome.code, &outcome.stdout[..]), (exit, &b""[..]), "{outcome}");
        assert!(outcome.stderr.contains(code), "{outcome}");
        assert!(outcome.stderr.contains("hint: "), "{outcome}");
    }
    let is_of_another = |outcome: &&CommandOutput| {
        outcome.stderr.starts_with(
            "error: another process tried to create the session and failed: AWS refused",
        )
    };
    assert_eq!(outcomes.iter().filter(is_of_another).count(), 19);
    assert_eq!(made(env.emulator()), tries);
    // A process that comes later sends a request of its own.
    env.emulator().clear_faults();
    env.vend("");
}

#[test]
fn one_throttling_is_the_error_of_all_that_waited() {
    one_error_is_for_all_that_waited(429, "ThrottlingException", 5, 3);
}

#[test]
fn one_refusal_is_the_error_of_all_that_waited() {
    one_error_is_for_all_that_waited(403, "AccessDeniedException", 4, 1);
}

#[test]
fn tries_at_once_if_the_other_process_had_less_time() {
    let emulator = emulator();
    emulator.fault(json!({"operation": "CreateSession", "delay_ms": 1_500, "times": 0}));
    let tool = Program::new(&emulator).cached();
    let timed = machine::timed();
    let mut holder = tool.spawn(&["credential-process", "--timeout", "1"]);
    while made(&emulator) == 0 {
        assert!(holder.try_wait().unwrap().is_none(), "it ended by itself");
        thread::sleep(Duration::from_millis(20));
    }
    key_ids(&at_once_in(&timed, &tool, 4, &["credential-process"]));
    assert_eq!(holder.wait().unwrap().code(), Some(5));
    assert_eq!(made(&emulator), 5, "none waits for the next one");
}

#[test]
fn a_failure_behind_one_proxy_does_not_count_behind_another() {
    let emulator = emulator();
    let slow = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = slow.local_addr().unwrap().to_string();
    let tool = Program::new(&emulator).cached();
    let spawn = |proxy: &str| {
        let arguments = ["credential-process", "--endpoint", "https://aws.invalid", "--proxy"];
        let mut child = tool.spawn(&[&arguments[..], &[proxy, "--debug"]].concat());
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        // Then it goes for the lock.
        let mut line = String::new();
        while !line.contains("miss: ") {
            line.clear();
            assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended before");
        }
        (child, stderr)
    };
    let holder = spawn(&proxy);
    let (connection, _) = slow.accept().unwrap();
    let waiters = [spawn(&proxy), spawn("127.0.0.1:1")];
    drop((connection, slow));
    let end = |(mut child, mut stderr): (Running, BufReader<ChildStderr>)| {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        leak::check(text.as_bytes());
        assert_eq!(child.wait().unwrap().code(), Some(5), "{text}");
        text.rsplit_once("error: ").unwrap().1.to_owned()
    };
    let [same, other] = waiters.map(end);
    let holder = end(holder);
    assert!(!holder.starts_with("another process"), "{holder}");
    assert!(same.starts_with("another process tried to create the session and failed: "), "{same}");
    assert!(other.contains("127.0.0.1:1"), "{other}");
}

/// Checks that a failure that was recorded so many seconds later delays no process.
#[track_caller]
fn ignores_a_failure_recorded_at(shift: i64) {
    let env = TestEnvironment::new().cached();
    env.emulator().fault(json!({"operation": "CreateSession", "status": 403}));
    assert_eq!(env.run("credential-process").code, 4);
    let cache = directory(env.emulator());
    let lock = cache.join(&files(&cache)[0]);
    let mut record: Value = serde_json::from_str(&fs::read_to_string(&lock).unwrap()).unwrap();
    record["failed"] = json!(record["failed"].as_i64().unwrap() + shift);
    fs::write(&lock, record.to_string()).unwrap();
    let env = env.fault(json!({"operation": "CreateSession", "delay_ms": 700, "times": 0}));
    let mut ids = key_ids(&at_once(env.program(), 20, &["credential-process"]));
    ids.dedup();
    assert_eq!((ids.len(), made(env.emulator())), (1, 2));
}

#[test]
fn ignores_an_earlier_failure() {
    ignores_a_failure_recorded_at(0);
}

/// The clock was ahead then, and is right again.
#[test]
fn ignores_a_failure_of_the_future() {
    ignores_a_failure_recorded_at(3_600);
}

#[test]
fn a_killed_process_delays_no_other() {
    let emulator = emulator();
    emulator.fault(json!({"operation": "CreateSession", "delay_ms": 60_000}));
    let tool = Program::new(&emulator).cached();
    let mut holder = tool.spawn(&["credential-process"]);
    while made(&emulator) == 0 {
        assert!(holder.try_wait().unwrap().is_none(), "it ended by itself");
        // Without a pause, this loop would keep the emulator from answering.
        thread::sleep(Duration::from_millis(20));
    }
    holder.kill().unwrap();
    holder.wait().unwrap();
    let outcome = tool.run(&["credential-process", "--debug"]);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(!outcome.stderr.contains("is taking too long"), "{outcome}");
    assert!(outcome.stderr.contains(": cached"), "{outcome}");
}

#[test]
fn does_not_wait_for_ever_for_another_process() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    tool.vend(&[]);
    let (path, name) = entry(&emulator);
    fs::remove_file(path).unwrap();
    let lock = fs::File::open(directory(&emulator).join(name.lock())).unwrap();
    lock.try_lock().unwrap();
    let outcome = tool.run(&["credential-process", "--timeout", "2", "--debug"]);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.stderr.contains("is taking too long"), "{outcome}");
    tool.vend(&[]);
    assert_eq!(made(&emulator), 2, "what was made without the lock is kept too");
}
