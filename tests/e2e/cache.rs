//! Sessions kept between runs: what hits, what misses, who refreshes, and that nothing of it is fatal.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::ChildStderr;
use std::thread;
use std::time::Duration;

use insta::assert_snapshot;
use roles_anywhere::session_cache::entry::CacheEntry;
use roles_anywhere::session_cache::key::CacheKey;
use roles_anywhere_emulator::{self as aws, Emulator};
use serde_json::{Value, json};

use crate::environment::{CommandOutput, Program, Running, TestEnvironment, emulator};
use crate::leak;
use crate::machine;

const SECRET: [&str; 3] = ["secret", "get", "prod/db-credentials"];

fn directory(emulator: &Emulator) -> PathBuf {
    emulator.directory().join("run/roles-anywhere")
}

/// Returns how many sessions were made.
fn made(emulator: &Emulator) -> usize {
    let requests = emulator.requests();
    requests.iter().filter(|request| request["operation"] == "CreateSession").count()
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Returns the one entry that is kept.
fn entry(emulator: &Emulator) -> (PathBuf, CacheKey) {
    let directory = directory(emulator);
    let names: Vec<CacheKey> =
        files(&directory).iter().filter_map(|file| CacheKey::parse(file)).collect();
    assert_eq!(names.len(), 1, "{:?}", files(&directory));
    (directory.join(names[0].as_str()), names[0].clone())
}

/// Makes the one entry look as if its session had come so many seconds earlier.
fn age(emulator: &Emulator, seconds: i64) {
    let (path, name) = entry(emulator);
    let mut entry = CacheEntry::parse(&name, &fs::read(&path).unwrap()).unwrap();
    let credentials = &mut entry.session.credentials;
    credentials.expiration = credentials.expiration.after(-seconds);
    entry.session.received = entry.session.received.after(-seconds);
    fs::write(&path, entry.render(&name).expose()).unwrap();
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Runs `tool` so many times at once.
fn at_once(tool: &Program, times: usize, arguments: &[&str]) -> Vec<CommandOutput> {
    // They have to start within the time that the first one takes.
    let _timed = machine::timed();
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
fn a_second_run_asks_nobody() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let first = tool.vend(&[]);
    assert_eq!(tool.vend(&[]), first);
    // A proxy changes nothing about a session.
    assert_eq!(tool.vend(&["--proxy", "http://127.0.0.1:1"]), first);
    assert_eq!(emulator.requests().len(), 1);
    let (path, _) = entry(&emulator);
    let mode = |path: &Path| path.metadata().unwrap().mode() & 0o7777;
    assert_eq!((mode(&path), mode(&directory(&emulator))), (0o600, 0o700));
    let kept = fs::read_to_string(&path).unwrap();
    let key = fs::read_to_string(emulator.directory().join("leaf/p256.key.pem")).unwrap();
    assert!(!kept.contains(key.lines().nth(1).unwrap()), "the key is not kept");
}

#[track_caller]
fn keeps_nothing(env: &TestEnvironment, options: &str) {
    env.vend(options);
    env.vend(options);
    assert_eq!(env.emulator().requests().len(), 2);
    assert!(!directory(env.emulator()).exists());
}

#[test]
fn keeps_nothing_with_no_cache() {
    keeps_nothing(&TestEnvironment::new().cached(), "--no-cache");
}

#[test]
fn keeps_nothing_if_a_variable_says_so() {
    keeps_nothing(&TestEnvironment::new(), "");
}

#[test]
fn keeps_nothing_without_a_runtime_directory() {
    keeps_nothing(&TestEnvironment::new().cached().without("XDG_RUNTIME_DIR"), "");
}

/// Checks that these options make another session than none, and that both are kept.
#[track_caller]
fn misses_with(env: &TestEnvironment, options: &str) {
    for options in ["", options, "", options] {
        env.vend(options);
    }
    assert_eq!(env.emulator().requests().len(), 2);
}

#[test]
fn misses_with_another_duration() {
    misses_with(&TestEnvironment::new().cached(), "--session-duration 1800");
}

#[test]
fn misses_with_the_duration_of_the_profile() {
    misses_with(&TestEnvironment::new().cached(), "--session-duration profile");
}

#[test]
fn misses_with_another_session_name() {
    misses_with(&TestEnvironment::new().cached(), "--role-session-name me@plant");
}

#[test]
fn misses_with_another_role() {
    misses_with(
        &TestEnvironment::new().cached(),
        &format!("--role-arn {}", aws::NO_SECRETS_ROLE_ARN),
    );
}

#[test]
fn misses_with_no_verify_ssl() {
    misses_with(&TestEnvironment::new().cached(), "--no-verify-ssl");
}

#[test]
fn misses_with_another_endpoint() {
    let env = TestEnvironment::new().cached();
    let endpoint = env.emulator().endpoint().replace("127.0.0.1", "localhost");
    misses_with(&env, &format!("--endpoint {endpoint}"));
}

#[test]
fn misses_with_another_ca_bundle() {
    let env = TestEnvironment::new().cached();
    let copy = env.write("ca.pem", env.read("tls-ca.pem"));
    misses_with(&env, &format!("--ca-bundle {}", copy.display()));
}

#[test]
fn misses_with_a_rotated_certificate_or_key() {
    let emulator = emulator();
    let certificate = emulator.directory().join("host.pem");
    let key = emulator.directory().join("host.key.pem");
    let tool = Program::new(&emulator).cached().certificate(&certificate).key(&key);
    let install = |name: &str| {
        fs::copy(emulator.directory().join(format!("{name}.pem")), &certificate).unwrap();
        fs::copy(emulator.directory().join(format!("{name}.key.pem")), &key).unwrap();
    };
    install("leaf/p256");
    let first = tool.vend(&[]);
    install("leaf/rsa2048");
    assert_ne!(tool.vend(&[]), first);
    install("leaf/p256");
    assert_eq!(tool.vend(&[]), first);
    assert_eq!(emulator.requests().len(), 2);
    // Half a rotation is refused as ever.
    fs::copy(emulator.directory().join("leaf/rsa2048.key.pem"), &key).unwrap();
    assert_eq!(tool.run(&["credential-process"]).code, 3);
}

#[test]
fn hits_with_an_identity_that_can_be_read_only_once() {
    let emulator = emulator();
    let read = |name: &str| fs::read_to_string(emulator.directory().join(name)).unwrap();
    let combined = read("leaf/p256.pem") + &read("leaf/p256.key.pem");
    let tool = Program::new(&emulator)
        .cached()
        .set("IDENTITY", &combined)
        .set("ROLES_ANYWHERE_CERTIFICATE", "env:IDENTITY")
        .unset("ROLES_ANYWHERE_PRIVATE_KEY");
    assert_eq!(tool.vend(&[]), tool.vend(&[]));
    let pipe = emulator.directory().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let tool = tool.set("ROLES_ANYWHERE_CERTIFICATE", &pipe);
    for _ in 0..2 {
        thread::scope(|scope| {
            scope.spawn(|| fs::write(&pipe, &combined).unwrap());
            tool.vend(&[]);
        });
    }
    assert_eq!(emulator.requests().len(), 1, "what holds the same bytes is the same identity");
}

#[test]
fn refuses_an_open_key_where_asked_to_though_a_session_is_kept() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let key = emulator.directory().join("leaf/p256.key.pem");
    set_mode(&key, 0o600);
    tool.vend(&["--strict-permissions"]);
    set_mode(&key, 0o644);
    assert_eq!(tool.run(&["credential-process", "--strict-permissions"]).code, 3);
    tool.vend(&[]);
    assert_eq!(emulator.requests().len(), 1);
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
fn twenty_at_once_make_two_calls_if_aws_takes_more_than_half_of_their_time() {
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

/// Checks that a valid session is served though its refresh fails, until it expires.
#[track_caller]
fn serves_what_is_valid_through(fault: Value) {
    let env = TestEnvironment::new().cached();
    let old = env.vend("");
    age(env.emulator(), 3_500);
    let env = env.fault(fault);
    assert_eq!(env.vend("")["AccessKeyId"], old["AccessKeyId"]);
    let tries = made(env.emulator());
    assert!(tries > 1);
    // AWS is left alone for a while.
    assert_eq!(env.vend("")["AccessKeyId"], old["AccessKeyId"]);
    assert_eq!(made(env.emulator()), tries);
    age(env.emulator(), 200);
    // The session has expired.
    env.fails("credential-process");
}

#[test]
fn serves_what_is_valid_through_an_outage() {
    serves_what_is_valid_through(json!({"status": 503, "times": 0}));
}

#[test]
fn serves_what_is_valid_through_a_refusal() {
    serves_what_is_valid_through(
        json!({"status": 403, "code": "AccessDeniedException", "times": 0}),
    );
}

#[test]
fn serves_what_is_valid_through_connections_that_are_cut() {
    serves_what_is_valid_through(json!({"cut": true, "times": 0}));
}

#[test]
fn serves_what_is_valid_through_responses_of_something_else() {
    serves_what_is_valid_through(json!({"body": "<html>", "status": 200, "times": 0}));
}

#[test]
fn does_not_let_whoever_could_be_served_wait_for_long() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let old = tool.vend(&[]);
    age(&emulator, 3_000);
    emulator.fault(json!({"operation": "CreateSession", "delay_ms": 60_000, "times": 0}));
    let outcome = tool.run(&["credential-process", "--timeout", "5", "--debug"]);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert_eq!(outcome.json()["AccessKeyId"], old["AccessKeyId"]);
    // Half of its time, in whole seconds.
    assert!(outcome.stderr.contains("within 2 s"), "{outcome}");
}

#[test]
fn serves_nothing_that_is_over_when_its_refresh_has_failed() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    tool.vend(&[]);
    // It has 4 seconds, of which the last two do not count; its refresh takes 3.
    age(&emulator, 3_596);
    emulator.fault(json!({"operation": "CreateSession", "delay_ms": 60_000, "times": 0}));
    let outcome = tool.run(&["credential-process", "--timeout", "6"]);
    assert_eq!((outcome.code, outcome.stdout.as_slice()), (5, &b""[..]), "{outcome}");
}

const DEBUG: &str = "credential-process --debug";

#[test]
fn logs_a_miss() {
    let miss = TestEnvironment::new().cached().run(DEBUG);
    assert!(miss.stderr.contains("miss: nothing is kept"), "{miss}");
    assert!(miss.stderr.contains(": kept"), "{miss}");
}

#[test]
fn logs_a_hit_without_its_secret() {
    let env = TestEnvironment::new().cached();
    let document = env.vend("");
    let hit = env.run(DEBUG);
    assert!(hit.stderr.contains("hit, 3"), "{hit}");
    assert!(!hit.stderr.contains("endpoint:"), "a hit needs no endpoint: {hit}");
    assert!(!hit.stderr.contains(document["SecretAccessKey"].as_str().unwrap()));
}

/// Returns an environment with a session that is due for refresh, which AWS refuses once.
fn refused_when_due() -> (TestEnvironment, Value) {
    let env = TestEnvironment::new().cached();
    let document = env.vend("");
    age(env.emulator(), 3_000);
    let refusal = json!({"status": 403, "code": "AccessDeniedException", "message": "by you"});
    (env.fault(refusal), document)
}

#[test]
fn logs_why_a_refresh_failed() {
    let (env, document) = refused_when_due();
    let failed = env.run(DEBUG);
    assert_eq!(failed.code, 0);
    assert!(failed.stderr.contains("the refresh failed"), "{failed}");
    assert!(failed.stderr.contains("by you"), "{failed}");
    assert!(!failed.stderr.contains(document["SecretAccessKey"].as_str().unwrap()));
}

#[test]
fn logs_a_hit_after_a_refresh_failed() {
    let (env, document) = refused_when_due();
    env.run(DEBUG);
    let pause = env.run(DEBUG);
    assert!(pause.stderr.contains("hit, "), "{pause}");
    assert!(!pause.stderr.contains(document["SecretAccessKey"].as_str().unwrap()));
}

#[test]
fn logs_that_there_is_no_cache() {
    let outcome = TestEnvironment::new().cached().run(&format!("{DEBUG} --no-cache"));
    assert!(outcome.stderr.contains("cache: none"), "{outcome}");
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
        outcome.stderr.starts_with("error: another process just failed: AWS refused")
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
fn tries_at_once_where_the_one_that_was_waited_for_had_less_time() {
    let emulator = emulator();
    emulator.fault(json!({"operation": "CreateSession", "delay_ms": 1_500, "times": 0}));
    let tool = Program::new(&emulator).cached();
    let mut holder = tool.spawn(&["credential-process", "--timeout", "1"]);
    while made(&emulator) == 0 {
        assert!(holder.try_wait().unwrap().is_none(), "it ended by itself");
        thread::sleep(Duration::from_millis(20));
    }
    key_ids(&at_once(&tool, 4, &["credential-process"]));
    assert_eq!(holder.wait().unwrap().code(), Some(5));
    assert_eq!(made(&emulator), 5, "nobody waits for the next one");
}

#[test]
fn a_failure_behind_one_proxy_is_none_behind_another() {
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
    assert!(same.starts_with("another process just failed: "), "{same}");
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
fn a_holder_that_was_killed_holds_nobody_up() {
    let emulator = emulator();
    emulator.fault(json!({"operation": "CreateSession", "delay_ms": 60_000}));
    let tool = Program::new(&emulator).cached();
    let mut holder = tool.spawn(&["credential-process"]);
    while made(&emulator) == 0 {
        assert!(holder.try_wait().unwrap().is_none(), "it ended by itself");
        // Whoever asks without a pause keeps the emulator from answering.
        thread::sleep(Duration::from_millis(20));
    }
    holder.kill().unwrap();
    holder.wait().unwrap();
    let outcome = tool.run(&["credential-process", "--debug"]);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(!outcome.stderr.contains("takes too long"), "{outcome}");
    assert!(outcome.stderr.contains(": kept"), "{outcome}");
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
    assert!(outcome.stderr.contains("takes too long"), "{outcome}");
    tool.vend(&[]);
    assert_eq!(made(&emulator), 2, "what was made without the lock is kept too");
}

/// Checks that the program does without a cache in a directory that cannot be used.
#[track_caller]
fn does_without(env: &TestEnvironment, cache: &str) {
    let path = env.path(cache);
    let place = format!("--cache-dir {}", path.display());
    env.vend(&place);
    let outcome = env.run(&format!("{DEBUG} {place}"));
    assert!(outcome.stderr.contains("not kept: "), "{outcome}");
    assert!(outcome.stderr.contains(&format!("`{}`", path.display())), "{outcome}");
    let secret = env.run(&format!("{} {place}", SECRET.join(" ")));
    assert_eq!((secret.code, secret.stderr.as_str()), (0, ""), "{secret}");
    assert_eq!(made(env.emulator()), 3);
}

#[test]
fn a_file_in_place_of_the_cache_is_not_fatal() {
    does_without(&TestEnvironment::new().cached().file("file", ""), "file");
}

#[test]
fn a_file_above_the_cache_is_not_fatal() {
    does_without(&TestEnvironment::new().cached().file("file", ""), "file/below");
}

#[test]
fn a_cache_that_others_may_enter_is_not_fatal() {
    let env = TestEnvironment::new().cached();
    make_directory(&env.path("open"), 0o755);
    does_without(&env, "open");
    assert_eq!(files(&env.path("open")), Vec::<String>::new());
}

#[test]
fn a_link_to_the_cache_is_not_fatal() {
    let env = TestEnvironment::new().cached();
    make_directory(&env.path("own"), 0o700);
    symlink("own", env.path("link")).unwrap();
    does_without(&env, "link");
    assert_eq!(files(&env.path("own")), Vec::<String>::new());
}

fn make_directory(path: &Path, mode: u32) {
    fs::create_dir(path).unwrap();
    set_mode(path, mode);
}

#[test]
fn a_directory_that_is_named_and_missing_is_made() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let path = emulator.directory().join("one/two/three");
    let place = ["--cache-dir", path.to_str().unwrap()];
    let first = tool.vend(&place);
    assert_eq!(tool.vend(&place), first);
    assert_eq!(made(&emulator), 1);
    for directory in [path.parent().unwrap().parent().unwrap(), path.parent().unwrap(), &path] {
        assert_eq!(directory.metadata().unwrap().mode() & 0o7777, 0o700, "{directory:?}");
    }
}

/// Checks what `cache show` or `cache clear` says of a directory that it refuses.
#[track_caller]
fn refuses_directory(env: &TestEnvironment, command: &str, name: &str, reason: &str) {
    let path = env.path(name);
    let outcome = env.run(&format!("cache {command} --cache-dir {}", path.display()));
    assert_eq!((outcome.code, outcome.stdout.len()), (6, 0), "{outcome}");
    assert!(outcome.stderr.contains(reason), "{outcome}");
    assert!(outcome.stderr.contains(path.to_str().unwrap()), "{outcome}");
}

#[test]
fn show_refuses_a_file_in_place_of_the_directory() {
    let env = TestEnvironment::new().file("file", "");
    refuses_directory(&env, "show", "file", "it is a link, or not a directory");
}

#[test]
fn clear_refuses_a_file_in_place_of_the_directory() {
    let env = TestEnvironment::new().file("file", "");
    refuses_directory(&env, "clear", "file", "it is a link, or not a directory");
}

#[test]
fn show_refuses_a_link_to_the_directory() {
    let env = TestEnvironment::new();
    make_directory(&env.path("own"), 0o700);
    symlink("own", env.path("link")).unwrap();
    refuses_directory(&env, "show", "link", "it is a link, or not a directory");
}

#[test]
fn clear_refuses_a_link_to_the_directory() {
    let env = TestEnvironment::new();
    make_directory(&env.path("own"), 0o700);
    symlink("own", env.path("link")).unwrap();
    refuses_directory(&env, "clear", "link", "it is a link, or not a directory");
}

#[test]
fn show_refuses_a_directory_that_others_may_enter() {
    let env = TestEnvironment::new();
    make_directory(&env.path("open"), 0o755);
    refuses_directory(&env, "show", "open", "others may enter or read it (mode 0755)");
}

#[test]
fn clear_refuses_a_directory_that_others_may_enter() {
    let env = TestEnvironment::new();
    make_directory(&env.path("open"), 0o755);
    refuses_directory(&env, "clear", "open", "others may enter or read it (mode 0755)");
}

/// Only root can give a directory away.
#[track_caller]
fn refuses_a_directory_of_nobody(command: &str) {
    let env = TestEnvironment::new();
    make_directory(&env.path("theirs"), 0o700);
    own_by_nobody(&env.path("theirs"));
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        let reason = "it belongs to uid 65534 (mode 0700), and this process runs as uid 0";
        refuses_directory(&env, command, "theirs", reason);
    }
}

#[test]
fn show_refuses_the_directory_of_another_user() {
    refuses_a_directory_of_nobody("show");
}

#[test]
fn clear_refuses_the_directory_of_another_user() {
    refuses_a_directory_of_nobody("clear");
}

/// Checks what `cache show` or `cache clear` says of a directory without sessions, which it does not
/// make.
#[track_caller]
fn finds_nothing(command: &str, name: &str, words: &str) {
    let env = TestEnvironment::new();
    make_directory(&env.path("own"), 0o700);
    let path = env.path(name);
    let outcome = env.run(&format!("cache {command} --cache-dir {}", path.display()));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
    assert!(outcome.text().contains(words), "{outcome}");
    assert!(!env.path("absent").exists() && !env.path("a").exists());
}

#[test]
fn show_calls_an_empty_directory_empty() {
    finds_nothing("show", "own", "is empty");
}

#[test]
fn clear_calls_an_empty_directory_empty() {
    finds_nothing("clear", "own", "is empty");
}

#[test]
fn show_calls_a_missing_directory_missing() {
    finds_nothing("show", "absent", "no such directory");
}

#[test]
fn clear_calls_a_missing_directory_missing() {
    finds_nothing("clear", "absent", "no such directory");
}

#[test]
fn show_calls_a_directory_below_a_missing_one_missing() {
    finds_nothing("show", "a/b", "no such");
}

#[test]
fn clear_calls_a_directory_below_a_missing_one_missing() {
    finds_nothing("clear", "a/b", "no such");
}

#[test]
fn keeps_nothing_in_another_user_s_place() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let run = emulator.directory().join("run");
    own_by_nobody(&run);
    if fs::metadata(&run).unwrap().uid() == fs::metadata("/proc/self").unwrap().uid() {
        return;
    }
    tool.vend(&[]);
    let outcome = tool.run(&["credential-process", "--debug"]);
    assert!(outcome.stderr.contains("above it belongs to uid 65534 (mode 0"), "{outcome}");
    assert_eq!((made(&emulator), files(&run)), (2, Vec::new()));
}

