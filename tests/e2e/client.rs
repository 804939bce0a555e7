//! A client of `serve`: its requests, the responses, and whether those can be right.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use roles_anywhere_client::time::{Clock, Timestamp};
use serde_json::Value;

use crate::leak;

pub(crate) const ROLE: &str = "/latest/meta-data/iam/security-credentials/";
const TTL: &str = "X-aws-ec2-metadata-token-ttl-seconds";

/// A client with one connection, which it keeps open.
pub(crate) struct Client {
    stream: TcpStream,
    token_file: PathBuf,
}

pub(crate) struct ClientResponse {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// The time from request to response.
    took: Duration,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr, token_file: &Path) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, token_file: token_file.to_owned() }
    }

    fn ask(&mut self, method: &str, path: &str, header: (&str, &str)) -> ClientResponse {
        let (name, value) = header;
        self.exchange(&format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{name}: {value}\r\n\r\n"
        ))
    }

    fn exchange(&mut self, head: &str) -> ClientResponse {
        let begun = Instant::now();
        self.stream.write_all(head.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        let mut buffer = [0; 4_096];
        loop {
            let read = match self.stream.read(&mut buffer) {
                // With a time limit, a signal to this process interrupts it.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.unwrap(),
            };
            assert_ne!(read, 0, "closed in the middle of an answer");
            bytes.extend_from_slice(&buffer[..read]);
            let text = str::from_utf8(&bytes).unwrap();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let head = head.to_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap();
            if body.len() == length.split("\r\n").next().unwrap().parse::<usize>().unwrap() {
                leak::check(&bytes);
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                return ClientResponse { status, body: body.to_owned(), took: begun.elapsed() };
            }
        }
    }

    /// Asks without any token.
    pub(crate) fn get(&mut self, path: &str) -> ClientResponse {
        self.ask("GET", path, ("Accept", "*/*"))
    }

    /// As [`Client::get`], for `host`.
    pub(crate) fn get_for(&mut self, host: &str, path: &str) -> ClientResponse {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
    }

    pub(crate) fn token(&mut self) -> String {
        self.token_for("21600")
    }

    pub(crate) fn token_for(&mut self, seconds: &str) -> String {
        let answer = self.ask("PUT", "/latest/api/token", (TTL, seconds));
        assert_eq!(answer.status, 200);
        answer.body
    }

    pub(crate) fn metadata(&mut self, path: &str, token: &str) -> ClientResponse {
        self.ask("GET", path, ("X-aws-ec2-metadata-token", token))
    }

    pub(crate) fn container(&mut self) -> ClientResponse {
        let token = fs::read_to_string(&self.token_file).unwrap();
        self.ask("GET", "/credentials", ("Authorization", &token))
    }

    /// Asks for the container credentials at `path` with the token in `file`.
    pub(crate) fn container_at(&mut self, path: &str, file: &Path) -> ClientResponse {
        let token = fs::read_to_string(file).unwrap();
        self.ask("GET", path, ("Authorization", &token))
    }

    /// Asks both dialects as SDKs do, again and again until `over` is set; `clock` is the server's.
    pub(crate) fn ask_until(&mut self, over: &AtomicBool, clock: &dyn Clock) -> Received {
        let token = self.token();
        let role = self.metadata(ROLE, &token).body;
        let path = format!("{ROLE}{role}");
        let mut received = Received::default();
        while !over.load(Ordering::Relaxed) {
            // Leaves AWS and the server some of this machine.
            thread::sleep(Duration::from_millis(5));
            let token = self.token();
            received.record(clock, || self.metadata(&path, &token));
            received.record(clock, || self.container());
        }
        received
    }
}

/// Sets a flag when it is dropped, by a panic too.
pub(crate) struct SetOnDrop<'a>(pub(crate) &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What clients received.
#[derive(Default)]
pub(crate) struct Received {
    /// How often there were credentials.
    pub(crate) served: usize,
    /// How often there were none, and the reason was given.
    pub(crate) refused: usize,
    /// The time of the slowest response.
    pub(crate) longest: Duration,
    /// By access key id, the rest of each session.
    sessions: BTreeMap<String, [Value; 3]>,
    /// When the last session ends.
    until: Option<Timestamp>,
}

/// How many seconds before its end a session may count as expired: two clocks are read in whole
/// seconds, of which one that has begun counts.
const ROUNDED: i64 = 3;

impl Received {
    /// Sends a request and checks the response: whole credentials that were valid at the time of the
    /// request, or the reason why there are none.
    fn record(&mut self, clock: &dyn Clock, ask: impl FnOnce() -> ClientResponse) {
        let asked = clock.now();
        let answer = ask();
        self.longest = self.longest.max(answer.took);
        let document: Value = serde_json::from_str(&answer.body).unwrap();
        if answer.status == 200 {
            return self.take(&document, asked);
        }
        assert_eq!(answer.status, 503, "{}", answer.body);
        for name in ["Code", "Message"] {
            assert_ne!(document[name].as_str().unwrap().trim(), "", "{}", answer.body);
        }
        assert!(!answer.body.contains("ASIA"), "{}", answer.body);
        self.refused += 1;
        // A session is served until it expires.
        let left = self.until.map_or(0, |until| clock.now().seconds_until(until));
        assert!(left <= ROUNDED, "{left} s left: {}", answer.body);
    }

    fn take(&mut self, document: &Value, asked: Timestamp) {
        for name in ["AccessKeyId", "SecretAccessKey", "Token"] {
            assert!(document[name].as_str().is_some_and(|it| it.trim().len() >= 20), "{name}");
        }
        let until = Timestamp::from_rfc3339(document["Expiration"].as_str().unwrap()).unwrap();
        assert!(until > asked, "{} s over", until.seconds_until(asked));
        self.served += 1;
        self.until = self.until.max(Some(until));
        let rest = ["SecretAccessKey", "Token", "Expiration"].map(|name| document[name].clone());
        self.know(document["AccessKeyId"].as_str().unwrap(), &rest);
    }

    /// Checks that the members of one session are the same each time.
    fn know(&mut self, key: &str, rest: &[Value; 3]) {
        let known = self.sessions.entry(key.to_owned()).or_insert_with(|| rest.clone());
        assert_eq!(known, rest);
    }

    /// Adds what another client received.
    pub(crate) fn add(&mut self, other: Self) {
        self.served += other.served;
        self.refused += other.refused;
        self.longest = self.longest.max(other.longest);
        for (key, rest) in other.sessions {
            self.know(&key, &rest);
        }
    }

    /// Returns the access key ids that were handed out.
    pub(crate) fn keys(&self) -> BTreeSet<String> {
        self.sessions.keys().cloned().collect()
    }
}
