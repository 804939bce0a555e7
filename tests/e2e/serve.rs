//! `serve` as clients see it: what it answers while all goes well, and while nothing does.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use roles_anywhere_client::system::SystemClock;
use roles_anywhere_emulator::Emulator;
use rustix::process::Signal;
use serde_json::Value;

use crate::client::{Client, ROLE, SetOnDrop};
use crate::daemon::Daemon;
use crate::environment::{Program, emulator};
use crate::fault::{faults, struck, vended};
use crate::leak::PASSWORDS;

fn start(tool: &Program, token_file: &Path) -> Daemon {
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
    let tool = Program::new(&emulator).set("XDG_RUNTIME_DIR", folder.path());
    let daemon = Daemon::start(&tool, &["serve", "--port", "0"]);
    let address = daemon.wait_for("listening")["address"].as_str().unwrap().replace(':', "-");
    // In a directory that it makes.
    let token_file = folder.path().join(format!("roles-anywhere/container-token-{address}"));
    let mut client = connect(&daemon, &token_file);
    daemon.wait_for("session_received");
    let token = client.token();
    let role = client.metadata(ROLE, &token).body;
    let imds: Value =
        serde_json::from_str(&client.metadata(&format!("{ROLE}{role}"), &token).body).unwrap();
    let container: Value = serde_json::from_str(&client.container().body).unwrap();
    for name in ["AccessKeyId", "SecretAccessKey", "Token", "Expiration"] {
        assert_eq!(imds[name], container[name], "{name}");
    }
    assert!(vended(&emulator).contains(imds["AccessKeyId"].as_str().unwrap()));
    let vend = daemon.wait_for_nth("credentials_vended", 2);
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
fn follows_no_link_in_place_of_its_token() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    fs::write(&victim, "untouched").unwrap();
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, folder.path().join("roles-anywhere")).unwrap();
    let tool = Program::new(&emulator).set("XDG_RUNTIME_DIR", folder.path());
    let daemon = Daemon::start(&tool, &["serve", "--port", "0"]);
    daemon.wait_for("container_credentials_disabled");
    daemon.wait_for("listening");
    assert_eq!(elsewhere.read_dir().unwrap().count(), 0);
    assert_eq!(fs::read_to_string(victim).unwrap(), "untouched");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn its_token_is_there_as_long_as_it_runs() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let tool = Program::new(&emulator).set("XDG_RUNTIME_DIR", folder.path());
    for signal in [Signal::TERM, Signal::INT] {
        let mut daemon = Daemon::start(&tool, &["serve", "--port", "0"]);
        let address = daemon.wait_for("listening")["address"].as_str().unwrap().replace(':', "-");
        let token_file = folder.path().join(format!("roles-anywhere/container-token-{address}"));
        let token = fs::read(&token_file).unwrap();
        fs::remove_dir_all(token_file.parent().unwrap()).unwrap();
        daemon.wait_for("container_token_restored");
        assert_eq!(fs::read(&token_file).unwrap(), token);
        daemon.signal(signal);
        assert_eq!(daemon.end(), Some(0));
        assert!(!token_file.exists(), "it stays behind");
    }
}

/// The SDK for Go asks for 300 s; each process of the AWS CLI for six hours.
#[test]
fn no_number_of_tokens_pushes_one_out() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let daemon = start(&Program::new(&emulator), &folder.path().join("token"));
    let mut client = connect(&daemon, &folder.path().join("token"));
    let first = client.token_for("300");
    for _ in 0..1_100 {
        client.token();
    }
    assert_eq!(client.metadata("/latest/meta-data/", &first).status, 200);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_second_serve_is_refused_the_token_file_of_the_first() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let tool = Program::new(&emulator);
    let daemon = start(&tool, &token_file);
    daemon.wait_for("listening");
    let token = fs::read(&token_file).unwrap();
    let mut second = start(&tool, &token_file);
    assert_eq!(second.end(), Some(6));
    let reason = second.wait_for("failed")["reason"].as_str().unwrap().to_owned();
    let words = format!(
        "another `serve` uses the token file `{}` (from --token-file)",
        token_file.display()
    );
    assert_eq!(reason, words);
    assert_eq!(fs::read(&token_file).unwrap(), token);
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    let next = start(&tool, &token_file);
    next.wait_for("listening");
    assert_eq!(next.stop(), Some(0));
}

