//! Daemons whose certificate or key takes long to read or to open: they go on meanwhile.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use crate::client::{Client, ROLE};
use crate::daemon::{Daemon, DaemonFixture, until};
use crate::environment::committed;
use crate::identity_files::PASSWORD;
use roles_anywhere_emulator::TRUST_ANCHOR_ARN;

/// The committed key of `leaf/p384.pem`, encrypted by `openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter
/// 3000000`. To open it takes half a second or more, and 5 s of CPU if the program is not optimized.
const EXPENSIVE_KEY: &str = include_str!("slow_identity/p384-3m-iterations.key.pem");

/// `serve`, its only client, and the files of its identity.
struct Serving {
    daemon: Daemon,
    client: Client,
    fixture: DaemonFixture,
}

impl Serving {
    fn start(fixture: DaemonFixture, more: &[&str]) -> Self {
        let token_file = fixture.path("token");
        let token = token_file.to_str().unwrap();
        let arguments = [&["serve", "--port", "0", "--token-file", token], more].concat();
        let daemon = Daemon::start(&fixture.tool(), &arguments);
        let address = daemon.wait_for("listening")["address"].as_str().unwrap().to_owned();
        let client = Client::connect(address.parse().unwrap(), &token_file);
        Self { daemon, client, fixture }
    }

    /// With a session.
    fn ready() -> Self {
        let serving = Self::start(DaemonFixture::new(), &[]);
        serving.daemon.wait_for("session_received");
        serving
    }

    /// Asks for credentials by both protocols, so many times.
    #[track_caller]
    fn vends(&mut self, times: usize) {
        let token = self.client.token();
        let role = self.client.metadata(ROLE, &token).body;
        for _ in 0..times {
            assert_eq!(self.client.metadata(&format!("{ROLE}{role}"), &token).status, 200);
            assert_eq!(self.client.container().status, 200);
        }
    }

    fn put_pair(&self, leaf: &str) {
        self.fixture.put(&format!("leaf/{leaf}.pem"), "tls.crt");
        let key = self.fixture.path("new.key");
        self.fixture.put(&format!("leaf/{leaf}.key.pem"), "new.key");
        fs::rename(key, self.fixture.path("tls.key")).unwrap();
    }
}

/// A named pipe that is written to by the test only.
struct Fifo(PathBuf);

impl Fifo {
    fn new(fixture: &DaemonFixture, name: &str) -> Self {
        let path = fixture.path(name);
        let _ = fs::remove_file(&path);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        Self(path)
    }

    /// Waits until the daemon reads it.
    fn wait_for_reader(&self) -> Writer {
        let flags = rustix::fs::OFlags::NONBLOCK.bits().try_into().unwrap();
        // Without a reader, that is an error.
        let open = || File::options().write(true).custom_flags(flags).open(&self.0).ok();
        Writer(until(open).expect("the daemon does not read it"))
    }
}

/// The end of a pipe that the daemon reads.
struct Writer(File);

impl Writer {
    /// Whether the daemon still waits for more.
    fn has_reader(&self) -> bool {
        let mut watched = [PollFd::new(&self.0, PollFlags::empty())];
        poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap();
        !watched[0].revents().contains(PollFlags::ERR)
    }
}

const UNUSABLE: &str = "identity_reload_failed";

#[test]
fn requests_are_answered_while_a_key_hangs() {
    let mut serving = Serving::ready();
    let writer = Fifo::new(&serving.fixture, "tls.key").wait_for_reader();
    serving.vends(100);
    assert!(writer.has_reader(), "it waited for the answers");
    let reason = serving.daemon.wait_for(UNUSABLE)["reason"].as_str().unwrap().to_owned();
    let key = serving.fixture.path("tls.key");
    assert!(reason.contains(key.to_str().unwrap()), "{reason}");
    serving.vends(1);
    serving.put_pair("rsa2048");
    serving.daemon.wait_for_nth("identity_loaded", 2);
    serving.daemon.wait_for_nth("session_received", 2);
    serving.vends(1);
    assert_eq!(serving.daemon.stop(), Some(0));
}