#[test]
fn a_full_disk_is_not_fatal_and_nothing_is_left_behind() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    // No file may grow, as on a full disk; what goes into a pipe is no file.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" credential-process";
    let program = env!("CARGO_BIN_EXE_roles-anywhere");
    for _ in 0..2 {
        let outcome = tool.clone().called(Path::new("/bin/sh")).run(&["-c", script, program]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
    }
    assert_eq!(made(&emulator), 2);
    let left = files(&directory(&emulator));
    assert!(left.len() == 1 && left[0].ends_with(".lock"), "{left:?}");
}

#[test]
fn a_place_that_cannot_be_written_to_still_serves_what_it_has() {
    let emulator = emulator();
    let (tool, _folder) = Program::new(&emulator).cached().reachable();
    let tool = tool.for_nobody();
    open_to_nobody(emulator.directory());
    let run = emulator.directory().join("run");
    own_by_nobody(&run);
    let first = tool.vend(&[]);
    let place = directory(&emulator);
    set_mode(&place, 0o500);
    assert_eq!(tool.vend(&[]), first);
    tool.vend(&["--session-duration", "900"]);
    assert_eq!(made(&emulator), 2);
    assert_eq!(files(&place).len(), 2, "an entry and its lock");
    // What is due is refreshed now and then, though it cannot be kept.
    age(&emulator, 3_000);
    let refreshed = tool.vend(&[])["AccessKeyId"].clone();
    assert_ne!(refreshed, first["AccessKeyId"]);
    assert_eq!(tool.vend(&[])["AccessKeyId"], first["AccessKeyId"]);
    assert_eq!(made(&emulator), 3);
    set_mode(&place, 0o700);
}