/// A process that was killed leaves its lock file, and the next one takes it over.
#[test]
fn a_token_file_is_free_once_its_process_is_dead() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let mut daemon = start(&Program::new(&emulator), &token_file);
    daemon.wait_for("listening");
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.end(), None);
    assert!(token_file.exists());
    let next = start(&Program::new(&emulator), &token_file);
    next.wait_for("listening");
    assert_eq!(next.stop(), Some(0));
}

#[test]
fn a_token_file_that_others_changed_is_restored() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let daemon = start(&Program::new(&emulator), &token_file);
    daemon.wait_for("listening");
    let token = fs::read(&token_file).unwrap();
    let replace = |contents: &str| {
        fs::write(folder.path().join("new"), contents).unwrap();
        fs::rename(folder.path().join("new"), &token_file).unwrap();
    };
    let changes: [&dyn Fn(); 2] =
        [&|| drop(fs::File::create(&token_file).unwrap()), &|| replace("another's")];
    for (round, change) in changes.iter().enumerate() {
        change();
        daemon.wait_for_nth("container_token_restored", round + 1);
        assert_eq!(fs::read(&token_file).unwrap(), token);
    }
    assert_eq!(daemon.stop(), Some(0));
}

/// Whatever is wrong is told to every local user in words of ours only.
#[test]
fn no_text_of_an_error_is_served_without_the_container_token() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    // A key itself would be refused at the start; a password may be the name of a file.
    let wrong = ["ROLES_ANYWHERE_PRIVATE_KEY", "ROLES_ANYWHERE_CERTIFICATE"];
    for variable in wrong {
        let tool = Program::new(&emulator).set(variable, PASSWORDS[1]);
        let daemon = start(&tool, &folder.path().join("token"));
        let mut client = connect(&daemon, &folder.path().join("token"));
        daemon.wait_for("credentials_unavailable");
        let token = client.token();
        let role = client.metadata(ROLE, &token).body;
        for answer in [client.get("/readyz"), client.metadata(&format!("{ROLE}{role}"), &token)] {
            assert_eq!(answer.status, 503);
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(
                (&body["kind"], &body["reason"]),
                (&"identity".into(), &"unreadable".into())
            );
            assert!(answer.body.len() < 400, "{variable}: {}", answer.body);
        }
        assert_eq!(daemon.stop(), Some(0));
    }
}

#[test]
fn serves_container_credentials_only_and_for_hosts_that_were_allowed() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let place = token_file.to_str().unwrap();
    let tool = Program::new(&emulator)
        .set("ROLES_ANYWHERE_ALLOW_HOST", "roles-anywhere.plant.svc 10.96.0.7:9911")
        .set("ROLES_ANYWHERE_NO_IMDS", "true")
        // What Kubernetes sets for a Service named roles-anywhere.
        .set("ROLES_ANYWHERE_PORT", "tcp://10.96.0.7:9911")
        .set("ROLES_ANYWHERE_PORT_9911_TCP_ADDR", "10.96.0.7")
        .set("ROLES_ANYWHERE_SERVICE_HOST", "10.96.0.7");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--listen", "0.0.0.0:0", "--allow-remote"];
    let daemon = Daemon::start(&tool, &[&arguments[..], &["--token-file", place]].concat());
    let ignored = daemon.wait_for("kubernetes_variables_ignored");
    assert!(ignored["names"].as_str().unwrap().contains("ROLES_ANYWHERE_PORT "), "{ignored}");
    let mut client = connect(&daemon, &token_file);
    daemon.wait_for("session_received");
    assert_eq!(client.container().status, 200);
    assert_eq!(client.get("/latest/meta-data/").status, 404);
    for host in ["roles-anywhere.plant.svc", "roles-anywhere.plant.svc:80", "10.96.0.7:9911"] {
        assert_eq!(client.get_for(host, "/healthz").status, 200, "{host}");
    }
    assert_eq!(client.get_for("10.96.0.7:9912", "/healthz").status, 403);
    let refused = daemon.wait_for("request_refused");
    assert_eq!(refused["host"], "10.96.0.7:9912");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn variables_of_a_kubernetes_service_are_told_under_debug_only() {
    let emulator = emulator();
    let tool = Program::new(&emulator).set("ROLES_ANYWHERE_SERVICE_HOST", "10.96.0.7");
    tool.vend(&[]);
    let debug = tool.run(&["credential-process", "--debug"]);
    assert_eq!(debug.code, 0);
    assert!(debug.stderr.contains("ROLES_ANYWHERE_SERVICE_HOST"), "{debug}");
}

