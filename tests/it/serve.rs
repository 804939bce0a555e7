//! `serve` as clients see it: what it answers while all goes well, and while nothing does.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use roles_anywhere_emulator::Emulator;
use rustix::process::Signal;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::daemon::Daemon;
use crate::tool::{Tool, emulator};

const ROLE: &str = "/latest/meta-data/iam/security-credentials/";
const TTL: &str = "X-aws-ec2-metadata-token-ttl-seconds";

/// A connection that is kept.
struct Client {
    stream: TcpStream,
    token_file: std::path::PathBuf,
}

struct Answer {
    status: u16,
    body: String,
}

impl Client {
    fn connect(daemon: &Daemon, token_file: &Path) -> Self {
        let address = daemon.wait_for("listening")["address"].as_str().unwrap().to_owned();
        let address: SocketAddr = address.parse().unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, token_file: token_file.to_owned() }
    }

    fn ask(&mut self, method: &str, path: &str, header: (&str, &str)) -> Answer {
        let (name, value) = header;
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{name}: {value}\r\n\r\n");
        self.stream.write_all(head.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        let mut buffer = [0; 4_096];
        loop {
            let read = self.stream.read(&mut buffer).unwrap();
            assert_ne!(read, 0, "closed in the middle of an answer");
            bytes.extend_from_slice(&buffer[..read]);
            let text = str::from_utf8(&bytes).unwrap();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let head = head.to_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap();
            if body.len() == length.split("\r\n").next().unwrap().parse::<usize>().unwrap() {
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                return Answer { status, body: body.to_owned() };
            }
        }
    }

    fn token(&mut self) -> String {
        let answer = self.ask("PUT", "/latest/api/token", (TTL, "21600"));
        assert_eq!(answer.status, 200);
        answer.body
    }

    fn metadata(&mut self, path: &str, token: &str) -> Answer {
        self.ask("GET", path, ("X-aws-ec2-metadata-token", token))
    }

    fn container(&mut self) -> Answer {
        let token = fs::read_to_string(&self.token_file).unwrap();
        self.ask("GET", "/credentials", ("Authorization", &token))
    }
}

fn start(tool: &Tool, token_file: &Path) -> Daemon {
    let token_file = token_file.to_str().unwrap();
    Daemon::start(tool, &["serve", "--port", "0", "--token-file", token_file])
}

