//! Real sockets on loopback, and clients that are not well-behaved.
#![expect(clippy::disallowed_methods, reason = "the sockets and the patience of a test")]

use std::io::{Read, Write};
use std::net::{TcpStream as Stream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Instant as StdInstant;

use tokio::sync::oneshot;

use super::*;
use crate::server::{Endpoints, ServePolicy, ServedRole, ServedRoles};
use crate::test_support::RecordingLog;
use roles_anywhere_client::credentials::{Credentials, Session};
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::{Status, StatusChannel};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::system::SystemEntropy;
use roles_anywhere_client::system::{SystemClock, SystemTimer};
use roles_anywhere_test_support::ports::FakePorts;

const SHORT: Duration = Duration::from_millis(200);
/// Longer than anything takes, even on a busy machine.
const LONG: Duration = Duration::from_secs(20);

const QUICK: Limits = Limits {
    connections: 4,
    reading: SHORT,
    writing: SHORT,
    idle: LONG,
    drain: SHORT,
    head: MIN_HEAD,
};

/// A server on a separate thread, until it is dropped.
struct Server {
    addresses: Vec<SocketAddr>,
    log: RecordingLog,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(listen: &[&str], status: fn() -> Status, limits: Limits) -> Self {
        let listen: Vec<SocketAddr> = listen.iter().map(|it| it.parse().unwrap()).collect();
        let (stop, stopped) = oneshot::channel();
        let (said, addresses) = mpsc::channel();
        let log = RecordingLog::default();
        let lines = log.clone();
        let thread = std::thread::spawn(move || {
            let http = HttpListener::bind(&listen, RemoteAccess::Refused, None, limits).unwrap();
            said.send(http.addresses()).unwrap();
            let channel = Arc::new(StatusChannel::default());
            channel.publish(status());
            let ports = Ports {
                clock: Arc::new(SystemClock::start()),
                timer: Arc::new(SystemTimer),
                entropy: Arc::new(SystemEntropy),
                ..FakePorts::default().ports()
            };
            let log = Arc::new(lines);
            let role = "arn:aws:iam::123456789012:role/R".parse().unwrap();
            let region = Region::parse("eu-central-1").unwrap();
            let policy = ServePolicy::default();
            let role = Rc::new(ServedRole::new(None, (&role, &region), channel));
            let (all, imds) = (vec![Rc::clone(&role)], Some(role));
            let roles = ServedRoles { all, imds, ..ServedRoles::default() };
            let endpoints = Rc::new(Endpoints::new(roles, policy, ports, log));
            let stop = Box::pin(async { drop(stopped.await) });
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(Box::new(http).serve(endpoints, stop)).unwrap();
        });
        let addresses = addresses.recv().unwrap();
        Self { addresses, log, stop: Some(stop), thread: Some(thread) }
    }

    fn connect(&self) -> Client {
        Client::connect(self.addresses[0])
    }

    fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

fn good() -> Status {
    let reading = ClockReading::of(&SystemClock::start());
    let now = reading.wall;
    let credentials = Credentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        secret_access_key: Secret::new("secret".to_owned()),
        session_token: Secret::new("session".to_owned()),
        expiration: now.after(3_600),
        account_id: "123456789012".to_owned(),
        role_session_name: None,
    };
    let session = Session { credentials, received: now, lifetime_seconds: 3_600, clock_offset: 0 };
    Status { session: Some((Arc::new(session), reading)), ..Status::default() }
}

/// A minimal client.
struct Client(Stream);

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Client {
    fn connect(address: impl ToSocketAddrs) -> Self {
        let stream = Stream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// Reads one response; its body by `Content-Length`, if it has one (HEAD has none).
    fn answer(&mut self, with_body: bool) -> Answer {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| rest.split('\r').next().unwrap().parse().unwrap());
        let mut body = vec![0; if with_body { length } else { 0 }];
        self.0.read_exact(&mut body).unwrap();
        Answer { status, head, body: String::from_utf8(body).unwrap() }
    }

    fn ask(&mut self, text: &str) -> Answer {
        self.send(&format!("{text}\r\nHost: localhost\r\n\r\n"));
        self.answer(!text.starts_with("HEAD"))
    }

    /// Waits until the server closes, and returns what it sent until then.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => rest,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => rest,
            Err(error) => panic!("not closed: {error}"),
        }
    }

    fn is_served(&mut self) -> bool {
        self.ask("GET /healthz HTTP/1.1").status == 200
    }
}

