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

#[test]
fn is_off_where_it_is_told_so_or_has_no_place() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    tool.clone().cached().vend(&["--no-cache"]);
    tool.vend(&[]);
    tool.cached().unset("XDG_RUNTIME_DIR").vend(&[]);
    assert_eq!(emulator.requests().len(), 3);
    assert!(!directory(&emulator).exists());
}

#[test]
fn misses_with_whatever_makes_another_session() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let copy = emulator.directory().join("ca.pem");
    fs::copy(emulator.directory().join("tls-ca.pem"), &copy).unwrap();
    let bare = emulator.endpoint().replace("127.0.0.1", "localhost");
    let rows: [&[&str]; 8] = [
        &[],
        &["--session-duration", "1800"],
        &["--session-duration", "profile"],
        &["--role-session-name", "me@plant"],
        &["--role-arn", aws::NO_SECRETS_ROLE_ARN],
        &["--endpoint", &bare],
        &["--no-verify-ssl"],
        &["--ca-bundle", copy.to_str().unwrap()],
    ];
    for _ in 0..2 {
        for arguments in rows {
            tool.vend(arguments);
        }
    }
    assert_eq!(emulator.requests().len(), rows.len());
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

#[test]
fn serves_what_is_valid_where_the_refresh_fails() {
    let faults = [
        json!({"status": 503, "times": 0}),
        json!({"status": 403, "code": "AccessDeniedException", "times": 0}),
        json!({"cut": true, "times": 0}),
        json!({"body": "<html>", "status": 200, "times": 0}),
    ];
    for fault in faults {
        let emulator = emulator();
        let tool = Program::new(&emulator).cached();
        let old = tool.vend(&[]);
        age(&emulator, 3_500);
        emulator.fault(fault);
        assert_eq!(tool.vend(&[])["AccessKeyId"], old["AccessKeyId"]);
        let tries = made(&emulator);
        assert!(tries > 1);
        // AWS is left alone for a while.
        assert_eq!(tool.vend(&[])["AccessKeyId"], old["AccessKeyId"]);
        assert_eq!(made(&emulator), tries);
        age(&emulator, 200);
        let outcome = tool.run(&["credential-process"]);
        assert_ne!(outcome.code, 0, "it is over: {outcome}");
        assert_eq!(outcome.stdout, b"");
    }
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

#[test]
fn says_under_debug_why_a_refresh_failed() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let run = |words: &[&str]| tool.run(&[&["credential-process", "--debug"], words].concat());
    let miss = run(&[]);
    assert!(miss.stderr.contains("miss: nothing is kept"), "{miss}");
    assert!(miss.stderr.contains(": kept"), "{miss}");
    let hit = run(&[]);
    assert!(hit.stderr.contains("hit, 3"), "{hit}");
    assert!(!hit.stderr.contains("endpoint:"), "nothing of the way is looked at: {hit}");
    age(&emulator, 3_000);
    emulator.fault(json!({"status": 403, "code": "AccessDeniedException", "message": "by you"}));
    let failed = run(&[]);
    assert_eq!(failed.code, 0);
    assert!(failed.stderr.contains("the refresh failed"), "{failed}");
    assert!(failed.stderr.contains("by you"), "{failed}");
    let pause = run(&[]);
    assert!(pause.stderr.contains("hit, "), "{pause}");
    let secret = hit.json()["SecretAccessKey"].as_str().unwrap().to_owned();
    for outcome in [miss, hit, failed, pause] {
        assert!(!outcome.stderr.contains(&secret));
    }
    assert!(run(&["--no-cache"]).stderr.contains("cache: none"));
}