fn vended(emulator: &Emulator) -> BTreeSet<String> {
    let key = |entry: &Value| entry["session"]["access_key_id"].as_str().map(str::to_owned);
    emulator.requests().iter().filter_map(key).collect()
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
    let mut client = Client::connect(&daemon, &token_file);
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
    let mut client = Client::connect(&daemon, &token_file);
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

/// How many faults strike.
const FAULTS: usize = 1_000;
/// The daemons that share them: one alone would be kept from trying so often by its own pauses.
const DAEMONS: usize = 16;

/// What goes wrong, in turn; now and then an exchange is only late, so that there is something to
/// hand out.
fn faults() -> Value {
    let kinds = [
        json!({"status": 500}),
        json!({"status": 503}),
        json!({"delay_ms": 50}),
        json!({"status": 429, "code": "ThrottlingException"}),
        json!({"cut": true}),
        json!({"status": 403, "code": "AccessDeniedException"}),
        json!({"delay_ms": 5}),
        json!({"body": "{"}),
        json!({"body": "{\"credentialSet\":[{}]}"}),
        json!({"cut_after": 100}),
        json!({"status": 200, "body": "<html>captive portal</html>"}),
        json!({"delay_ms": 5}),
        json!({"status": 502, "delay_ms": 20}),
    ];
    let late =
        kinds.iter().filter(|kind| kind.as_object().unwrap().keys().eq(["delay_ms"])).count();
    let rounds = FAULTS.div_ceil(kinds.len() - late);
    Value::Array(std::iter::repeat_n(kinds, rounds).flatten().collect())
}

fn struck(emulator: &Emulator) -> usize {
    emulator.requests().iter().filter(|entry| entry["verdict"] == "fault").count()
}

/// Asks by both ways until `stop`, and returns how often there was something and how often not.
fn ask_until(stop: &AtomicBool, client: &mut Client, keys: &mut BTreeSet<String>) -> [usize; 2] {
    let token = client.token();
    let role = client.metadata(ROLE, &token).body;
    let path = format!("{ROLE}{role}");
    let mut outcomes = [0, 0];
    while !stop.load(Ordering::Relaxed) {
        // Leaves AWS and the daemons some of this machine.
        thread::sleep(Duration::from_millis(10));
        let asked = OffsetDateTime::now_utc().unix_timestamp();
        for answer in [client.metadata(&path, &token), client.container()] {
            let document: Value = serde_json::from_str(&answer.body).unwrap();
            match answer.status {
                200 => {
                    for name in ["AccessKeyId", "SecretAccessKey", "Token"] {
                        assert!(document[name].as_str().is_some_and(|it| it.len() >= 20), "{name}");
                    }
                    let end = document["Expiration"].as_str().unwrap();
                    let end = OffsetDateTime::parse(end, &Rfc3339).unwrap().unix_timestamp();
                    assert!(end > asked, "{} s over", asked - end);
                    keys.insert(document["AccessKeyId"].as_str().unwrap().to_owned());
                    outcomes[0] += 1;
                }
                status => {
                    assert_eq!(status, 503, "{}", answer.body);
                    assert!(!document["Message"].as_str().unwrap().is_empty());
                    assert!(!answer.body.contains("ASIA"), "{}", answer.body);
                    outcomes[1] += 1;
                }
            }
        }
    }
    outcomes
}

/// Writes one identity over the other again and again, the certificate before the key, until so
/// many faults struck: each new identity is tried at once, whatever failed before.
fn rotate_until_struck(emulator: &Emulator, folder: &Path) {
    let begun = Instant::now();
    let from = |name: &str| emulator.directory().join("leaf").join(name);
    while struck(emulator) < FAULTS {
        assert!(begun.elapsed() < Duration::from_secs(300), "only {} struck", struck(emulator));
        for name in ["p384", "p256"].repeat(4) {
            fs::copy(from(&format!("{name}.pem")), folder.join("tls.crt")).unwrap();
            thread::sleep(Duration::from_millis(5));
            fs::copy(from(&format!("{name}.key.pem")), folder.join("tls.key")).unwrap();
            thread::sleep(Duration::from_millis(200));
        }
    }
}

#[test]
fn a_thousand_faults_bring_no_blank_and_no_stale_credentials() {
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
    emulator.fault(faults());
    let daemons: Vec<_> = (0..DAEMONS)
        .map(|number| {
            let token_file = own(&format!("token-{number}"));
            (start(&tool, &token_file), token_file)
        })
        .collect();
    let stop = AtomicBool::new(false);
    let mut keys = BTreeSet::new();
    let mut outcomes = [0, 0];
    thread::scope(|scope| {
        let asking: Vec<_> = daemons
            .iter()
            .map(|(daemon, token_file)| {
                let stop = &stop;
                scope.spawn(move || {
                    let mut keys = BTreeSet::new();
                    let mut client = Client::connect(daemon, token_file);
                    (ask_until(stop, &mut client, &mut keys), keys)
                })
            })
            .collect();
        let rotated = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            rotate_until_struck(&emulator, folder.path());
        }));
        stop.store(true, Ordering::Relaxed);
        for thread in asking {
            let ([served, refused], own) = thread.join().unwrap();
            outcomes[0] += served;
            outcomes[1] += refused;
            keys.extend(own);
        }
        rotated.unwrap();
    });
    let strangers: Vec<_> = keys.difference(&vended(&emulator)).cloned().collect();
    assert_eq!(strangers, Vec::<String>::new());
    assert!(keys.len() > DAEMONS && outcomes.iter().all(|count| *count > 0), "{outcomes:?}");
    for (daemon, _) in daemons {
        assert_eq!(daemon.stop(), Some(0));
    }
}