#[test]
fn serves_credentials_in_the_dialects_of_clients() {
    let server = Server::start(&["127.0.0.1:0", "[::1]:0"], good, Limits::default());
    for address in &server.addresses {
        let mut client = Client::connect(address);
        let token = client
            .ask("PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60");
        assert_eq!(token.status, 200);
        assert!(
            token.head.contains("x-aws-ec2-metadata-token-ttl-seconds: 60\r\n"),
            "{}",
            token.head
        );
        let mut ask = |line: &str| {
            client.ask(&format!("{line} HTTP/1.1\r\nX-aws-ec2-metadata-token: {}", token.body))
        };
        let role = ask("GET /latest/meta-data/iam/security-credentials/");
        assert_eq!((role.status, role.body.as_str()), (200, "R"));
        let answer = ask("GET /latest/meta-data/iam/security-credentials/R");
        let document: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(document["Code"], "Success");
        assert_eq!(document["Token"], "session");
        let head = ask("HEAD /latest/meta-data/iam/security-credentials/R");
        assert_eq!(head.status, 200);
        assert!(head.head.contains(&format!("content-length: {}\r\n", answer.body.len())));
    }
    // One for each GET, and none for HEAD.
    let [line, other]: [String; 2] = server.log.lines().try_into().unwrap();
    if cfg!(target_os = "linux") {
        use std::os::unix::fs::MetadataExt;
        let own = std::fs::metadata("/proc/self").unwrap().uid();
        assert!(line.contains(&format!(" uid={own} ")), "{line}");
    }
    let start = line.split(" uid=").next().unwrap();
    assert!(start.starts_with("info: credentials_vended route=imds peer=127.0.0.1:"), "{line}");
    assert!(other.contains("peer=[::1]:"), "{other}");
}

