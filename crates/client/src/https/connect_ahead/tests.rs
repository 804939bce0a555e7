//! Connections that are made ahead, on servers of the tests.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::http::{Endpoint, Request, Response, Transport, TransportError, TransportOptions};
use crate::https::Https;
use crate::secret::SecretBytes;

/// What a server sees.
#[derive(Debug, Eq, PartialEq)]
enum Seen {
    Connection,
    Request,
    /// The end of a connection, after so many bytes that were not part of a request.
    End(usize),
}

/// A server on a free port.
struct Server {
    address: SocketAddr,
    seen: Receiver<Seen>,
}

impl Server {
    /// Starts a server that answers each request on each connection.
    fn start() -> Self {
        Self::with(|stream, seen| while answer(stream, seen) {})
    }

    fn with(handle: impl Fn(&mut TcpStream, &Sender<Seen>) + Send + 'static) -> Self {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let (sender, seen) = channel();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                sender.send(Seen::Connection).unwrap();
                handle(&mut stream, &sender);
            }
        });
        Self { address, seen }
    }

    fn endpoint(&self) -> Endpoint {
        endpoint(self.address)
    }

    fn next(&self) -> Seen {
        self.seen.recv_timeout(Duration::from_secs(60)).unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "a server of the tests")]
fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::parse(&format!("http://{address}")).unwrap()
}

/// Reads a request and answers it; returns whether there was one.
fn answer(stream: &mut TcpStream, seen: &Sender<Seen>) -> bool {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            seen.send(Seen::End(head.len())).unwrap();
            return false;
        }
        head.push(byte[0]);
    }
    seen.send(Seen::Request).unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_ok()
}

fn https(next: &[&Endpoint]) -> Https {
    let read = |_: &std::path::Path, _| Ok(SecretBytes::default());
    let next = next.iter().map(|endpoint| (*endpoint).clone()).collect();
    Https::new(TransportOptions::default(), read).connecting_ahead(next)
}

async fn send(https: &Https, endpoint: &Endpoint) -> Result<Response, TransportError> {
    let request = Request {
        method: "GET",
        endpoint: endpoint.clone(),
        path: "/",
        query: String::new(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    https.send(&request).await
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    outcome
}

/// Starts a server that answers only when `other` has been connected to.
fn after(other: Server) -> (Server, Receiver<Server>) {
    let (sender, back) = channel();
    let other = std::sync::Mutex::new(Some(other));
    let first = Server::with(move |stream, seen| {
        if let Some(other) = other.lock().unwrap().take() {
            assert_eq!(other.next(), Seen::Connection);
            sender.send(other).unwrap();
        }
        while answer(stream, seen) {}
    });
    (first, back)
}

#[test]
fn next_host_is_connected_to_before_the_first_one_answers() {
    let next = Server::start();
    let endpoint = next.endpoint();
    let (first, back) = after(next);
    block_on(async {
        let https = https(&[&endpoint]);
        assert_eq!(send(&https, &first.endpoint()).await.unwrap().status, 200);
        assert_eq!(send(&https, &endpoint).await.unwrap().status, 200);
        assert_eq!(send(&https, &endpoint).await.unwrap().status, 200);
    });
    let next = back.recv().unwrap();
    // One connection for all.
    assert_eq!(
        [next.next(), next.next(), next.next()],
        [Seen::Request, Seen::Request, Seen::End(0)]
    );
}

#[test]
fn nothing_is_sent_to_a_host_without_a_request() {
    let next = Server::start();
    let endpoint = next.endpoint();
    let (first, back) = after(next);
    block_on(async {
        let https = https(&[&endpoint]);
        assert_eq!(send(&https, &first.endpoint()).await.unwrap().status, 200);
    });
    assert_eq!(back.recv().unwrap().next(), Seen::End(0));
}

#[test]
fn two_hosts_are_connected_to_once_each() {
    let (one, other) = (Server::start(), Server::start());
    let (one_endpoint, other_endpoint) = (one.endpoint(), other.endpoint());
    let (first, back) = after(one);
    block_on(async {
        let https = https(&[&one_endpoint, &other_endpoint, &one_endpoint]);
        send(&https, &first.endpoint()).await.unwrap();
        for endpoint in [&other_endpoint, &one_endpoint] {
            assert_eq!(send(&https, endpoint).await.unwrap().status, 200);
        }
    });
    let one = back.recv().unwrap();
    assert_eq!([one.next(), one.next()], [Seen::Request, Seen::End(0)]);
    assert_eq!([other.next(), other.next()], [Seen::Connection, Seen::Request]);
    assert_eq!(other.next(), Seen::End(0));
    assert!(one.seen.try_recv().is_err() && other.seen.try_recv().is_err());
}

#[test]
fn without_a_request_to_another_host_nothing_is_connected_to_ahead() {
    let (one, other) = (Server::start(), Server::start());
    block_on(async {
        let https = https(&[&one.endpoint(), &other.endpoint()]);
        assert_eq!(send(&https, &one.endpoint()).await.unwrap().status, 200);
    });
    assert_eq!(
        [one.next(), one.next(), one.next()],
        [Seen::Connection, Seen::Request, Seen::End(0)]
    );
    assert!(other.seen.try_recv().is_err());
}

#[test]
fn request_connects_again_if_the_server_closed_the_connection() {
    let (closed, is_closed) = channel();
    let first_connection = std::sync::Mutex::new(Some(closed));
    let next = Server::with(move |stream, seen| match first_connection.lock().unwrap().take() {
        Some(closed) => {
            stream.shutdown(Shutdown::Both).unwrap();
            closed.send(()).unwrap();
        }
        None => while answer(stream, seen) {},
    });
    let first = Server::with(move |stream, seen| {
        is_closed.recv().unwrap();
        while answer(stream, seen) {}
    });
    block_on(async {
        let https = https(&[&next.endpoint()]);
        send(&https, &first.endpoint()).await.unwrap();
        assert_eq!(send(&https, &next.endpoint()).await.unwrap().status, 200);
    });
    assert_eq!(
        [next.next(), next.next(), next.next()],
        [Seen::Connection, Seen::Connection, Seen::Request]
    );
}

#[test]
fn request_connects_again_if_connecting_ahead_failed() {
    let closed = endpoint(listener().local_addr().unwrap());
    let first = Server::start();
    block_on(async {
        let https = https(&[&closed]);
        assert_eq!(send(&https, &first.endpoint()).await.unwrap().status, 200);
        let error = send(&https, &closed).await.unwrap_err();
        let TransportError::Connect { peer, source } = error else { panic!("{error}") };
        assert_eq!(peer, closed.authority());
        assert!(source.0.contains("refused"), "{}", source.0);
    });
}