#[test]
fn idle_connections_lock_no_client_out_with_few_descriptors() {
    let emulator = emulator();
    emulator.end_sessions_after(Some(3));
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let daemon = start(&Program::new(&emulator).with_few_descriptors(), &token_file);
    let listening = daemon.wait_for("listening");
    let address: std::net::SocketAddr = listening["address"].as_str().unwrap().parse().unwrap();
    let _idle: Vec<_> = (0..40).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    let begun = Instant::now();
    // The next sessions are fetched meanwhile, by descriptors that are kept for that.
    daemon.wait_for_nth("session_received", 3);
    let mut client = connect(&daemon, &token_file);
    assert_eq!(client.get("/healthz").status, 200);
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn removes_its_token_if_the_first_attempt_ends_it() {
    let emulator = emulator();
    emulator.enable_profile(roles_anywhere_emulator::PROFILE_ARN, false);
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let place = token_file.to_str().unwrap();
    let arguments = ["serve", "--port", "0", "--fail-fast", "--token-file", place];
    let outcome = Program::new(&emulator).run(&arguments);
    assert_eq!((outcome.code, token_file.exists()), (4, false), "{outcome}");
}

#[test]
fn says_why_its_token_cannot_be_kept() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let rows = [
        ("/dev/null".to_owned(), 6, "it is a device"),
        (place("missing/token"), 6, "/missing`\" hint=\"create the directory"),
        (place("token/"), 2, "the path of a file"),
        (place("token/."), 2, "the path of a file"),
    ];
    for (place, code, words) in rows {
        let arguments = ["serve", "--port", "0", "--token-file", &place];
        let outcome = Program::new(&emulator).run(&arguments);
        assert_eq!((outcome.code, outcome.stdout.len()), (code, 0), "{outcome}");
        for words in [words, "--token-file"] {
            assert!(outcome.stderr.contains(words), "{words}: {outcome}");
        }
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn says_why_there_is_nothing_and_serves_once_there_is() {
    let emulator = emulator();
    emulator.enable_profile(roles_anywhere_emulator::PROFILE_ARN, false);
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let daemon = start(&Program::new(&emulator), &token_file);
    let mut client = connect(&daemon, &token_file);
    daemon.wait_for("credentials_unavailable");
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

/// In real time, and with an identity that changes; a thousand faults are in `time_travel::load`.
#[test]
fn faults_and_rotations_at_once_bring_no_blank_and_no_stale_credentials() {
    let emulator = emulator();
    emulator.end_sessions_after(Some(3));
    let folder = tempfile::tempdir().unwrap();
    let own = |name: &str| folder.path().join(name);
    for (from, to) in [("leaf/p256.pem", "tls.crt"), ("leaf/p256.key.pem", "tls.key")] {
        fs::copy(emulator.directory().join(from), own(to)).unwrap();
    }
    let tool = Program::new(&emulator)
        .set("ROLES_ANYWHERE_CERTIFICATE", own("tls.crt"))
        .set("ROLES_ANYWHERE_PRIVATE_KEY", own("tls.key"));
    emulator.fault(faults(FAULTS).into());
    let daemon = start(&tool, &own("token"));
    let over = AtomicBool::new(false);
    let told = thread::scope(|scope| {
        let end = SetOnDrop(&over);
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