#[test]
fn serves_many_and_pipelined_requests_on_a_connection() {
    let server = Server::start(&["127.0.0.1:0"], good, Limits::default());
    let mut client = server.connect();
    for _ in 0..100 {
        assert!(client.is_served());
    }
    client.send(&"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(20));
    for _ in 0..20 {
        assert_eq!(client.answer(true).status, 200);
    }
    assert_eq!(client.ask("GET /healthz HTTP/1.0").status, 200);
    assert_eq!(client.rest(), b"");
}

#[test]
fn guards_apply_to_real_connections() {
    let server = Server::start(&["127.0.0.1:0"], good, Limits::default());
    let status = |text: &str| {
        let mut client = server.connect();
        client.send(text);
        client.answer(true).status
    };
    assert_eq!(status("GET /healthz HTTP/1.1\r\nHost: a.example\r\n\r\n"), 403);
    assert_eq!(status("GET /healthz HTTP/1.1\r\n\r\n"), 400);
    assert_eq!(status("GET http://a.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"), 403);
    let passed_on = "PUT /latest/api/token HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: a\r\n\
                     X-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n";
    assert_eq!(status(passed_on), 403);
}

#[test]
fn accepts_heads_of_eight_kilobytes_and_no_body() {
    let server = Server::start(&["127.0.0.1:0"], good, Limits::default());
    let of = |length: usize| {
        let head = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ";
        format!("{head}{}\r\n\r\n", "x".repeat(length - head.len() - 4))
    };
    let mut client = server.connect();
    client.send(&of(8_000));
    assert_eq!(client.answer(true).status, 200);
    client.send(&of(9_000));
    assert_eq!(client.answer(true).status, 431);
    client.rest();
    for body in
        ["Content-Length: 1\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"]
    {
        let mut client = server.connect();
        client.send(&format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{body}"));
        assert_eq!(client.answer(true).status, 413, "{body}");
        client.rest();
    }
    let mut client = server.connect();
    client.send("GET\r\n\r\n");
    assert_eq!(client.answer(true).status, 400);
    let metrics = server.connect().ask("GET /metrics HTTP/1.1").body;
    for line in ["unreadable\",status=\"400\"} 1\n", "unreadable\",status=\"431\"} 1\n"] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[test]
fn empty_chunked_body_counts_as_none() {
    let server = Server::start(&["127.0.0.1:0"], good, QUICK);
    let head = "PUT /latest/api/token HTTP/1.1\r\nHost: localhost\r\n\
                X-aws-ec2-metadata-token-ttl-seconds: 60\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = server.connect();
    for end in ["0\r\n\r\n", "0;extension=1\r\n\r\n", "0\r\nTrailer: 1\r\n\r\n"] {
        client.send(&format!("{head}{end}"));
        assert_eq!(client.answer(true).status, 200, "{end}");
    }
    // The end of the body may come later, within the time limit of a head.
    let mut client = server.connect();
    for part in [head, "0\r", "\n\r\n"] {
        client.send(part);
        std::thread::sleep(SHORT / 8);
    }
    assert_eq!(client.answer(true).status, 200);
    assert!(client.is_served());
    client.send(head);
    assert_eq!(client.rest(), b"");
}

#[test]
fn rest_of_a_rejected_request_is_read() {
    let server = Server::start(&["127.0.0.1:0"], good, Limits::default());
    let mut client = server.connect();
    client.send("POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n");
    // The request is rejected before the client sends the rest.
    assert_eq!(client.0.peek(&mut [0]).unwrap(), 1);
    client.0.write_all(&[b'x'; 500_000]).unwrap();
    assert_eq!(client.answer(true).status, 413);
    assert_eq!(client.0.read(&mut [0]).unwrap(), 0);
}

#[test]
fn rest_of_a_rejected_request_is_limited() {
    let server = Server::start(&["127.0.0.1:0"], good, QUICK);
    let begun = "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n";
    let (mut silent, mut endless) = (server.connect(), server.connect());
    silent.send(begun);
    assert_eq!(silent.answer(true).status, 413);
    assert_eq!(silent.rest(), b"");
    // Closed for writing first, then completely.
    while silent.0.write_all(b"x").is_ok() {
        std::thread::sleep(SHORT / 8);
    }
    endless.send(begun);
    while endless.0.write_all(&[b'x'; 4_096]).is_ok() {}
}

#[test]
fn partial_pipelined_head_counts_as_reading() {
    let server = Server::start(&["127.0.0.1:0"], good, QUICK);
    let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let (mut slow, mut silent) = (server.connect(), server.connect());
    slow.send(&format!("{request}{request}GET /heal"));
    silent.send(&request.repeat(2));
    for client in [&mut slow, &mut silent] {
        assert_eq!((client.answer(true).status, client.answer(true).status), (200, 200));
    }
    assert_eq!(slow.rest(), b"");
    assert!(silent.is_served());
}

#[test]
fn closes_a_slow_client_while_others_are_served() {
    let server = Server::start(&["127.0.0.1:0"], good, QUICK);
    let (mut slow, mut other) = (server.connect(), server.connect());
    slow.send("GET /healthz HTTP/1.1\r\n");
    // Single bytes do not extend the time limit.
    let mut dripping = slow.0.try_clone().unwrap();
    let drip = std::thread::spawn(move || {
        while dripping.write_all(b"x").is_ok() {
            std::thread::sleep(SHORT / 8);
        }
    });
    let begun = StdInstant::now();
    let watcher = std::thread::spawn(move || {
        slow.rest();
        StdInstant::now()
    });
    let mut served = 0;
    while !watcher.is_finished() {
        assert!(other.is_served());
        served += 1;
    }
    let took = watcher.join().unwrap() - begun;
    drip.join().unwrap();
    assert!(took >= SHORT / 2, "{took:?}");
    assert!(served > 0 && other.is_served());
}

#[test]
fn closes_a_client_that_does_not_read_responses() {
    let server = Server::start(&["127.0.0.1:0"], good, QUICK);
    let (mut deaf, mut other) = (server.connect(), server.connect());
    // Unread responses fill all buffers; then the server reads nothing more from this client.
    let requests = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1_000);
    let shouting = std::thread::spawn(move || {
        deaf.0.set_write_timeout(Some(LONG)).unwrap();
        loop {
            if let Err(error) = deaf.0.write_all(requests.as_bytes()) {
                return error.kind();
            }
        }
    });
    while !shouting.is_finished() {
        assert!(other.is_served());
    }
    let ended = shouting.join().unwrap();
    assert!(matches!(ended, io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe), "{ended}");
    assert!(other.is_served());
}

#[test]
fn keeps_a_connection_that_is_idle_between_requests() {
    let server = Server::start(&["127.0.0.1:0"], good, QUICK);
    let mut client = server.connect();
    assert!(client.is_served());
    std::thread::sleep(SHORT * 3);
    assert!(client.is_served());
}

#[test]
fn closes_a_connection_that_is_idle_too_long() {
    let server = Server::start(&["127.0.0.1:0"], good, Limits { idle: SHORT, ..QUICK });
    let (mut used, mut silent) = (server.connect(), server.connect());
    assert!(used.is_served());
    assert_eq!((used.rest(), silent.rest()), (Vec::new(), Vec::new()));
}

#[test]
fn new_connection_replaces_the_one_idle_longest() {
    let server = Server::start(&["127.0.0.1:0"], good, QUICK);
    let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert!(client.is_served());
    }
    assert!(clients[0].is_served());
    let mut fifth = server.connect();
    assert!(fifth.is_served());
    assert_eq!(clients.remove(1).rest(), b"");
    for client in &mut clients {
        assert!(client.is_served());
    }
}

#[test]
fn reserves_file_descriptors() {
    let rows = [(0, 1), (1, 1), (7, 3), (30, 10), (72, 24), (100, 52), (1_000, 512)];
    for (free, connections) in rows {
        let limits = Limits::within(free);
        assert_eq!(limits.connections, connections, "{free}");
        assert!(free < 3 || free - connections >= free.min(72) / 2, "{free}");
    }
}

#[test]
fn new_connection_is_closed_if_all_wait_for_a_response() {
    // Without credentials and without a refresher, a response takes 400 ms.
    let server = Server::start(&["127.0.0.1:0"], Status::default, QUICK);
    let token = server
        .connect()
        .ask("PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60")
        .body;
    let request = format!(
        "GET /latest/meta-data/iam/security-credentials/R HTTP/1.1\r\nHost: localhost\r\n\
         X-aws-ec2-metadata-token: {token}\r\n\r\n"
    );
    let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(&request);
    }
    // Requests that were sent before the stop are read.
    std::thread::sleep(SHORT / 2);
    assert_eq!(server.connect().rest(), b"");
    for client in &mut clients {
        let answer = client.answer(true);
        assert_eq!(answer.status, 503);
        assert!(answer.head.contains("retry-after: 5\r\n"), "{}", answer.head);
    }
    assert!(server.connect().is_served());
}