#[test]
fn what_aws_answered_to_one_is_the_answer_to_all_that_waited_for_it() {
    let rows = [(429, "ThrottlingException", 5, 3), (403, "AccessDeniedException", 4, 1)];
    for (status, code, exit, tries) in rows {
        let emulator = emulator();
        let fault = json!({"status": status, "code": code, "delay_ms": 1_500, "times": 0});
        emulator.fault(fault);
        let tool = Program::new(&emulator).cached();
        let outcomes = at_once(&tool, 20, &["credential-process"]);
        for outcome in &outcomes {
            assert_eq!((outcome.code, &outcome.stdout[..]), (exit, &b""[..]), "{outcome}");
            assert!(outcome.stderr.contains(code), "{outcome}");
            assert!(outcome.stderr.contains("hint: "), "{outcome}");
        }
        let told = |outcome: &&CommandOutput| {
            outcome.stderr.starts_with("error: another process just failed: AWS refused")
        };
        assert_eq!(outcomes.iter().filter(told).count(), 19);
        assert_eq!(made(&emulator), tries);
        // Whoever comes later asks anew.
        emulator.clear_faults();
        tool.vend(&[]);
    }
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

#[test]
fn a_failure_of_another_time_holds_nobody_back() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    emulator.fault(json!({"operation": "CreateSession", "status": 403}));
    assert_eq!(tool.run(&["credential-process"]).code, 4);
    let place = directory(&emulator);
    let lock = place.join(&files(&place)[0]);
    let note = fs::read_to_string(&lock).unwrap();
    let mut note: Value = serde_json::from_str(&note).unwrap();
    emulator.fault(json!({"operation": "CreateSession", "delay_ms": 700, "times": 0}));
    // What was noted before, and what a clock that is right again takes for later.
    for (at, shift) in [0, 3_600].into_iter().enumerate() {
        note["failed"] = json!(note["failed"].as_i64().unwrap() + shift);
        fs::write(&lock, note.to_string()).unwrap();
        let mut ids = key_ids(&at_once(&tool, 20, &["credential-process"]));
        ids.dedup();
        assert_eq!((ids.len(), made(&emulator)), (1, at + 2));
        fs::remove_file(entry(&emulator).0).unwrap();
    }
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

#[test]
fn a_place_that_cannot_be_used_is_not_fatal() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let at = |name: &str| emulator.directory().join(name);
    fs::write(at("file"), "").unwrap();
    fs::create_dir(at("open")).unwrap();
    set_mode(&at("open"), 0o755);
    fs::create_dir(at("own")).unwrap();
    set_mode(&at("own"), 0o700);
    symlink("own", at("link")).unwrap();
    let places = ["file", "file/below", "open", "link"];
    for place in places {
        let path = at(place);
        tool.vend(&["--cache-dir", path.to_str().unwrap()]);
        let outcome =
            tool.run(&["credential-process", "--debug", "--cache-dir", path.to_str().unwrap()]);
        assert!(outcome.stderr.contains("not kept: "), "{place}: {outcome}");
        assert!(outcome.stderr.contains(&format!("`{}`", path.display())), "{place}: {outcome}");
        let secret = tool.run(&[&SECRET[..], &["--cache-dir", path.to_str().unwrap()]].concat());
        assert_eq!((secret.code, secret.stderr.as_str()), (0, ""), "{place}: {secret}");
    }
    assert_eq!(made(&emulator), 3 * places.len());
    assert_eq!((files(&at("open")), files(&at("own"))), (Vec::new(), Vec::new()));
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

#[test]
fn cache_commands_name_what_is_wrong_with_the_directory() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let at = |name: &str| emulator.directory().join(name);
    fs::write(at("file"), "").unwrap();
    for name in ["open", "own", "theirs"] {
        fs::create_dir(at(name)).unwrap();
        set_mode(&at(name), if name == "open" { 0o755 } else { 0o700 });
    }
    symlink("own", at("link")).unwrap();
    own_by_nobody(&at("theirs"));
    let mut rows = vec![
        ("file", "it is a link, or not a directory"),
        ("link", "it is a link, or not a directory"),
        ("open", "others may enter or read it (mode 0755)"),
    ];
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        rows.push((
            "theirs",
            "it belongs to uid 65534 (mode 0700), and this process runs as uid 0",
        ));
    }
    for (name, reason) in rows {
        for command in ["show", "clear"] {
            let path = at(name);
            let outcome = tool.run(&["cache", command, "--cache-dir", path.to_str().unwrap()]);
            assert_eq!((outcome.code, outcome.stdout.len()), (6, 0), "{name}: {outcome}");
            assert!(outcome.stderr.contains(reason), "{name}: {outcome}");
            assert!(outcome.stderr.contains(path.to_str().unwrap()), "{name}: {outcome}");
        }
    }
}