/// Checks that an entry that was spoilt is replaced, and that its successor is served.
#[track_caller]
fn replaces_a_spoilt_entry(spoil: impl FnOnce(&Path, &TestEnvironment)) {
    let env = TestEnvironment::new().cached();
    let first = env.vend("")["AccessKeyId"].clone();
    spoil(&entry(env.emulator()).0, &env);
    let next = env.vend("")["AccessKeyId"].clone();
    assert_ne!(next, first);
    assert_eq!(env.vend("")["AccessKeyId"], next);
}

#[test]
fn replaces_an_empty_entry() {
    replaces_a_spoilt_entry(|path, _| fs::write(path, b"").unwrap());
}

#[test]
fn replaces_an_entry_that_is_cut() {
    replaces_a_spoilt_entry(|path, _| {
        let whole = fs::read(path).unwrap();
        fs::write(path, &whole[..whole.len() - 1]).unwrap();
    });
}

#[test]
fn replaces_an_entry_with_a_flipped_bit() {
    replaces_a_spoilt_entry(|path, _| {
        let mut flipped = fs::read(path).unwrap();
        flipped[200] ^= 1;
        fs::write(path, &flipped).unwrap();
    });
}

#[test]
fn replaces_an_entry_that_others_may_read() {
    replaces_a_spoilt_entry(|path, _| set_mode(path, 0o640));
}

