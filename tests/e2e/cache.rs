//! Sessions kept between runs: what hits, what misses, and what is served when AWS fails.

mod commands;
mod concurrent;
mod storage;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use roles_anywhere::session_cache::entry::CacheEntry;
use roles_anywhere::session_cache::key::CacheKey;
use roles_anywhere_emulator::{self as aws, Emulator};
use serde_json::{Value, json};

use crate::environment::{Program, TestEnvironment, emulator};

const SECRET: [&str; 3] = ["secret", "get", "prod/db-credentials"];

const DEBUG: &str = "credential-process --debug";

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

fn make_directory(path: &Path, mode: u32) {
    fs::create_dir(path).unwrap();
    set_mode(path, mode);
}

/// Gives a file away, where the tests run as root.
fn own_by_nobody(path: &Path) {
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        std::os::unix::fs::lchown(path, Some(65_534), None).unwrap();
    }
}

#[test]
fn a_second_run_sends_no_request() {
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
fn strict_permissions_hold_though_a_session_is_cached() {
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
fn serves_a_valid_session_if_the_refresh_is_slow() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let old = tool.vend(&[]);
    age(&emulator, 3_000);
    emulator.fault(json!({"operation": "CreateSession", "delay_ms": 60_000, "times": 0}));
    let outcome = tool.run(&["credential-process", "--timeout", "5", "--debug"]);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert_eq!(outcome.json()["AccessKeyId"], old["AccessKeyId"]);
    // Half of its time.
    assert!(outcome.stderr.contains("within 2.5 s"), "{outcome}");
}

#[test]
fn serves_no_session_that_expired_during_its_refresh() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    tool.vend(&[]);
    // It has 4 seconds, of which the last two do not count; its refresh takes 3.
    age(&emulator, 3_596);
    emulator.fault(json!({"operation": "CreateSession", "delay_ms": 60_000, "times": 0}));
    let outcome = tool.run(&["credential-process", "--timeout", "6"]);
    assert_eq!((outcome.code, outcome.stdout.as_slice()), (5, &b""[..]), "{outcome}");
}

#[test]
fn logs_a_miss() {
    let miss = TestEnvironment::new().cached().run(DEBUG);
    assert!(miss.stderr.contains("miss: no cached session"), "{miss}");
    assert!(miss.stderr.contains(": cached"), "{miss}");
}

#[test]
fn logs_a_hit_without_its_secret() {
    let env = TestEnvironment::new().cached();
    let document = env.vend("");
    let hit = env.run(DEBUG);
    assert!(hit.stderr.contains("hit, valid for 3"), "{hit}");
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
    assert!(failed.stderr.contains("used without a refresh, which failed"), "{failed}");
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

#[test]
fn removes_stale_files_of_other_processes() {
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