#[test]
fn running_requests_end_before_it_stops() {
    let limits = Limits { drain: LONG, ..Limits::default() };
    let mut server = Server::start(&["127.0.0.1:0"], Status::default, limits);
    let mut idle = server.connect();
    assert!(idle.is_served());
    let ask = "PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60";
    let token = idle.ask(ask).body;
    let mut running = server.connect();
    running.send(&format!(
        "GET /latest/meta-data/iam/info HTTP/1.1\r\nHost: localhost\r\n\
         X-aws-ec2-metadata-token: {token}\r\n\r\n"
    ));
    std::thread::sleep(SHORT / 2);
    let begun = StdInstant::now();
    server.stop();
    assert!(begun.elapsed() < LONG / 2);
    assert_eq!(idle.rest(), b"");
    assert_eq!(running.answer(true).status, 503);
    assert_eq!(running.rest(), b"");
    assert!(Stream::connect(server.addresses[0]).is_err());
}

#[test]
fn slow_client_does_not_delay_the_stop() {
    let mut server = Server::start(&["127.0.0.1:0"], good, Limits { reading: LONG, ..QUICK });
    let mut slow = server.connect();
    slow.send("GET /healthz HTTP/1.1\r\n");
    let begun = StdInstant::now();
    server.stop();
    assert!(begun.elapsed() < LONG / 2);
    assert_eq!(slow.rest(), b"");
}