#[test]
fn replaces_an_entry_that_is_a_link() {
    replaces_a_spoilt_entry(|path, env| {
        fs::rename(path, env.path("elsewhere")).unwrap();
        symlink(env.path("elsewhere"), path).unwrap();
    });
}

/// Only root can give an entry away.
#[test]
fn replaces_an_entry_of_another_user() {
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        replaces_a_spoilt_entry(|path, _| own_by_nobody(path));
    }
}

/// Tells whether an entry is served after what it holds of the monotonic clock was changed.
#[cfg(target_os = "linux")]
fn is_served_after(change: impl FnOnce(&mut roles_anywhere_client::time::Running)) -> bool {
    let env = TestEnvironment::new().cached();
    let old = env.vend("")["AccessKeyId"].clone();
    let (path, name) = entry(env.emulator());
    let mut entry = CacheEntry::parse(&name, &fs::read(&path).unwrap()).unwrap();
    change(entry.stored_at.as_mut().unwrap());
    fs::write(&path, entry.render(&name).expose()).unwrap();
    env.vend("")["AccessKeyId"] == old
}

#[test]
#[cfg(target_os = "linux")]
fn a_session_is_served_while_no_clock_says_that_it_has_expired() {
    assert!(is_served_after(|_| {}));
}

/// An hour has passed while the wall clock stood, or was set back.
#[test]
#[cfg(target_os = "linux")]
fn a_session_has_expired_if_the_monotonic_clock_says_so() {
    assert!(!is_served_after(|running| running.seconds -= 3_600));
}

