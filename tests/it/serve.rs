//! `serve` as clients see it: what it answers while all goes well, and while nothing does.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use roles_anywhere::os::clock::SystemClock;
use roles_anywhere_emulator::Emulator;
use rustix::process::Signal;
use serde_json::Value;

use crate::client::{Client, End, ROLE};
use crate::daemon::Daemon;
use crate::fault::{faults, struck, vended};
use crate::tool::{Tool, emulator};

fn start(tool: &Tool, token_file: &Path) -> Daemon {
    let token_file = token_file.to_str().unwrap();
    Daemon::start(tool, &["serve", "--port", "0", "--token-file", token_file])
}

fn connect(daemon: &Daemon, token_file: &Path) -> Client {
    let address = daemon.wait_for("listening")["address"].as_str().unwrap().to_owned();
    Client::connect(address.parse().unwrap(), token_file)
}

#[test]
fn hands_out_what_aws_vended_by_both_ways() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let tool = Tool::new(&emulator).set("XDG_RUNTIME_DIR", folder.path());
    let daemon = Daemon::start(&tool, &["serve", "--port", "0"]);
    let address = daemon.wait_for("listening")["address"].as_str().unwrap().replace(':', "-");
    // In a directory that it makes.
    let token_file = folder.path().join(format!("roles-anywhere/container-token-{address}"));
    let mut client = connect(&daemon, &token_file);
    daemon.wait_for("session received");
    let token = client.token();
    let role = client.metadata(ROLE, &token).body;
    let imds: Value =
        serde_json::from_str(&client.metadata(&format!("{ROLE}{role}"), &token).body).unwrap();
    let container: Value = serde_json::from_str(&client.container().body).unwrap();
    for name in ["AccessKeyId", "SecretAccessKey", "Token", "Expiration"] {
        assert_eq!(imds[name], container[name], "{name}");
    }
    assert!(vended(&emulator).contains(imds["AccessKeyId"].as_str().unwrap()));
    let vend = daemon.wait_for_nth("credentials vended", 2);
    assert_eq!(vend["route"], "container");
    assert_eq!(vend["access_key_id"], container["AccessKeyId"]);
    let own = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap());
    assert_eq!(vend["uid"], own.to_string());
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&token_file), mode(token_file.parent().unwrap())), (0o600, 0o700));
    assert!(!fs::read_to_string(&token_file).unwrap().contains('\n'));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn follows_no_link_where_its_token_is_to_be() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    fs::write(&victim, "untouched").unwrap();
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, folder.path().join("roles-anywhere")).unwrap();
    let tool = Tool::new(&emulator).set("XDG_RUNTIME_DIR", folder.path());
    let daemon = Daemon::start(&tool, &["serve", "--port", "0"]);
    daemon.wait_for("no container credentials: name a place for their token by --token-file");
    daemon.wait_for("listening");
    assert_eq!(elsewhere.read_dir().unwrap().count(), 0);
    assert_eq!(fs::read_to_string(victim).unwrap(), "untouched");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn its_token_is_there_as_long_as_it_runs() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let tool = Tool::new(&emulator).set("XDG_RUNTIME_DIR", folder.path());
    for signal in [Signal::TERM, Signal::INT] {
        let mut daemon = Daemon::start(&tool, &["serve", "--port", "0"]);
        let address = daemon.wait_for("listening")["address"].as_str().unwrap().replace(':', "-");
        let token_file = folder.path().join(format!("roles-anywhere/container-token-{address}"));
        let token = fs::read(&token_file).unwrap();
        fs::remove_dir_all(token_file.parent().unwrap()).unwrap();
        daemon.wait_for("container token was gone: written again");
        assert_eq!(fs::read(&token_file).unwrap(), token);
        daemon.signal(signal);
        assert_eq!(daemon.end(), Some(0));
        assert!(!token_file.exists(), "it stays behind");
    }
}

