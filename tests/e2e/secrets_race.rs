//! Readers of `serve --secrets` beside rotations: no version is older than one that was read before, and
//! what is read together belongs together.
//!
//! `scripts/test --long` makes 200,000 reads of 1,000 secrets beside 20 rotations: 20 s of 10,000 reads a
//! second, with a rotation every second. The rotations come after so many reads, whatever time those take.
#![expect(clippy::panic, reason = "what is wrong is told with the response")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::machine;
use crate::serve_roles::Fixture;

const TOKEN: &str = "4f1c1d9a7b0e5d3c";
const READERS: usize = 16;
/// One in so many secrets is rotated.
const ROTATED: usize = 10;
/// A part of each value, which is in no log.
const MARK: &str = "hush-7d1f0c52";

/// A secret: the numbers of its versions rise.
#[derive(Default)]
struct RacedSecret {
    written: AtomicU64,
    /// The highest number that was read.
    seen: AtomicU64,
}

struct Race {
    control: SocketAddr,
    endpoint: SocketAddr,
    secrets: Vec<RacedSecret>,
    /// The reads that have begun.
    begun: AtomicUsize,
    reads: usize,
    reads_per_rotation: usize,
    rotation: Mutex<()>,
    /// The responses with a secret by its name.
    served: AtomicUsize,
    /// The responses with pairs.
    pairs: AtomicUsize,
    /// The reads that were answered by neither.
    unanswered: AtomicUsize,
}

/// A connection that is kept.
struct Connection {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Connection {
    fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    fn get(&mut self, target: &str) -> (u16, Value) {
        self.send(&format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nX-Vault-Token: {TOKEN}\r\n\r\n"
        ))
    }