#[test]
#[cfg(target_os = "linux")]
fn the_monotonic_clock_of_another_boot_does_not_count() {
    assert!(is_served_after(|running| running.boot_id = "another start".to_owned()));
}

#[test]
fn remembers_how_far_the_clock_is_off() {
    let emulator = emulator();
    emulator.advance(7_200);
    let tool = Program::new(&emulator).cached();
    tool.vend(&[]);
    assert_eq!(made(&emulator), 2, "the first try told");
    tool.vend(&[]);
    age(&emulator, 3_700);
    tool.vend(&[]);
    assert_eq!(made(&emulator), 3);
}

#[test]
fn secret_get_shares_the_session() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    tool.vend(&[]);
    for _ in 0..2 {
        let outcome = tool.run(&SECRET);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
    }
    assert_eq!(made(&emulator), 1);
    assert_eq!(emulator.requests().len(), 3);
}

fn refused_secret(code: &str) -> Value {
    json!({"operation": "GetSecretValue", "status": 400, "code": code})
}

#[test]
fn secret_get_replaces_a_session_that_aws_calls_expired() {
    let env = TestEnvironment::new().cached();
    let old = env.vend("");
    let env = env.fault(refused_secret("ExpiredTokenException"));
    let outcome = env.program().run(&SECRET);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
    assert_eq!(made(env.emulator()), 2);
    assert_ne!(env.vend("")["AccessKeyId"], old["AccessKeyId"]);
}

