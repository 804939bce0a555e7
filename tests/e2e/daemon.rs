//! A daemon that runs: its log, its credentials file or port, systemd's side, and how it ends.
#![expect(clippy::panic, reason = "what did not come is told with what came instead")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::environment::{Program, Running, emulator};
use crate::leak;
use roles_anywhere_emulator::Emulator;

/// How long a test waits for an expected event.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A daemon that logs JSON, and systemd's end of its socket.
pub(crate) struct Daemon {
    child: Running,
    log: Arc<Mutex<Vec<Value>>>,
    heard: Arc<Mutex<Vec<String>>>,
    _folder: tempfile::TempDir,
}

impl Daemon {
    pub(crate) fn start(tool: &Program, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&socket).unwrap();
        let tool = tool.clone().set("NOTIFY_SOCKET", &socket).set("WATCHDOG_USEC", "1000000");
        let mut child = tool.spawn(&[arguments, &["--log-format", "json"]].concat());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        thread::spawn(move || {
            for line in stderr.lines() {
                let line = line.unwrap();
                let value =
                    serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
                lines.lock().unwrap().push(value);
            }
        });
        let heard = Arc::new(Mutex::new(Vec::new()));
        let messages = Arc::clone(&heard);
        // The queue of the socket is short: a reader that stops blocks the daemon.
        thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(length) = systemd.recv(&mut buffer) {
                let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
                messages.lock().unwrap().push(message);
            }
        });
        Self { child, log, heard, _folder: folder }
    }

    /// Waits for an event of that name, and returns it and what came before.
    #[track_caller]
    pub(crate) fn wait_for(&self, event: &str) -> Value {
        self.wait_for_nth(event, 1)
    }

    #[track_caller]
    pub(crate) fn wait_for_nth(&self, event: &str, count: usize) -> Value {
        let log = Arc::clone(&self.log);
        let found = move || {
            let log = log.lock().unwrap();
            log.iter().filter(|line| line["event"] == event).nth(count - 1).cloned()
        };
        until(found).unwrap_or_else(|| panic!("no {count}. `{event}` in {:#?}", self.log))
    }

    /// Waits until systemd has been told so.
    #[track_caller]
    pub(crate) fn wait_until_told(&self, what: &str) {
        until(|| self.has_told(what).then_some(()))
            .unwrap_or_else(|| panic!("no {what} in {:?}", self.heard.lock().unwrap()));
    }

    /// Returns whether systemd has been told so.
    pub(crate) fn has_told(&self, what: &str) -> bool {
        self.heard.lock().unwrap().iter().any(|heard| heard.contains(what))
    }

    /// Returns how many events of that name there are so far.
    pub(crate) fn count(&self, event: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|line| line["event"] == event).count()
    }

    pub(crate) fn forget_what_was_told(&self) {
        self.heard.lock().unwrap().clear();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Returns whether it has a file open.
    pub(crate) fn has_open(&self, path: &Path) -> bool {
        let files = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        let path = path.canonicalize().unwrap();
        links.into_iter().any(|link| link == path)
    }

    /// Stops it as systemd does, and returns its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.end()
    }

    /// As [`Daemon::stop`], with all that it logged.
    pub(crate) fn stop_with_log(mut self) -> (Vec<Value>, Option<i32>) {
        self.signal(Signal::TERM);
        let code = self.end();
        (self.log.lock().unwrap().clone(), code)
    }

    pub(crate) fn end(&mut self) -> Option<i32> {
        let ended = until(|| self.child.try_wait().unwrap());
        ended.expect("it does not end").code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !thread::panicking() {
            let log = self.log.lock().unwrap();
            log.iter().for_each(|line| leak::check(line.to_string().as_bytes()));
            let heard = self.heard.lock().unwrap();
            heard.iter().for_each(|message| leak::check(message.as_bytes()));
        }
    }
}

pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    while start.elapsed() < TIMEOUT {
        if let Some(found) = look() {
            return Some(found);
        }
        thread::sleep(Duration::from_millis(20));
    }
    None
}

/// Certificate and key in files that a test replaces, and a credentials file.
pub(crate) struct DaemonFixture {
    emulator: Emulator,
    folder: tempfile::TempDir,
}

impl DaemonFixture {
    pub(crate) fn new() -> Self {
        let fixture = Self { emulator: emulator(), folder: tempfile::tempdir().unwrap() };
        fixture.put("leaf/p256.pem", "tls.crt");
        fixture.put("leaf/p256.key.pem", "tls.key");
        fixture
    }