#[test]
fn leaves_the_token_of_another_where_it_ends() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let daemons = [(); 2].map(|()| {
        let daemon = start(&Tool::new(&emulator), &token_file);
        daemon.wait_for("listening");
        daemon
    });
    for (daemon, rest) in daemons.into_iter().zip([1, 0]) {
        assert_eq!(daemon.stop(), Some(0));
        assert_eq!(folder.path().read_dir().unwrap().count(), rest);
    }
}

#[test]
fn takes_its_token_away_where_the_first_try_ends_it() {
    let emulator = emulator();
    emulator.enable_profile(roles_anywhere_emulator::PROFILE_ARN, false);
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let place = token_file.to_str().unwrap();
    let arguments = ["serve", "--port", "0", "--fail-fast", "--token-file", place];
    let outcome = Tool::new(&emulator).run(&arguments);
    assert_eq!((outcome.code, token_file.exists()), (4, false), "{outcome}");
}

#[test]
fn says_why_there_is_nothing_and_serves_once_there_is() {
    let emulator = emulator();
    emulator.enable_profile(roles_anywhere_emulator::PROFILE_ARN, false);
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let daemon = start(&Tool::new(&emulator), &token_file);
    let mut client = connect(&daemon, &token_file);
    daemon.wait_for("refresh failed; there is nothing to hand out");
    let answer = client.container();
    assert_eq!(answer.status, 503);
    let why: Value = serde_json::from_str(&answer.body).unwrap();
    assert!(why["Message"].as_str().unwrap().contains("CreateSession"), "{why}");
    emulator.enable_profile(roles_anywhere_emulator::PROFILE_ARN, true);
    // A refusal is 15 s old before a caller makes it try again.
    let begun = Instant::now();
    while client.container().status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(25));
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(daemon.stop(), Some(0));
}

/// How many faults strike: each kind once.
const FAULTS: usize = 14;

/// Writes one identity over the other again and again, the certificate before the key, until so
/// many faults struck: each new identity is tried at once, whatever failed before.
fn rotate_until_struck(emulator: &Emulator, folder: &Path) {
    let begun = Instant::now();
    let from = |name: &str| emulator.directory().join("leaf").join(name);
    while struck(emulator) < FAULTS {
        assert!(begun.elapsed() < Duration::from_secs(300), "only {} struck", struck(emulator));
        for name in ["p384", "p256"] {
            fs::copy(from(&format!("{name}.pem")), folder.join("tls.crt")).unwrap();
            thread::sleep(Duration::from_millis(5));
            fs::copy(from(&format!("{name}.key.pem")), folder.join("tls.key")).unwrap();
            thread::sleep(Duration::from_millis(200));
        }
    }
}

/// In real time, and with an identity that changes; a thousand faults are in `lapse::load`.
#[test]
fn faults_and_rotations_at_once_bring_no_blank_and_no_stale_credentials() {
    let emulator = emulator();
    emulator.end_sessions_after(Some(3));
    let folder = tempfile::tempdir().unwrap();
    let own = |name: &str| folder.path().join(name);
    for (from, to) in [("leaf/p256.pem", "tls.crt"), ("leaf/p256.key.pem", "tls.key")] {
        fs::copy(emulator.directory().join(from), own(to)).unwrap();
    }
    let tool = Tool::new(&emulator)
        .set("ROLES_ANYWHERE_CERTIFICATE", own("tls.crt"))
        .set("ROLES_ANYWHERE_PRIVATE_KEY", own("tls.key"));
    emulator.fault(faults(FAULTS).into());
    let daemon = start(&tool, &own("token"));
    let over = AtomicBool::new(false);
    let told = thread::scope(|scope| {
        let end = End(&over);
        let asking = scope.spawn(|| {
            let clock = SystemClock::start();
            connect(&daemon, &own("token")).ask_until(&over, &clock)
        });
        rotate_until_struck(&emulator, folder.path());
        drop(end);
        asking.join().unwrap()
    });
    let strangers: Vec<_> = told.keys().difference(&vended(&emulator)).cloned().collect();
    assert_eq!(strangers, Vec::<String>::new());
    assert!(told.served > 0 && told.refused > 0, "{} and {}", told.served, told.refused);
    assert_eq!(daemon.stop(), Some(0));
}