#[test]
fn error_names_the_address_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = HttpListener::bind(&[address], RemoteAccess::Refused, None, QUICK).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Local);
    let text = error.to_string();
    assert!(text.starts_with(&format!("error: cannot listen on {address}\n")), "{text}");
    assert!(text.contains("--port"), "{text}");
}

#[test]
fn secrets_share_the_file_descriptors_among_reads_and_waits() {
    for (wanted, free, requests) in
        [(800, 10_000, 800), (800, 1_024, 480), (10, 1_024, 10), (800, 0, 1), (800, 72, 4)]
    {
        let (limits, least) = Limits::for_secrets(wanted, free);
        assert_eq!((least, limits.connections), (requests, 2 * requests + 16), "{free}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn secrets_are_served_on_loopback_by_both_families() {
    let (limits, _) = Limits::for_secrets(8, 1_024);
    let http = HttpListener::bind_loopback(0, limits).unwrap();
    let addresses = http.addresses();
    assert!(addresses.iter().all(|address| address.ip().is_loopback()));
    assert!(addresses.iter().all(|address| address.port() == addresses[0].port()));
    let has_ipv6 = StdListener::bind("[::1]:0").is_ok();
    assert_eq!(addresses.len(), if has_ipv6 { 2 } else { 1 });
    for bound in &http.listeners {
        let _client = Stream::connect(bound.address).unwrap();
        bound.socket.set_nonblocking(false).unwrap();
        let (stream, _) = bound.socket.accept().unwrap();
        let socket = socket2::SockRef::from(&stream);
        let is_v6 = bound.address.is_ipv6();
        let hops = if is_v6 { socket.unicast_hops_v6() } else { socket.ttl_v4() };
        assert_eq!(hops.unwrap(), 1, "{}", bound.address);
    }
    let taken = HttpListener::bind_loopback(addresses[0].port(), limits).unwrap_err();
    assert!(taken.to_string().contains("--secrets-port"), "{taken}");
}

#[test]
#[cfg(target_os = "linux")]
fn hop_limit_is_one_beyond_loopback() {
    let hops = |address: &str, hop_limit| {
        let address: SocketAddr = address.parse().unwrap();
        let http =
            HttpListener::bind(&[address], RemoteAccess::Container, hop_limit, QUICK).unwrap();
        let bound = http.addresses()[0];
        let to = if bound.is_ipv6() { "::1" } else { "127.0.0.1" };
        let _client = Stream::connect((to, bound.port())).unwrap();
        let listener = &http.listeners[0].socket;
        listener.set_nonblocking(false).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let socket = socket2::SockRef::from(&stream);
        let hops = if bound.is_ipv6() { socket.unicast_hops_v6() } else { socket.ttl_v4() };
        hops.unwrap()
    };
    let rows = [
        ("127.0.0.1:0", None, 64),
        ("[::1]:0", None, 64),
        ("0.0.0.0:0", None, 1),
        ("[::]:0", None, 1),
        ("127.0.0.1:0", Some(7), 7),
        ("[::]:0", Some(9), 9),
    ];
    for (address, hop_limit, wanted) in rows {
        assert_eq!(hops(address, hop_limit), wanted, "{address} {hop_limit:?}");
    }
}