    pub(crate) fn emulator(&self) -> &Emulator {
        &self.emulator
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes over a file in place, as `cp` does.
    pub(crate) fn put(&self, from: &str, to: &str) {
        fs::copy(self.emulator.directory().join(from), self.path(to)).unwrap();
    }

    pub(crate) fn tool(&self) -> Program {
        Program::new(&self.emulator)
            .set("ROLES_ANYWHERE_CERTIFICATE", self.path("tls.crt"))
            .set("ROLES_ANYWHERE_PRIVATE_KEY", self.path("tls.key"))
            .set("AWS_SHARED_CREDENTIALS_FILE", self.path("credentials"))
    }

    fn refuse(&self) {
        let fault = json!({"status": 403, "code": "AccessDeniedException", "message": "Untrusted signing certificate", "times": 0});
        self.emulator.fault(fault);
    }

    /// Waits until the profile holds the last key that was vended to that leaf.
    #[track_caller]
    fn wait_for_profile(&self, leaf: &str) {
        let written = until(|| {
            let requests = self.emulator.requests();
            let session = &requests.iter().rev().find(|r| r["session"].is_object())?["session"];
            let key = session["access_key_id"].as_str()?;
            let text = fs::read_to_string(self.path("credentials")).ok()?;
            (session["source_identity"] == format!("CN={leaf}") && text.contains(key)).then_some(())
        });
        written.unwrap_or_else(|| panic!("no key of {leaf} in the profile"));
    }
}

#[test]
fn update_follows_a_rotation_from_ec_to_rsa_to_ml_dsa() {
    let fixture = DaemonFixture::new();
    let daemon = Daemon::start(&fixture.tool(), &["update", "--profile", "plant"]);
    fixture.wait_for_profile("p256");

    fixture.put("leaf/rsa2048.pem", "tls.crt");
    let half = daemon.wait_for("identity_reload_failed");
    assert!(half["reason"].as_str().unwrap().contains("does not match"), "{half}");
    fixture.put("leaf/rsa2048.key.pem", "tls.key");
    fixture.wait_for_profile("rsa2048");

    // By rename, key first.
    for (from, to) in [("leaf/mldsa65.key.pem", "tls.key"), ("leaf/mldsa65.pem", "tls.crt")] {
        fixture.put(from, "new");
        fs::rename(fixture.path("new"), fixture.path(to)).unwrap();
    }
    fixture.wait_for_profile("mldsa65");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn update_follows_the_swap_of_a_kubernetes_volume() {
    let fixture = DaemonFixture::new();
    for (version, leaf) in [("..1", "p256"), ("..2", "rsa2048")] {
        fs::create_dir(fixture.path(version)).unwrap();
        fixture.put(&format!("leaf/{leaf}.pem"), &format!("{version}/tls.crt"));
        fixture.put(&format!("leaf/{leaf}.key.pem"), &format!("{version}/tls.key"));
    }
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, fixture.path(name)).unwrap();
    for name in ["tls.crt", "tls.key"] {
        fs::remove_file(fixture.path(name)).unwrap();
        link(&format!("..data/{name}"), name);
    }
    link("..1", "..data");
    let daemon = Daemon::start(&fixture.tool(), &["update"]);
    fixture.wait_for_profile("p256");
    link("..2", "..data_tmp");
    fs::rename(fixture.path("..data_tmp"), fixture.path("..data")).unwrap();
    fixture.wait_for_profile("rsa2048");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn update_outlives_a_refusal_and_leaves_the_file_as_it_is() {
    let fixture = DaemonFixture::new();
    fs::write(fixture.path("credentials"), "[default]\nregion = r\n").unwrap();
    fixture.refuse();
    let daemon = Daemon::start(&fixture.tool(), &["update"]);
    let failed = daemon.wait_for("credentials_unavailable");
    assert!(failed["reason"].as_str().unwrap().contains("AccessDeniedException"), "{failed}");
    daemon.wait_until_told("READY=1");
    daemon.wait_until_told("STATUS=AWS refused CreateSession: 403 AccessDeniedException");
    assert_eq!(fs::read_to_string(fixture.path("credentials")).unwrap(), "[default]\nregion = r\n");
    // What was wrong is put right, and a new certificate is tried at once.
    fixture.emulator.clear_faults();
    fixture.put("leaf/rsa2048.pem", "tls.crt");
    fixture.put("leaf/rsa2048.key.pem", "tls.key");
    fixture.wait_for_profile("rsa2048");
    daemon.wait_until_told("STATUS=the session is valid until ");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn update_says_once_that_the_key_needs_no_password() {
    let fixture = DaemonFixture::new();
    let tool = fixture.tool().set("ROLES_ANYWHERE_KEY_PASSWORD_FILE", fixture.path("password"));
    let daemon = Daemon::start(&tool, &["update"]);
    let event = "password_unused";
    assert_eq!(daemon.wait_for(event)["option"], "ROLES_ANYWHERE_KEY_PASSWORD_FILE");
    fixture.put("leaf/rsa2048.pem", "tls.crt");
    fixture.put("leaf/rsa2048.key.pem", "tls.key");
    fixture.wait_for_profile("rsa2048");
    assert_eq!(daemon.count(event), 1);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_profile_is_named_in_one_way() {
    let fixture = DaemonFixture::new();
    let long = "payments-production-account-readonly-access";
    for (name, shown) in
        [(long, long), ("wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYxyz", "(not shown)")]
    {
        let mut arguments = vec!["update", "--profile", name, "--log-format", "json"];
        let daemon = Daemon::start(&fixture.tool(), &arguments[..3]);
        assert_eq!(daemon.wait_for("profile_written")["profile"], shown);
        assert_eq!(daemon.stop(), Some(0));
        arguments.push("--once");
        let outcome = fixture.tool().run(&arguments);
        assert!(outcome.stderr.contains(&format!("\"profile\":\"{shown}\"")), "{outcome}");
        let outcome = fixture.tool().run(&["update", "--once", "--profile", name]);
        let quoted = if shown == name { format!("`{name}`") } else { shown.to_owned() };
        assert!(outcome.stderr.contains(&format!("wrote profile {quoted} to ")), "{outcome}");
        let key = format!("[{name}]\naws_access_key_id = AKIA1\naws_secret_access_key = s\n");
        fs::write(fixture.path("credentials"), key).unwrap();
        let outcome = fixture.tool().run(&["update", "--once", "--profile", name]);
        assert!(outcome.stderr.contains(&format!("the profile {quoted} contains ")), "{outcome}");
        fs::remove_file(fixture.path("credentials")).unwrap();
    }
}

#[test]
fn tells_systemd_how_it_stands() {
    let fixture = DaemonFixture::new();
    let mut daemon = Daemon::start(&fixture.tool(), &["update"]);
    daemon.wait_until_told("READY=1");
    fixture.wait_for_profile("p256");
    daemon.wait_until_told("WATCHDOG=1");
    daemon.forget_what_was_told();
    daemon.wait_until_told("WATCHDOG=1");
    daemon.signal(Signal::HUP);
    daemon.wait_until_told("RELOADING=1");
    daemon.wait_until_told("MONOTONIC_USEC=");
    daemon.wait_until_told("READY=1");
    daemon.signal(Signal::TERM);
    daemon.wait_until_told("STOPPING=1");
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn tells_systemd_once_that_it_serves() {
    let fixture = DaemonFixture::new();
    for arguments in [&["serve", "--port", "0"][..], &["serve", "--port", "0", "--fail-fast"]] {
        let mut daemon = Daemon::start(&fixture.tool(), arguments);
        daemon.wait_for("session_received");
        daemon.signal(Signal::TERM);
        daemon.wait_until_told("STOPPING=1");
        let heard = daemon.heard.lock().unwrap().concat();
        assert_eq!(heard.matches("READY=1").count(), 1, "{heard}");
        assert_eq!(daemon.end(), Some(0));
    }
}

#[test]
fn ends_with_the_first_failure_with_fail_fast() {
    let fixture = DaemonFixture::new();
    fixture.refuse();
    let mut daemon = Daemon::start(&fixture.tool(), &["update", "--fail-fast"]);
    let ended = daemon.wait_for("failed");
    assert_eq!(daemon.end(), Some(4));
    assert_eq!((&ended["level"], &ended["exit_code"]), (&json!("error"), &json!(4)));
    assert!(ended["reason"].as_str().unwrap().contains("AccessDeniedException"), "{ended}");
    assert_eq!(daemon.log.lock().unwrap().last(), Some(&ended));
    assert!(!Path::exists(&fixture.path("credentials")));
}

#[test]
fn waits_for_an_identity_that_is_not_there_yet() {
    let fixture = DaemonFixture::new();
    fs::remove_file(fixture.path("tls.key")).unwrap();
    let daemon = Daemon::start(&fixture.tool(), &["update"]);
    let failed = daemon.wait_for("credentials_unavailable");
    assert!(failed["reason"].as_str().unwrap().contains("cannot read"), "{failed}");
    fixture.put("leaf/p256.key.pem", "tls.key");
    fixture.wait_for_profile("p256");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn logs_no_secret() {
    let fixture = DaemonFixture::new();
    fixture.emulator.end_sessions_after(Some(3));
    let daemon = Daemon::start(&fixture.tool(), &["update"]);
    daemon.wait_for_nth("session_received", 3);
    let text = fs::read_to_string(fixture.path("credentials")).unwrap();
    let log = format!("{:?}", daemon.log.lock().unwrap());
    for line in text.lines().filter(|line| line.contains("secret") || line.contains("token")) {
        let (_, value) = line.split_once(" = ").unwrap();
        assert!(!log.contains(&value[..16]), "{line} is in the log");
    }
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn remembers_how_far_its_clock_is_off_and_counts_by_awss() {
    let fixture = DaemonFixture::new();
    fixture.emulator.advance(31 * 60);
    fixture.emulator.end_sessions_after(Some(4));
    let daemon = Daemon::start(&fixture.tool(), &["update"]);
    let third = daemon.wait_for_nth("session_received", 3);
    // The session ends by AWS's clock, whatever this machine's says.
    let seconds: i64 = third["lifetime_seconds"].as_i64().unwrap();
    assert!((1..=4).contains(&seconds), "{third}");
    let refused = fixture.emulator.requests().iter().filter(|r| !r["session"].is_object()).count();
    assert_eq!(refused, 1, "the offset was forgotten");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn counts_a_session_by_awss_clock_if_the_difference_is_small() {
    let fixture = DaemonFixture::new();
    fixture.emulator.advance(200);
    fixture.emulator.end_sessions_after(Some(6));
    let daemon = Daemon::start(&fixture.tool(), &["update"]);
    let received = daemon.wait_for("session_received");
    let seconds: i64 = received["lifetime_seconds"].as_i64().unwrap();
    assert!((1..=6).contains(&seconds), "{received}");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn takes_a_session_that_is_over_for_a_failure() {
    let fixture = DaemonFixture::new();
    fixture.emulator.advance(200);
    fixture.emulator.end_sessions_after(Some(0));
    let daemon = Daemon::start(&fixture.tool(), &["update"]);
    daemon.wait_for_nth("credentials_unavailable", 2);
    let calls = fixture.emulator.requests().len();
    assert!(calls < 10, "{calls} calls");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn tries_an_identity_again_when_its_mode_is_mended() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = DaemonFixture::new();
    let open =
        |mode| fs::set_permissions(fixture.path("tls.key"), fs::Permissions::from_mode(mode));
    open(0o644).unwrap();
    let daemon = Daemon::start(&fixture.tool(), &["update", "--strict-permissions"]);
    let failed = daemon.wait_for("credentials_unavailable");
    assert!(failed["reason"].as_str().unwrap().contains("readable by other users"), "{failed}");
    open(0o600).unwrap();
    fixture.wait_for_profile("p256");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn uses_an_identity_that_came_while_another_was_fetched_with() {
    let fixture = DaemonFixture::new();
    fixture.emulator.fault(json!({"delay_ms": 2_000, "times": 1}));
    let daemon = Daemon::start(&fixture.tool(), &["update"]);
    daemon.wait_for("identity_loaded");
    fixture.put("leaf/rsa2048.pem", "tls.crt");
    fixture.put("leaf/rsa2048.key.pem", "tls.key");
    daemon.signal(Signal::HUP);
    fixture.wait_for_profile("rsa2048");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn restores_a_profile_that_was_removed() {
    let fixture = DaemonFixture::new();
    let daemon = Daemon::start(&fixture.tool(), &["update"]);
    fixture.wait_for_profile("p256");
    fs::write(fixture.path("credentials"), "[other]\nregion = r\n").unwrap();
    // SIGHUP makes it look at once.
    daemon.signal(Signal::HUP);
    fixture.wait_for_profile("p256");
    let text = fs::read_to_string(fixture.path("credentials")).unwrap();
    assert!(text.starts_with("[other]\nregion = r\n"), "{text}");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn says_once_what_is_wrong_with_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = DaemonFixture::new();
    fs::write(fixture.path("credentials"), "[default]\naws_security_token = old\n").unwrap();
    fs::set_permissions(fixture.path("credentials"), fs::Permissions::from_mode(0o640)).unwrap();
    fixture.emulator.end_sessions_after(Some(3));
    let daemon = Daemon::start(&fixture.tool(), &["update"]);
    daemon.wait_for_nth("profile_written", 3);
    let log = daemon.log.lock().unwrap().clone();
    for words in ["readable by other users (mode 0640)", "`aws_security_token`"] {
        let said = |line: &&Value| {
            line["event"] == "profile_warning" && line["reason"].as_str().unwrap().contains(words)
        };
        assert_eq!(log.iter().filter(said).count(), 1, "{log:#?}");
    }
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_log_without_a_reader_does_not_block_it() {
    let fixture = DaemonFixture::new();
    fixture.emulator.end_sessions_after(Some(3));
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while std::io::Write::write(&mut writer, &[b'x'; 4_096]).is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    let mut child = fixture.tool().spawn_into(&["update"], writer);
    let keys = || fs::read_to_string(fixture.path("credentials")).ok();
    let first = until(keys).expect("nothing is written");
    until(|| keys().filter(|text| *text != first)).expect("it is held up");
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(until(|| child.try_wait().unwrap()).expect("it does not end").code(), Some(0));
    let mut log = Vec::new();
    std::io::Read::read_to_end(&mut reader, &mut log).unwrap();
    leak::check(&log);
}
