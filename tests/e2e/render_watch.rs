//! `render --watch`: files follow their secrets, and programs are told.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::daemon::{Daemon, until};
use crate::environment::TestEnvironment;

const CONF: &str = "url = {{resolve:secretsmanager:prod/plain}}\n";

/// Times so short that a test need not wait.
const SOON: &str = "--secrets-ttl 1s --quiet-period 1s --splay 0s";

fn environment() -> TestEnvironment {
    TestEnvironment::new().file("app.conf.tmpl", CONF)
}

fn start(env: &TestEnvironment, line: &str) -> Daemon {
    let line = format!("render --watch {SOON} {line}");
    let daemon = Daemon::start(env.program(), &line.split_whitespace().collect::<Vec<_>>());
    daemon.wait_until_told("READY=1");
    daemon
}

/// Returns the words that render `app.conf`.
fn to_file(env: &TestEnvironment) -> String {
    format!("{} --out {}", env.path("app.conf.tmpl").display(), env.path("app.conf").display())
}

fn put(env: &TestEnvironment, name: &str, value: impl Into<Value>) {
    env.control("POST", "/secrets", &json!({ "name": name, "value": value.into() }));
}

/// Returns a script that takes a note of each run, and the file with its notes.
fn script(env: &TestEnvironment, name: &str) -> (String, String) {
    let notes = env.path("notes").display().to_string();
    let script = env.write(name, format!("#!/bin/sh\necho \"run $*\" >> {notes}\n"));
    fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    (script.display().to_string(), notes)
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Waits until the cache has read a secret again after `from` requests.
fn wait_for_read(env: &TestEnvironment, from: usize) {
    let is_read = || env.operations()[from..].iter().any(|it| it.contains("GetSecretValue"));
    until(|| is_read().then_some(())).expect("no read");
}

#[test]
fn a_change_of_the_bytes_is_one_write_and_one_action() {
    let env = environment();
    let (script, notes) = script(&env, "act");
    let daemon = start(&env, &format!("{} --on-change {script}", to_file(&env)));
    // The file did not exist.
    daemon.wait_for("action_ended");
    assert_eq!(read(env.path("app.conf")), "url = s3cr3t\n");
    // Other versions with the same bytes, then several within the quiet period.
    let from = env.operations().len();
    put(&env, "prod/plain", "s3cr3t");
    wait_for_read(&env, from);
    for value in ["one-more", "another-one", "the-last-one"] {
        put(&env, "prod/plain", value);
    }
    daemon.wait_for_nth("action_ended", 2);
    assert_eq!(read(env.path("app.conf")), "url = the-last-one\n");
    assert_eq!(fs::metadata(env.path("app.conf")).unwrap().permissions().mode() & 0o7777, 0o400);
    put(&env, "prod/plain", "and-one");
    daemon.wait_for_nth("action_ended", 3);
    assert_eq!(read(&notes), "run \n".repeat(3));
    let changed = daemon.wait_for("references_changed");
    assert_eq!(changed["names"], "prod/plain");
    let (log, code) = daemon.stop_with_log();
    assert_eq!(code, Some(0));
    let events = |name: &str| log.iter().filter(|line| line["event"] == name).count();
    assert_eq!((events("files_written"), events("action_started")), (3, 3));
    let log = json!(log).to_string();
    assert!(!log.contains("-one") && !log.contains("s3cr3t"), "{log}");
}

/// What could not be read or rendered is named, and the file stays.
#[test]
fn a_value_that_cannot_be_rendered_leaves_the_file() {
    let env = TestEnvironment::new()
        .file(
            "a.conf.tmpl",
            "{{resolve:secretsmanager:prod/db-credentials:SecretString:username}}\n",
        )
        .file("b.conf.j2", "{{ secret('prod/db-credentials?optional').host }}\n");
    let (script, notes) = script(&env, "act");
    let paths = ["a.conf.tmpl", "b.conf.j2", "out"].map(|name| env.path(name));
    let [a, b, out] = paths.each_ref().map(|path| path.display());
    let daemon = start(&env, &format!("{a} {b} --out-dir {out} --on-change {script}"));
    daemon.wait_for("action_ended");
    let files = || (read(env.path("out/a.conf")), read(env.path("out/b.conf")));
    let before = files();
    put(&env, "prod/db-credentials", json!({"username": "somebody-else"}));
    let unusable = daemon.wait_for("values_unusable");
    let reason = unusable["reason"].to_string();
    assert!(reason.contains("b.conf.j2`, line 1: a value is undefined"), "{unusable}");
    assert_eq!(files(), before);
    put(&env, "prod/db-credentials", json!({"host": "somewhere-else"}));
    let unread = daemon.wait_for("followed_read_failed");
    let reason = unread["reason"].to_string();
    assert!(reason.contains("a.conf.tmpl") && reason.contains("username"), "{unread}");
    assert_eq!(files(), before);
    put(&env, "prod/db-credentials", json!({"username": "u2", "host": "h2"}));
    daemon.wait_for("followed_read_recovered");
    daemon.wait_for_nth("action_ended", 2);
    assert_eq!(files(), ("u2\n".to_owned(), "h2\n".to_owned()));
    assert_eq!(read(notes), "run \n".repeat(2));
    let (log, code) = daemon.stop_with_log();
    assert_eq!(code, Some(0));
    assert!(!json!(log).to_string().contains("-else"), "{log:#?}");
}

#[test]
fn the_process_of_a_pid_file_gets_a_signal() {
    let env = environment();
    assert_eq!(env.run(&format!("render {}", to_file(&env))).code, 0);
    let mut program = Command::new("sleep").arg("600").spawn().unwrap();
    let pid_file = env.write("app.pid", format!("{}\n", program.id()));
    fs::set_permissions(&pid_file, Permissions::from_mode(0o666)).unwrap();
    let action = format!("signal:USR1:{}", pid_file.display());
    let daemon = start(&env, &format!("{} --on-change {action}", to_file(&env)));
    put(&env, "prod/plain", "one");
    let failed = daemon.wait_for("action_failed");
    assert!(failed["reason"].to_string().contains("mode 0666"), "{failed}");
    assert_eq!(failed["action"], "signal:USR1");
    assert_eq!(read(env.path("app.conf")), "url = one\n");
    fs::set_permissions(&pid_file, Permissions::from_mode(0o644)).unwrap();
    put(&env, "prod/plain", "two");
    daemon.wait_for("action_ended");
    assert_eq!(program.wait().unwrap().signal(), Some(Signal::USR1.as_raw()));
    // The file was the same at the start, so there was no action.
    assert_eq!(daemon.count("action_started"), 2);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn systemd_reloads_a_unit() {
    let env = environment();
    let (_, notes) = script(&env, "systemctl");
    let path = format!("{}:{}", env.path("").display(), std::env::var("PATH").unwrap());
    let env = env.map(|program| program.set("PATH", path));
    let action = "systemctl-reload:app@main.service";
    let daemon = start(&env, &format!("{} --on-change {action}", to_file(&env)));
    assert_eq!(daemon.wait_for("action_ended")["action"], action);
    assert_eq!(read(notes), "run try-reload-or-restart -- app@main.service\n");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn sighup_reads_the_templates_again() {
    let env = environment();
    let daemon = start(&env, &to_file(&env));
    env.write("app.conf.tmpl", "{{ secret('prod/plain') }}");
    daemon.signal(Signal::HUP);
    let refused = daemon.wait_for("templates_reload_failed");
    assert!(refused["reason"].to_string().contains("app.conf.tmpl"), "{refused}");
    assert_eq!(read(env.path("app.conf")), "url = s3cr3t\n");
    daemon.forget_what_was_told();
    env.write("app.conf.tmpl", format!("{CONF}user = {{{{resolve:ssm:/prod/api-url}}}}\n"));
    daemon.signal(Signal::HUP);
    daemon.wait_until_told("RELOADING=1");
    daemon.wait_until_told("READY=1");
    daemon.wait_for_nth("files_written", 2);
    assert_eq!(read(env.path("app.conf")), "url = s3cr3t\nuser = https://api.example.com\n");
    assert_eq!(daemon.stop(), Some(0));
}

/// A reload in the middle of an action takes effect after it, and neither ends it nor starts another one.
#[test]
fn sighup_during_an_action_waits_for_its_end() {
    let env = environment();
    let notes = env.path("notes").display().to_string();
    let go_on = env.path("go-on");
    let script = format!(
        "#!/bin/sh\necho start >> {notes}\nuntil [ -e {go_on} ]; do sleep 0.1; done\nrm {go_on}\necho end >> {notes}\n",
        go_on = go_on.display()
    );
    let script = env.write("act", script);
    fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    let daemon = start(&env, &format!("{} --on-change {}", to_file(&env), script.display()));
    // During the action at the start, and then during one about a change.
    for (round, value) in [(1, "one"), (2, "two")] {
        daemon.wait_for_nth("action_started", round);
        until(|| (read(&notes).lines().count() == 2 * round - 1).then_some(())).expect("no start");
        env.write("app.conf.tmpl", format!("{CONF}round = {round}\n"));
        daemon.signal(Signal::HUP);
        daemon.wait_for_nth("templates_reloaded", round);
        put(&env, "prod/plain", value);
        fs::write(&go_on, "").unwrap();
        daemon.wait_for_nth("action_ended", round);
    }
    daemon.wait_for_nth("action_started", 3);
    fs::write(&go_on, "").unwrap();
    daemon.wait_for_nth("action_ended", 3);
    assert_eq!(read(env.path("app.conf")), "url = two\nround = 2\n");
    assert_eq!(read(&notes), "start\nend\n".repeat(3));
    // Values are still read, with the session and the cache from before.
    put(&env, "prod/plain", "three");
    daemon.wait_for_nth("action_started", 4);
    fs::write(&go_on, "").unwrap();
    daemon.wait_for_nth("action_ended", 4);
    assert_eq!(read(env.path("app.conf")), "url = three\nround = 2\n");
    let sessions = env.operations().iter().filter(|it| it.contains("CreateSession")).count();
    assert!(sessions <= 2, "{sessions} sessions");
    assert_eq!(daemon.count("followed_read_failed"), 0);
    assert_eq!(daemon.stop(), Some(0));
}

/// Another process that holds the lock of a directory keeps the files from being written, and nothing else.
#[test]
fn a_lock_of_another_process_does_not_keep_it_from_ending() {
    let env = environment();
    let (template, out) = (env.path("app.conf.tmpl"), env.path("out"));
    let options = format!("{} --out-dir {} --timeout 600", template.display(), out.display());
    let daemon = start(&env, &options);
    let lock = fs::File::options().write(true).open(out.join("..data.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    put(&env, "prod/plain", "locked-out");
    until(|| daemon.has_open(&out.join("..data.lock")).then_some(()))
        .expect("it does not wait for the lock");
    daemon.forget_what_was_told();
    daemon.wait_until_told("WATCHDOG=1");
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(read(out.join("app.conf")), "url = s3cr3t\n");
    let run =
        env.run(&format!("render {} --out-dir {} --timeout 1", template.display(), out.display()));
    assert_eq!(run.code, 6, "{run}");
    assert!(run.stderr.contains("hint: see which process holds the lock"), "{run}");
}

#[test]
fn a_reader_of_a_pair_never_sees_a_torn_one() {
    let reference = "{{resolve:secretsmanager:prod/plain}}";
    let env = TestEnvironment::new().file("user.tmpl", reference).file("password.tmpl", reference);
    let paths = ["user.tmpl", "password.tmpl", "out"].map(|name| env.path(name));
    let [user, password, out] = paths.each_ref().map(|path| path.display());
    let daemon = start(&env, &format!("{user} {password} --out-dir {out}"));
    let (is_done, pairs) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let reader = thread::spawn({
        let (is_done, pairs, data) =
            (Arc::clone(&is_done), Arc::clone(&pairs), env.path("out/..data"));
        move || {
            let mut seen = String::new();
            while !is_done.load(Ordering::Relaxed) {
                let Ok(directory) = fs::canonicalize(&data) else { continue };
                let file = |name: &str| fs::read_to_string(directory.join(name));
                // It may be replaced, and removed, while it is read.
                let (Ok(user), Ok(password)) = (file("user"), file("password")) else { continue };
                assert_eq!(user, password);
                if user != seen {
                    pairs.fetch_add(1, Ordering::Relaxed);
                    seen = user;
                }
            }
        }
    });
    for count in 2..5 {
        put(&env, "prod/plain", format!("value-{count}"));
        daemon.wait_for_nth("files_written", count);
    }
    until(|| (pairs.load(Ordering::Relaxed) == 4).then_some(())).expect("pairs are missing");
    is_done.store(true, Ordering::Relaxed);
    reader.join().unwrap();
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn nothing_is_left_after_the_start_that_follows_a_kill() {
    let reference = "{{resolve:secretsmanager:prod/plain}}";
    let env = TestEnvironment::new().file("a.tmpl", reference).file("b.tmpl", reference);
    let paths = ["a.tmpl", "b.tmpl", "dir", "one/a"].map(|name| env.path(name));
    fs::create_dir(env.path("one")).unwrap();
    let [a, b, dir, one] = paths.each_ref().map(|path| path.display().to_string());
    let lines = [format!("{a} {b} --out-dir {dir}"), format!("{a} --out {one}")];
    let lines = lines.map(|line| format!("render --watch {SOON} {line}"));
    for round in 0..12 {
        put(&env, "prod/plain", format!("value-{round}"));
        let line: Vec<&str> = lines[round % 2].split_whitespace().collect();
        let mut run = env.program().spawn(&line);
        // Some are killed before they write, some while, some after it.
        thread::sleep(Duration::from_millis(20 + 37 * (round as u64)));
        run.kill().unwrap();
        run.wait().unwrap();
    }
    // What a kill between two system calls leaves.
    fs::write(env.path("one/.roles-anywhere-0123456789abcdef"), "value").unwrap();
    if env.path("dir").exists() {
        fs::create_dir(env.path("dir/..data-0123456789abcdef")).unwrap();
    }
    for line in &lines {
        let line: Vec<&str> = line.split_whitespace().collect();
        let daemon = Daemon::start(env.program(), &line);
        daemon.wait_until_told("READY=1");
        assert_eq!(daemon.stop(), Some(0));
    }
    let names = |name: &str| {
        let entries = fs::read_dir(env.path(name)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names("one"), ["a"]);
    let (data, others): (Vec<_>, Vec<_>) =
        names("dir").into_iter().partition(|name| name.starts_with("..data-"));
    assert_eq!(
        (data.len(), others),
        (1, ["..data", "..data.lock", "a", "b"].map(str::to_owned).to_vec())
    );
    for file in ["one/a", "dir/a", "dir/b"] {
        assert_eq!(read(env.path(file)), "value-11", "{file}");
    }
}

/// Each action is a command that waits, so that the kill comes between the change of the file and the end of the
/// action.
#[test]
fn an_action_that_a_kill_prevented_is_done_by_the_next_start() {
    for output in ["--out app.conf", "--out-dir dir"] {
        let env = environment();
        let (notes, go_on) = (env.path("notes"), env.path("go-on"));
        let go = go_on.display();
        let script = format!(
            "#!/bin/sh\necho start >> {notes}\nuntil [ -e {go} ]; do sleep 0.1; done\necho end >> {notes}\n",
            notes = notes.display()
        );
        let script = env.write("act", script);
        fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
        let (option, name) = output.split_once(' ').unwrap();
        let line = format!(
            "{} {option} {} --on-change {}",
            env.path("app.conf.tmpl").display(),
            env.path(name).display(),
            script.display()
        );
        fs::write(&go_on, "").unwrap();
        let daemon = start(&env, &line);
        daemon.wait_for("action_ended");
        fs::remove_file(&go_on).unwrap();
        put(&env, "prod/plain", "second-value");
        daemon.wait_for_nth("action_started", 2);
        daemon.signal(Signal::KILL);
        drop(daemon);
        // The command of the killed process goes on by itself.
        fs::write(&go_on, "").unwrap();
        until(|| (read(&notes).lines().count() == 4).then_some(())).expect("it does not end");
        let daemon = start(&env, &line);
        daemon.wait_for("action_ended");
        assert_eq!(daemon.count("files_written"), 0);
        assert_eq!(daemon.stop(), Some(0));
        assert_eq!(read(&notes), "start\nend\n".repeat(3));
        // Nothing is to be done any more, and nothing is left.
        let daemon = start(&env, &line);
        put(&env, "prod/plain", "third-value");
        daemon.wait_for("action_ended");
        assert_eq!(daemon.count("action_started"), 1);
        assert_eq!(daemon.stop(), Some(0));
        let left = [env.path(".app.conf.roles-anywhere-pending"), env.path("dir/..data.pending")];
        assert!(left.iter().all(|path| !path.exists()), "{output}");
    }
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let env = TestEnvironment::offline().file("app.conf.tmpl", CONF);
    let template = env.path("app.conf.tmpl").display().to_string();
    let rows = [
        ("--watch", "`--watch` needs `--out`"),
        ("--watch --out a --check", "--check"),
        ("--out a --on-change true", "`--on-change` needs `--watch`"),
        ("--out a --splay 1s", "`--splay` needs `--watch`"),
        (
            "--watch --out a --on-change signal:HUP:app.pid",
            "expected the absolute path of a PID file",
        ),
        ("--watch --out a --on-change restart", "`command:CMD`, or a command"),
        ("--watch --out a --quiet-period 0s", "invalid value `0s` for `--quiet-period`"),
        ("--watch --out a --splay 2h", "invalid value `2h` for `--splay`"),
        ("--watch --out /dev/null", "`--watch` and `--out` cannot be used together"),
    ];
    for (options, expected) in rows {
        let run = env.run(&format!("render {template} {options}"));
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains(expected), "{options}: {run}");
    }
    let plain = env.write("plain.tmpl", "no reference");
    let run = env.run(&format!("render {} --watch --out a", plain.display()));
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("`--watch` has nothing to follow"), "{run}");
}