/// A session that was made just now is not the reason.
#[test]
fn secret_get_replaces_a_session_only_once() {
    let env = TestEnvironment::new().cached();
    env.vend("");
    let expired = refused_secret("ExpiredTokenException");
    let env = env.fault(json!([expired, expired]));
    let outcome = env.program().run(&SECRET);
    assert_eq!((outcome.code, made(env.emulator())), (4, 2), "{outcome}");
}

#[test]
fn secret_get_keeps_its_session_if_the_secret_is_denied() {
    let env = TestEnvironment::new().cached();
    env.vend("");
    let env = env.fault(refused_secret("AccessDeniedException"));
    assert_eq!((env.program().run(&SECRET).code, made(env.emulator())), (4, 1));
}

#[test]
fn secret_get_survives_a_clock_that_was_set_right() {
    let emulator = emulator();
    emulator.advance(7_200);
    let tool = Program::new(&emulator).cached();
    assert_eq!(tool.run(&SECRET).code, 0);
    emulator.advance(-7_200);
    let outcome = tool.run(&SECRET);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
}

/// Returns an environment with a cache; its snapshots name no access key id and no digits of a file.
fn cached() -> TestEnvironment {
    TestEnvironment::new()
        .cached()
        .filter(r"ASIA\w+", "ASIAKEYID")
        .filter(r"session-[0-9a-f]{8}", "session-DIGITS")
}