#[test]
fn cache_commands_tell_a_missing_directory_from_an_empty_one() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let at = |name: &str| emulator.directory().join(name);
    fs::create_dir(at("own")).unwrap();
    set_mode(&at("own"), 0o700);
    for (name, words) in [("own", "is empty"), ("absent", "no such directory"), ("a/b", "no such")]
    {
        for command in ["show", "clear"] {
            let path = at(name);
            let outcome = tool.run(&["cache", command, "--cache-dir", path.to_str().unwrap()]);
            assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{name}: {outcome}");
            assert!(outcome.text().contains(words), "{name}: {outcome}");
        }
    }
    assert!(!at("absent").exists() && !at("a").exists());
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

#[test]
fn a_damaged_or_foreign_entry_is_made_anew() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let first = tool.vend(&[]);
    let (path, _) = entry(&emulator);
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    flipped[200] ^= 1;
    let spoil: [&dyn Fn(); 6] = [
        &|| fs::write(&path, b"").unwrap(),
        &|| fs::write(&path, &whole[..whole.len() - 1]).unwrap(),
        &|| fs::write(&path, &flipped).unwrap(),
        &|| set_mode(&path, 0o640),
        &|| {
            fs::rename(&path, emulator.directory().join("elsewhere")).unwrap();
            symlink(emulator.directory().join("elsewhere"), &path).unwrap();
        },
        &|| own_by_nobody(&path),
    ];
    let mut last = first["AccessKeyId"].clone();
    for (at, spoil) in spoil.iter().enumerate() {
        spoil();
        let next = tool.vend(&[])["AccessKeyId"].clone();
        if at < 5 || fs::metadata("/proc/self").unwrap().uid() == 0 {
            assert_ne!(next, last, "{at}");
        }
        assert_eq!(tool.vend(&[])["AccessKeyId"], next, "it was mended");
        last = next;
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_set_is_over_by_whichever_clock_says_so() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let kept = |change: fn(&mut roles_anywhere_client::time::Running)| {
        let old = tool.vend(&[])["AccessKeyId"].clone();
        let (path, name) = entry(&emulator);
        let mut entry = CacheEntry::parse(&name, &fs::read(&path).unwrap()).unwrap();
        change(entry.stored_at.as_mut().unwrap());
        fs::write(&path, entry.render(&name).expose()).unwrap();
        tool.vend(&[])["AccessKeyId"] == old
    };
    assert!(kept(|_| {}));
    // An hour has gone while the wall clock stood, or was set back.
    assert!(!kept(|running| running.seconds -= 3_600));
    assert!(kept(|running| running.boot_id = "another start".to_owned()));
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

#[test]
fn secret_get_makes_a_session_anew_where_the_kept_one_is_not_taken() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let old = tool.vend(&[]);
    let over =
        json!({"operation": "GetSecretValue", "status": 400, "code": "ExpiredTokenException"});
    emulator.fault(over.clone());
    let outcome = tool.run(&SECRET);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
    assert_eq!(made(&emulator), 2);
    assert_ne!(tool.vend(&[])["AccessKeyId"], old["AccessKeyId"]);
    // Once: a session that was made just now is not the reason.
    emulator.fault(json!([over, over]));
    let outcome = tool.run(&SECRET);
    assert_eq!((outcome.code, made(&emulator)), (4, 3), "{outcome}");
    let denied =
        json!({"operation": "GetSecretValue", "status": 400, "code": "AccessDeniedException"});
    emulator.fault(denied);
    assert_eq!((tool.run(&SECRET).code, made(&emulator)), (4, 3));
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
