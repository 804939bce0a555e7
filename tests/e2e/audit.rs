//! The log of vends: a line before each answer, or a count of those without one.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use roles_anywhere_emulator::Emulator;
use serde_json::Value;

use crate::client::Client;
use crate::environment::{Program, Running, emulator};
use crate::leak;

/// How long a test waits for what has to come.
const LIMIT: Duration = Duration::from_secs(60);
const VEND: &str = "credentials_vended";
const MISSED: &str = "credentials_vended_unlogged";

/// A `serve` whose log goes where the test says.
struct Serve {
    child: Running,
    address: SocketAddr,
    token_file: PathBuf,
    _emulator: Emulator,
    _folder: tempfile::TempDir,
}

impl Serve {
    fn start(log: impl Into<Stdio>, options: &[&str]) -> Self {
        let (emulator, folder) = (emulator(), tempfile::tempdir().unwrap());
        let token_file = folder.path().join("token");
        let place = token_file.to_str().unwrap();
        let usual =
            ["serve", "--port", "0", "--print-env", "--log-format", "json", "--token-file", place];
        let mut child = Program::new(&emulator).spawn_into(&[&usual, options].concat(), log);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let uri = lines.map_while(Result::ok).find(|line| line.contains("_FULL_URI")).unwrap();
        let address = uri.split("http://").nth(1).unwrap().split('/').next().unwrap();
        let address = address.parse().unwrap();
        Self { child, address, token_file, _emulator: emulator, _folder: folder }
    }

    fn connect(&self) -> Client {
        Client::connect(self.address, &self.token_file)
    }

    /// Connects as soon as there is a session, and vends nothing.
    fn connect_when_ready(&self) -> Client {
        let mut client = self.connect();
        let begun = Instant::now();
        while client.get("/readyz").status != 200 {
            assert!(begun.elapsed() < LIMIT, "no session");
            thread::sleep(Duration::from_millis(20));
        }
        client
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The events of a log, those that are whole.
fn events(text: &str) -> Vec<Value> {
    leak::check(text.as_bytes());
    let lines = text.lines().map(|line| line.trim_start_matches('x'));
    lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == name).collect()
}

fn own_user() -> String {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()).to_string()
}

/// Sends so many requests at once, and returns how many answers were credentials.
fn pipeline(serve: &Serve, count: usize) -> usize {
    let token = fs::read_to_string(&serve.token_file).unwrap();
    let request =
        format!("GET /credentials HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n");
    let mut stream = TcpStream::connect(serve.address).unwrap();
    let mut sending = stream.try_clone().unwrap();
    let sender = thread::spawn(move || {
        let requests = format!("{request}\r\n").repeat(count - 1);
        let last = format!("{request}Connection: close\r\n\r\n");
        sending.write_all((requests + &last).as_bytes()).unwrap();
    });
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    sender.join().unwrap();
    answers.matches("HTTP/1.1 200 OK").count()
}

fn log_file(path: &Path) -> File {
    File::options().create(true).append(true).open(path).unwrap()
}

#[test]
fn each_of_many_vends_sent_at_once_is_a_line_before_its_answer_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let serve = Serve::start(log_file(&log), &[]);
    serve.connect_when_ready();
    let served: usize = (0..3).map(|_| pipeline(&serve, 2_000)).sum();
    // Nothing is waited for: the lines were there before the answers.
    let text = fs::read_to_string(&log).unwrap();
    assert_eq!((served, named(&events(&text), VEND).len()), (6_000, 6_000));
    assert!(!text.contains("log_events_dropped"), "{text}");
}

/// A pipe that takes nothing until it is read.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while writer.write(&[b'x'; 4_096]).is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    (reader, writer)
}

/// Reads a pipe from now on.
fn read(mut reader: PipeReader) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let read = Arc::clone(&text);
    thread::spawn(move || {
        let mut bytes = [0; 4_096];
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            read.lock().unwrap().push_str(str::from_utf8(&bytes[..count]).unwrap());
        }
    });
    text
}

#[track_caller]
fn wait_for(text: &Mutex<String>, name: &str) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let events = events(&text.lock().unwrap());
        if !named(&events, name).is_empty() {
            return events;
        }
        assert!(begun.elapsed() < LIMIT, "no `{name}` in {events:#?}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn vends_that_the_log_did_not_take_are_served_and_counted_by_user() {
    let (reader, writer) = full_pipe();
    let serve = Serve::start(writer, &[]);
    let mut client = serve.connect_when_ready();
    for _ in 0..5 {
        assert_eq!(client.container().status, 200);
    }
    assert_eq!(pipeline(&serve, 500), 500);
    // As soon as it is read, and without another request.
    let text = read(reader);
    let events = wait_for(&text, MISSED);
    let missed = named(&events, MISSED);
    assert_eq!((missed.len(), &missed[0]["count"]), (1, &505.into()), "{events:#?}");
    assert_eq!(missed[0]["uid"], own_user());
    assert_eq!(named(&events, VEND).len(), 0);
    assert_eq!(client.container().status, 200);
    wait_for(&text, VEND);
}

#[test]
fn vends_nothing_without_a_line_if_told_to() {
    let (reader, writer) = full_pipe();
    let serve = Serve::start(writer, &["--require-audit"]);
    let mut client = serve.connect_when_ready();
    let token = client.token();
    let answers = [
        client.container(),
        client.metadata("/latest/meta-data/iam/security-credentials/Workload", &token),
    ];
    for answer in &answers {
        let why: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        assert_eq!((answer.status, &why["reason"]), (503, &"audit".into()), "{}", answer.body);
        assert!(!answer.body.contains("ASIA"));
    }
    let text = read(reader);
    let begun = Instant::now();
    while client.container().status != 200 {
        assert!(begun.elapsed() < LIMIT, "the log is read, and nothing is served");
        thread::sleep(Duration::from_millis(20));
    }
    let events = wait_for(&text, VEND);
    assert_eq!(named(&events, MISSED).len(), 0, "what was refused did not go out");
}

#[test]
fn what_a_full_disk_did_not_take_is_counted_once_there_is_room() {
    // Every write fails, as on a disk that is full; nothing is left to tell.
    let serve = Serve::start(File::options().write(true).open("/dev/full").unwrap(), &[]);
    let mut client = serve.connect_when_ready();
    assert_eq!(client.container().status, 200);
    let metrics = client.get("/metrics").body;
    assert!(metrics.contains("roles_anywhere_unlogged_vends_total 1\n"), "{metrics}");
}