#[test]
fn shows_an_empty_cache() {
    let env = cached();
    assert_snapshot!(env.run("cache show"), @"
    $ roles-anywhere cache show
    exit code: 0
    ----- stdout -----
    no sessions are cached: no such directory: `DIR/run/roles-anywhere`
    ----- stderr -----
    ");
}

#[test]
fn shows_sessions_without_their_secrets() {
    let env = cached();
    let named = ["--role-session-name", "me@plant"];
    env.program().vend(&named);
    age(env.emulator(), 3_000);
    let document = env.program().vend(&named);
    assert_snapshot!(env.run("cache show"), @"
    $ roles-anywhere cache show
    exit code: 0
    ----- stdout -----
    ROLE                                     SESSION NAME  ACCESS KEY ID         LEFT    FILE
    arn:aws:iam::123456789012:role/Workload  me@plant      ASIAKEYID  59 min  session-DIGITS
    ----- stderr -----
    ");
    for member in ["SecretAccessKey", "SessionToken"] {
        assert!(!env.run("cache show").text().contains(document[member].as_str().unwrap()));
    }
}

/// Puts a session into the cache, another one that is damaged, what a writer left behind, and a file
/// of something else.
fn fill(env: &TestEnvironment) -> PathBuf {
    let named = ["--role-session-name", "me@plant"];
    env.program().vend(&named);
    let cache = directory(env.emulator());
    fs::write(cache.join("container-token"), "kept").unwrap();
    fs::write(cache.join(format!("session-{}", "0".repeat(32))), "damaged").unwrap();
    fs::write(cache.join(format!("session-{}.0f.new", "0".repeat(32))), "left behind").unwrap();
    cache
}

#[test]
fn shows_that_a_session_is_damaged() {
    let env = cached();
    fill(&env);
    let shown = env.run("cache show");
    assert!(shown.text().contains("(damaged"), "{shown}");
}

#[test]
fn clears_all_sessions_and_nothing_else() {
    let env = cached();
    let cache = fill(&env);
    assert_snapshot!(env.run("cache clear"), @"
    $ roles-anywhere cache clear
    exit code: 0
    ----- stdout -----
    removed 2 sessions from `DIR/run/roles-anywhere`
    ----- stderr -----
    ");
    assert_eq!(files(&cache), ["container-token"]);
}

#[test]
fn clears_a_cache_that_is_clear() {
    let env = cached();
    fill(&env);
    env.run("cache clear");
    assert_snapshot!(env.run("cache clear"), @"
    $ roles-anywhere cache clear
    exit code: 0
    ----- stdout -----
    the cache `DIR/run/roles-anywhere` is empty
    ----- stderr -----
    ");
}

#[test]
fn clears_one_session() {
    let env = cached();
    env.program().vend(&[]);
    assert_snapshot!(env.run("cache clear"), @"
    $ roles-anywhere cache clear
    exit code: 0
    ----- stdout -----
    removed one session from `DIR/run/roles-anywhere`
    ----- stderr -----
    ");
}

#[test]
fn shows_nothing_without_a_place_for_a_cache() {
    let env = cached().without("XDG_RUNTIME_DIR");
    assert_snapshot!(env.run("cache show"), @"
    $ env -u XDG_RUNTIME_DIR roles-anywhere cache show
    exit code: 0
    ----- stdout -----
    there is no cache: neither `--cache-dir`, RUNTIME_DIRECTORY nor XDG_RUNTIME_DIR is set
    ----- stderr -----
    ");
}

/// Returns an environment whose cache others may read.
fn open() -> TestEnvironment {
    let env = cached();
    env.program().vend(&[]);
    set_mode(&directory(env.emulator()), 0o750);
    env
}

#[test]
fn shows_no_cache_that_others_may_read() {
    let env = open();
    assert_snapshot!(env.run("cache show"), @"
    $ roles-anywhere cache show
    exit code: 6
    ----- stdout -----
    ----- stderr -----
    error: could not read the cache `DIR/run/roles-anywhere` (from XDG_RUNTIME_DIR)
      caused by: others may enter or read it (mode 0750)
      hint: the cache needs a directory of this user with mode 0700: `chmod 700 DIR`, or pass another one by `--cache-dir`
    ");
}

#[test]
fn clears_no_cache_that_others_may_read() {
    let env = open();
    assert_snapshot!(env.run("cache clear"), @"
    $ roles-anywhere cache clear
    exit code: 6
    ----- stdout -----
    ----- stderr -----
    error: could not clear the cache `DIR/run/roles-anywhere` (from XDG_RUNTIME_DIR)
      caused by: others may enter or read it (mode 0750)
      hint: the cache needs a directory of this user with mode 0700: `chmod 700 DIR`, or pass another one by `--cache-dir`
    ");
}

#[test]
fn clears_away_what_writers_left_behind_long_ago() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    tool.vend(&[]);
    let place = directory(&emulator);
    let left =
        |digit: &str, ending: &str| place.join(format!("session-{}{ending}", digit.repeat(32)));
    let old = [left("0", ""), left("0", ".0f.new"), left("1", ".lock"), place.join("else")];
    let day = Duration::from_secs(86_400);
    for path in &old {
        let file = fs::File::create(path).unwrap();
        file.set_modified(file.metadata().unwrap().modified().unwrap() - 3 * day).unwrap();
    }
    fs::write(left("2", ".0f.new"), "being written").unwrap();
    tool.vend(&["--session-duration", "900"]);
    let there: Vec<bool> = old.iter().map(|path| path.exists()).collect();
    assert_eq!(there, [false, false, false, true]);
    assert!(left("2", ".0f.new").exists());
}

/// Lets the user nobody read what the tests of root have made.
fn open_to_nobody(directory: &Path) {
    let status = std::process::Command::new("chmod").arg("-R").arg("a+rX").arg(directory).status();
    assert!(status.unwrap().success());
}

/// Gives a file away, where the tests run as root.
fn own_by_nobody(path: &Path) {
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        std::os::unix::fs::lchown(path, Some(65_534), None).unwrap();
    }
}
