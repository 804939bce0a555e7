//! `serve --secrets` as clients of AWS's agent and of the Lambda extension see it.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use roles_anywhere_emulator::Emulator;
use serde_json::{Value, json};

use crate::daemon::{Daemon, until};
use crate::environment::{Program, emulator};

const ALONE: [&str; 6] =
    ["serve", "--secrets", "--secrets-port", "0", "--no-imds", "--no-container"];
const TOKEN: &str = "4f1c1d9a7b0e5d3c";
const DB: &str = "/secretsmanager/get?secretId=prod/db-credentials";

pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    body: String,
}

impl Answer {
    /// Returns head and body.
    pub(crate) fn text(&self) -> String {
        format!("{}\r\n\r\n{}", self.head, self.body)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub(crate) fn address(daemon: &Daemon) -> SocketAddr {
    daemon.wait_for("secrets_listening")["address"].as_str().unwrap().parse().unwrap()
}

fn exchange(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

pub(crate) fn get_with(address: SocketAddr, target: &str, token: &str) -> Answer {
    let head = format!("GET {target} HTTP/1.1\r\nHost: localhost:2773\r\nConnection: close\r\n");
    exchange(address, &format!("{head}X-Aws-Parameters-Secrets-Token: {token}\r\n\r\n"))
}

fn get(address: SocketAddr, target: &str) -> Answer {
    get_with(address, target, TOKEN)
}

fn calls(emulator: &Emulator, operation: &str) -> usize {
    emulator.requests().iter().filter(|request| request["operation"] == operation).count()
}

#[test]
fn secrets_and_parameters_are_served_alone() {
    let emulator = emulator();
    let daemon = Daemon::start(&Program::new(&emulator).set("AWS_TOKEN", TOKEN), &ALONE);
    let address = address(&daemon);
    assert_eq!(daemon.wait_for("secrets_listening")["token"], "AWS_TOKEN");
    let ping = get_with(address, "/ping", "");
    assert_eq!((ping.status, &*ping.body), (200, "healthy"));
    let refused = get_with(address, DB, "other");
    assert_eq!((refused.status, &*refused.body), (403, "Bad Token"));
    let secret = get(address, DB);
    assert_eq!(secret.status, 200, "{}", secret.body);
    let document = secret.json();
    assert_eq!(document["Name"], "prod/db-credentials");
    let value: Value = serde_json::from_str(document["SecretString"].as_str().unwrap()).unwrap();
    assert_eq!(value["username"], "app");
    assert!(document["CreatedDate"].is_string());
    let version = document["VersionId"].as_str().unwrap();
    assert!(secret.head.contains(&format!("\r\netag: \"{version}\"")), "{}", secret.head);
    // By its ARN and by its path: one call for all.
    let arn = document["ARN"].as_str().unwrap();
    assert_eq!(get(address, &format!("/v1/{arn}")).body, secret.body);
    assert_eq!(get(address, &format!("{DB}&versionStage=AWSCURRENT")).body, secret.body);
    assert_eq!(calls(&emulator, "GetSecretValue"), 1);
    let parameter = get(address, "/systemsmanager/parameters/get/?name=%2Fprod%2Fapi-url");
    assert_eq!(parameter.status, 200, "{}", parameter.body);
    assert_eq!(parameter.json()["Parameter"]["Name"], "/prod/api-url");
    let encrypted = "/systemsmanager/parameters/get?name=/prod/db/password";
    let encrypted = [encrypted.to_owned(), format!("{encrypted}&withDecryption=true")];
    let [cipher, plain] = encrypted.map(|target| get(address, &target).json());
    assert_ne!(cipher["Parameter"]["Value"], plain["Parameter"]["Value"]);
    let missing = get(address, "/v1/prod/absent");
    assert_eq!(missing.status, 400);
    assert_eq!(missing.json()["__type"], "ResourceNotFoundException");
    let read = daemon.wait_for("secret_read");
    assert_eq!(
        (&read["secret"], &read["version"]),
        (&json!("prod/db-credentials"), &json!(version))
    );
    assert_eq!((&read["route"], &read["token"]), (&json!("secret"), &json!("AWS_TOKEN")));
    let metrics = get_with(address, "/metrics", "").body;
    for metric in
        ["secret_requests_total{route=\"secret\",status=\"200\"} 2", "secret_cache_entries"]
    {
        assert!(metrics.contains(&format!("roles_anywhere_{metric}")), "{metrics}");
    }
    assert_eq!(get_with(address, "/readyz", "").status, 200);
    assert_eq!(daemon.count("listening"), 0);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn references_are_resolved_as_one_snapshot() {
    let emulator = emulator();
    let daemon = Daemon::start(&Program::new(&emulator).set("AWS_TOKEN", TOKEN), &ALONE);
    let address = address(&daemon);
    let resolve = "/roles-anywhere/resolve";
    let user = get(address, &format!("{resolve}?reference=sm://prod/db-credentials%23username"));
    assert_eq!(user.json()["value"], "app", "{}", user.body);
    let version = user.json()["version"].as_str().unwrap().to_owned();
    let list = r#"["sm://prod/db-credentials#password","ssm:///prod/api-url"]"#;
    let answer = exchange(
        address,
        &format!(
            "POST {resolve} HTTP/1.1\r\nHost: localhost\r\nX-Vault-Token: {TOKEN}\r\n\
             Content-Length: {}\r\n\r\n{list}",
            list.len()
        ),
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["values"][0]["value"], "correct horse battery staple");
    assert_eq!(answer.json()["values"][0]["version"], version);
    // A client that waits leaves room for others.
    let target =
        format!("{resolve}?reference=sm://prod/db-credentials&if-not-version={version}&wait=60s");
    let waiting = |count: usize| {
        let line = format!("\nroles_anywhere_secret_waiting_requests {count}\n");
        until(|| get(address, "/metrics").body.contains(&line).then_some(())).unwrap();
    };
    let mut impatient = TcpStream::connect(address).unwrap();
    let head =
        format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nX-Vault-Token: {TOKEN}\r\n\r\n");
    impatient.write_all(head.as_bytes()).unwrap();
    waiting(1);
    assert_eq!(get(address, DB).status, 200);
    drop(impatient);
    waiting(0);
    // A wait ends when the process stops.
    let patient = thread::spawn(move || get(address, &target).status);
    waiting(1);
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(patient.join().unwrap(), 304);
}

#[test]
fn own_token_is_in_a_file_as_long_as_it_runs() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let tool = Program::new(&emulator).set("XDG_RUNTIME_DIR", folder.path());
    let tool = tool.unset("AWS_SESSION_TOKEN").unset("AWS_TOKEN");
    let arguments = ["serve", "--port", "0", "--secrets", "--secrets-port", "0"];
    let daemon = Daemon::start(&tool, &arguments);
    let address = address(&daemon);
    // Beside the credentials.
    daemon.wait_for("listening");
    let file =
        folder.path().join(format!("roles-anywhere/secrets-token-127.0.0.1-{}", address.port()));
    assert_eq!(daemon.wait_for("secrets_listening")["token"], file.to_str().unwrap());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let token = fs::read_to_string(&file).unwrap();
    assert_eq!(get_with(address, DB, &token).status, 200);
    assert_eq!(get_with(address, DB, "").status, 403);
    let v6 = SocketAddr::new("::1".parse().unwrap(), address.port());
    if daemon.count("secrets_listening") == 2 {
        assert_eq!(get_with(v6, DB, &token).status, 200);
    }
    assert_eq!(daemon.stop(), Some(0));
    assert!(!file.exists(), "it stays behind");
}

#[test]
fn token_file_is_swapped_without_a_restart() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("awssmatoken");
    fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let url = format!("file://{}", file.display());
    let daemon = Daemon::start(&Program::new(&emulator).set("AWS_TOKEN", &url), &ALONE);
    let address = address(&daemon);
    assert_eq!(get(address, DB).status, 200);
    fs::write(&file, "another-token-0123\n").unwrap();
    assert_eq!(get_with(address, DB, "another-token-0123").status, 200);
    // For a minute, clients may still have the one before.
    assert_eq!(get(address, DB).status, 200);
    assert_eq!(daemon.wait_for("secrets_token_renewed")["token"], "AWS_TOKEN");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn token_that_cannot_be_used_is_an_error() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "\n").unwrap();
    for (path, words) in [
        (file.clone(), "the token in AWS_TOKEN is empty".to_owned()),
        (folder.path().join("absent"), format!("cannot read {}", folder.path().display())),
    ] {
        let url = format!("file://{}", path.display());
        let tool = Program::new(&emulator).set("AWS_TOKEN", url);
        let mut daemon = Daemon::start(&tool, &ALONE);
        assert_ne!(daemon.end(), Some(0));
        let reason = daemon.wait_for("failed")["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains(words.split('/').next().unwrap()), "{reason}");
    }
}

#[test]
fn many_cold_readers_make_one_call() {
    let emulator = emulator();
    emulator.fault(json!({"operation": "GetSecretValue", "delay_ms": 300, "times": 0}));
    let daemon = Daemon::start(&Program::new(&emulator).set("AWS_TOKEN", TOKEN), &ALONE);
    let address = address(&daemon);
    let readers: Vec<_> = (0..50).map(|_| thread::spawn(move || get(address, DB).status)).collect();
    assert!(readers.into_iter().all(|reader| reader.join().unwrap() == 200));
    assert_eq!(calls(&emulator, "GetSecretValue"), 1);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_session_is_replaced_if_aws_does_not_accept_it_or_its_clock_has_changed() {
    let emulator = emulator();
    let daemon = Daemon::start(&Program::new(&emulator).set("AWS_TOKEN", TOKEN), &ALONE);
    let address = address(&daemon);
    daemon.wait_for("session_received");
    let is_read = |secret: &str| {
        let target = format!("/secretsmanager/get?secretId={secret}&refreshNow=true");
        until(|| (get(address, &target).status == 200).then_some(())).unwrap();
    };
    emulator.advance(1_800);
    is_read("prod/db-credentials");
    daemon.wait_for("clock_offset_found");
    daemon.wait_for("session_rejected");
    assert_eq!(daemon.count("session_received"), 2);
    emulator.fault(json!({"operation": "GetSecretValue", "code": "ExpiredTokenException"}));
    is_read("prod/db-credentials");
    assert_eq!((daemon.count("session_rejected"), calls(&emulator, "CreateSession")), (2, 3));
    assert_eq!(daemon.stop(), Some(0));
}