    fn post(&mut self, target: &str, body: &str) -> (u16, Value) {
        let length = body.len();
        self.send(&format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nX-Vault-Token: {TOKEN}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn send(&mut self, request: &str) -> (u16, Value) {
        let mut stream = self.stream.take().unwrap_or_else(|| {
            let stream = TcpStream::connect(self.address).unwrap();
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            BufReader::new(stream)
        });
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut status = String::new();
        stream.read_line(&mut status).unwrap();
        let status = status.split(' ').nth(1).unwrap_or_else(|| panic!("closed after {request}"));
        let status = status.parse().unwrap();
        let (mut length, mut is_last) = (0, false);
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            let line = line.trim_end().to_lowercase();
            match line.split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(("connection", "close")) => is_last = true,
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        self.stream = (!is_last).then_some(stream);
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

fn name(secret: usize) -> String {
    format!("race/{secret:04}")
}

fn number(text: &Value) -> u64 {
    text.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

impl Race {
    /// Gives a secret its next version.
    fn put(&self, connection: &mut Connection, secret: usize) {
        let number = self.secrets[secret].written.fetch_add(1, Ordering::SeqCst) + 1;
        let number = number.to_string();
        let value = json!({"number": number, "mark": MARK, "copy": number});
        let body = json!({"name": name(secret), "value": value}).to_string();
        let (status, answer) = connection.post("/secrets", &body);
        assert_eq!(status, 200, "{answer}");
    }

    fn rotate(&self) {
        let _one_at_a_time = self.rotation.lock().unwrap();
        let mut connection = Connection::new(self.control);
        for secret in (0..self.secrets.len()).step_by(ROTATED) {
            self.put(&mut connection, secret);
        }
    }

    /// Reads until there were enough reads; `random` chooses what.
    fn read(&self, mut random: u64) {
        let mut connection = Connection::new(self.endpoint);
        loop {
            let begun = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            if begun > self.reads {
                return;
            }
            if begun.is_multiple_of(self.reads_per_rotation) {
                self.rotate();
            }
            // Numerical Recipes; the high bits are the better ones.
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let draw = usize::try_from(random >> 33).unwrap();
            let secret = (draw >> 10) % self.secrets.len();
            // One in two reads is of those that are rotated.
            let secret = if draw & 1 == 0 { secret / ROTATED * ROTATED } else { secret };
            match (draw >> 1) % 400 {
                // A read of what AWS has now waits for up to 2 s: few do.
                0..2 => self.read_secret(&mut connection, secret, "&refreshNow=true"),
                2 => self.read_pair(&mut connection, secret),
                3..6 => self.read_list(&mut connection, secret),
                _ => self.read_secret(&mut connection, secret, ""),
            }
        }
    }

    fn read_secret(&self, connection: &mut Connection, secret: usize, parameters: &str) {
        let (floor, name) = (self.floor(secret), name(secret));
        let target = format!("/secretsmanager/get?secretId={name}{parameters}");
        let (status, answer) = connection.get(&target);
        if !self.answered(status, &answer) {
            return;
        }
        assert_eq!(answer["Name"], name);
        let value: Value = serde_json::from_str(answer["SecretString"].as_str().unwrap()).unwrap();
        assert_eq!(value["number"], value["copy"], "torn: {value}");
        self.saw(secret, floor, number(&value["number"]));
        self.served.fetch_add(1, Ordering::SeqCst);
    }

    /// Reads the current version and the one before it.
    fn read_pair(&self, connection: &mut Connection, secret: usize) {
        let (floor, name) = (self.floor(secret), name(secret));
        let target = format!(
            "/roles-anywhere/resolve?reference=sm://{name}%23number&previous=true&refreshNow=true"
        );
        let (status, answer) = connection.get(&target);
        if !self.answered(status, &answer) {
            return;
        }
        let current = number(&answer["value"]);
        assert_eq!(number(&answer["previous"]["value"]) + 1, current, "torn: {answer}");
        self.saw(secret, floor, current);
        self.pairs.fetch_add(1, Ordering::SeqCst);
    }

    /// Reads two members of one secret, and one of another.
    fn read_list(&self, connection: &mut Connection, secret: usize) {
        let other = (secret + ROTATED) % self.secrets.len();
        let floors = (self.floor(secret), self.floor(other));
        let (name, other_name) = (name(secret), name(other));
        let list = json!([
            format!("sm://{name}#number"),
            format!("sm://{other_name}#number"),
            format!("sm://{name}#copy"),
        ]);
        let (status, answer) = connection.post("/roles-anywhere/resolve", &list.to_string());
        if !self.answered(status, &answer) {
            return;
        }
        let [one, two, three] = [0, 1, 2].map(|at| number(&answer["values"][at]["value"]));
        assert_eq!(one, three, "torn: {answer}");
        self.saw(secret, floors.0, one);
        self.saw(other, floors.1, two);
        self.pairs.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns whether there is a value. On a slow machine, some calls take longer than a reader waits.
    fn answered(&self, status: u16, answer: &Value) -> bool {
        assert!([200, 500, 504].contains(&status), "{status}: {answer}");
        if status != 200 {
            self.unanswered.fetch_add(1, Ordering::SeqCst);
        }
        status == 200
    }

    /// Returns the highest number that anyone has read so far.
    fn floor(&self, secret: usize) -> u64 {
        self.secrets[secret].seen.load(Ordering::SeqCst)
    }

    fn saw(&self, secret: usize, floor: u64, number: u64) {
        let RacedSecret { written, seen } = &self.secrets[secret];
        let written = written.load(Ordering::SeqCst);
        assert!((floor..=written).contains(&number), "{secret}: {floor} <= {number} <= {written}");
        seen.fetch_max(number, Ordering::SeqCst);
    }
}

#[test]
fn no_reader_gets_an_older_version_or_a_torn_pair() {
    let _busy = machine::busy();
    let (secrets, reads) = (machine::rounds(60, 1_000), machine::rounds(4_000, 200_000));
    // So short a TTL that values are checked in the background beside the readers.
    let fixture = Fixture::with(&[("a", "[secrets]\nport = 0\nttl = 1\n")]);
    let emulator = &fixture.emulator;
    let control = emulator.control_url().trim_start_matches("http://").parse().unwrap();
    let config = fixture.path("config.toml");
    let arguments = ["serve", "--no-imds", "--no-container", "--log-format", "json", "--config"];
    let tool = fixture.tool().set("AWS_TOKEN", TOKEN);
    let mut daemon = tool.spawn(&[&arguments[..], &[config.to_str().unwrap()]].concat());
    let mut log = BufReader::new(daemon.stderr.take().unwrap()).lines().map(Result::unwrap);
    let listening = log.find(|line| line.contains("secrets_listening")).unwrap();
    let listening: Value = serde_json::from_str(&listening).unwrap();
    let logged = thread::spawn(move || {
        log.inspect(|line| assert!(!line.contains(MARK) && !line.contains(TOKEN), "{line}"))
            .filter(|line| {
                line.contains(r#""event":"secret_read""#) && line.contains(r#""route":"secret""#)
            })
            .count()
    });
    let race = Race {
        control,
        endpoint: listening["address"].as_str().unwrap().parse().unwrap(),
        secrets: (0..secrets).map(|_| RacedSecret::default()).collect(),
        begun: AtomicUsize::new(0),
        reads,
        reads_per_rotation: reads / 20,
        rotation: Mutex::default(),
        served: AtomicUsize::new(0),
        pairs: AtomicUsize::new(0),
        unanswered: AtomicUsize::new(0),
    };
    let mut connection = Connection::new(control);
    // Twice, so that each has a version before its current one.
    (0..2 * secrets).for_each(|at| race.put(&mut connection, at % secrets));
    thread::scope(|scope| {
        (0..READERS).for_each(|reader| {
            let race = &race;
            scope.spawn(move || race.read(reader.try_into().unwrap()));
        });
    });
    // The first of these may join a call that began earlier.
    let mut connection = Connection::new(race.endpoint);
    (0..2).for_each(|_| race.read_secret(&mut connection, 0, "&refreshNow=true"));
    assert_eq!(race.floor(0), 22);
    let checks = emulator.requests();
    let checks = checks.iter().filter(|request| request["operation"] == "DescribeSecret").count();
    assert!(checks >= secrets, "{checks} checks of {secrets} secrets");
    let pid = Pid::from_raw(daemon.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
    let (served, unanswered) = (race.served.into_inner(), race.unanswered.into_inner());
    assert!(unanswered <= reads / 10, "{unanswered} of {reads} reads have no answer");
    assert_eq!(logged.join().unwrap(), served);
    assert!(race.pairs.into_inner() > 0);
}