#[test]
fn requests_are_answered_while_a_key_is_decrypted() {
    let fixture = DaemonFixture::new();
    // The password is requested last, so its pipe shows when the derivation begins.
    let password = Fifo::new(&fixture, "password");
    let path = password.0.to_str().unwrap().to_owned();
    let mut serving = Serving::start(fixture, &["--key-password-file", &path]);
    serving.daemon.wait_for("session_received");
    let anchor = fs::read_to_string(committed("anchor/root.pem")).unwrap();
    serving.fixture.emulator().replace_trust_anchor(TRUST_ANCHOR_ARN, &anchor);
    fs::copy(committed("leaf/p384.chain.pem"), serving.fixture.path("tls.crt")).unwrap();
    fs::write(serving.fixture.path("tls.key"), EXPENSIVE_KEY).unwrap();
    let mut writer = password.wait_for_reader().0;
    serving.vends(1);
    writer.write_all(PASSWORD.as_bytes()).unwrap();
    drop(writer);
    serving.vends(10);
    assert_eq!(serving.daemon.count("identity_loaded"), 1, "it was open before the answers");
    let identity = serving.daemon.wait_for_nth("identity_loaded", 2);
    assert!(identity["subject"].as_str().unwrap().ends_with("CN=p384"), "{identity}");
    serving.daemon.wait_for_nth("session_received", 2);
    assert_eq!(serving.daemon.stop(), Some(0));
}

#[test]
fn requests_are_answered_while_the_first_key_hangs() {
    let fixture = DaemonFixture::new();
    let fifo = Fifo::new(&fixture, "tls.key");
    let mut serving = Serving::start(fixture, &[]);
    let mut writer = fifo.wait_for_reader();
    for _ in 0..100 {
        serving.client.token();
    }
    assert!(writer.has_reader(), "it waited for the answers");
    let key = fs::read(serving.fixture.emulator().directory().join("leaf/p256.key.pem")).unwrap();
    writer.0.write_all(&key).unwrap();
    drop(writer);
    serving.daemon.wait_for("session_received");
    serving.vends(1);
    assert_eq!(serving.daemon.stop(), Some(0));
}

#[track_caller]
fn ends_while_a_key_hangs(command: &[&str], is_first: bool) {
    let fixture = DaemonFixture::new();
    let mut fifo = is_first.then(|| Fifo::new(&fixture, "tls.key"));
    let mut daemon = Daemon::start(&fixture.tool(), command);
    if !is_first {
        daemon.wait_for("session_received");
    }
    let fifo = fifo.get_or_insert_with(|| Fifo::new(&fixture, "tls.key"));
    let writer = fifo.wait_for_reader();
    let signalled = std::time::Instant::now();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    // The pipe is read for 10 s.
    assert!(signalled.elapsed().as_secs() < 5, "{:?}", signalled.elapsed());
    drop(writer);
}

#[test]
fn serve_ends_while_a_key_hangs() {
    ends_while_a_key_hangs(&["serve", "--port", "0"], false);
}

#[test]
fn serve_ends_while_the_first_key_hangs() {
    ends_while_a_key_hangs(&["serve", "--port", "0"], true);
}

#[test]
fn update_ends_while_a_key_hangs() {
    ends_while_a_key_hangs(&["update"], false);
}

#[test]
fn systemd_waits_for_the_end_of_a_reload() {
    let serving = Serving::ready();
    let fifo = Fifo::new(&serving.fixture, "tls.key");
    serving.daemon.forget_what_was_told();
    serving.daemon.signal(Signal::HUP);
    serving.daemon.wait_until_told("RELOADING=1");
    let mut writer = fifo.wait_for_reader();
    // Its watchdog expects a message every second.
    serving.daemon.wait_until_told("WATCHDOG=1");
    assert!(!serving.daemon.has_told("READY=1"));
    assert!(writer.has_reader());
    let key = fs::read(serving.fixture.emulator().directory().join("leaf/p256.key.pem")).unwrap();
    writer.0.write_all(&key).unwrap();
    drop(writer);
    serving.daemon.wait_until_told("READY=1");
    assert_eq!(serving.daemon.stop(), Some(0));
}
