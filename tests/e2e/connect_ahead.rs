//! The connection to Secrets Manager, made while AWS answers CreateSession.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use crate::environment::TestEnvironment;
use crate::transport::{ELSEWHERE, read_head, serve, tunnel};

const SECRETS_ELSEWHERE: &str = "https://secretsmanager.us-east-1.amazonaws.com";
const GET: &str = "secret get prod/db-credentials --key port";

/// Returns what holds the first connection back, once, until the second one is made.
fn gate() -> (Sender<()>, Arc<dyn Fn() + Send + Sync>) {
    let (opened, is_open) = channel();
    let is_open = Mutex::new(Some(is_open));
    let wait = move || {
        if let Some(is_open) = is_open.lock().unwrap().take() {
            is_open.recv_timeout(Duration::from_secs(60)).expect("no second connection was made");
        }
    };
    (opened, Arc::new(wait))
}

fn target(env: &TestEnvironment) -> String {
    env.emulator().endpoint().trim_start_matches("https://").to_owned()
}

/// Returns an environment whose Roles Anywhere answers when Secrets Manager is connected to, and what the
/// client sent on each connection to Secrets Manager.
fn two_hosts() -> (TestEnvironment, Receiver<std::io::Result<Vec<u8>>>) {
    let env = TestEnvironment::new();
    let (opened, wait) = gate();
    let to = target(&env);
    let sessions = serve(move |stream| {
        wait();
        tunnel(stream, TcpStream::connect(&to).unwrap());
    });
    let (sender, sent) = channel();
    let to = target(&env);
    let secrets = serve(move |mut stream| {
        let mut far = TcpStream::connect(&to).unwrap();
        let (mut near_out, mut far_in) = (stream.try_clone().unwrap(), far.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut far_in, &mut near_out));
        let _ = sender.send(forward(&mut stream, &mut far, || opened.send(()).unwrap_or_default()));
    });
    let env = env
        .var("AWS_ENDPOINT_URL_ROLESANYWHERE", format!("https://{sessions}"))
        .var("ROLES_ANYWHERE_SECRETS_ENDPOINT", format!("https://{secrets}"));
    (env, sent)
}

/// Copies until the end of `near`, and returns what was copied. Calls `opened` after the handshake.
fn forward(
    near: &mut TcpStream,
    far: &mut TcpStream,
    opened: impl Fn(),
) -> std::io::Result<Vec<u8>> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = near.read(&mut buffer)?;
        if count == 0 {
            let _ = far.shutdown(std::net::Shutdown::Write);
            return Ok(all);
        }
        all.extend_from_slice(&buffer[..count]);
        far.write_all(&buffer[..count])?;
        // ClientHello, ChangeCipherSpec, Finished.
        if records(&all).len() >= 3 {
            opened();
        }
    }
}

/// Returns the lengths of the TLS records in `bytes`.
fn records(mut bytes: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let [_, _, _, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        lengths.push(length);
        bytes = rest.get(length..).unwrap_or_default();
    }
    lengths
}

#[test]
fn secret_is_requested_on_a_connection_that_was_made_meanwhile() {
    // The program gets the session that is made, too.
    let exec = "exec --static --env A=sm://prod/db-credentials#port -- printenv A";
    for (command, printed) in [(GET, "5432"), (exec, "5432\n")] {
        let (env, sent) = two_hosts();
        let outcome = env.run(command);
        assert_eq!((outcome.code, outcome.text().as_str()), (0, printed), "{outcome}");
        let all: Vec<_> = sent.recv_timeout(Duration::from_secs(60)).into_iter().collect();
        assert_eq!(all.len(), 1);
        assert!(sent.try_recv().is_err(), "there is one connection");
    }
}

#[test]
fn after_a_refused_session_the_connection_is_closed_without_a_request() {
    let (env, sent) = two_hosts();
    let env = env.fault(json!({"status": 403, "code": "AccessDeniedException", "times": 0}));
    let outcome = env.run(GET);
    assert_eq!(outcome.code, 4, "{outcome}");
    assert_eq!(env.emulator().requests().len(), 1);
    let sent = sent.recv_timeout(Duration::from_secs(60)).unwrap();
    // Not a reset.
    let lengths = records(&sent.unwrap());
    // The last message of TLS 1.3 is an alert of two bytes, with its type and its tag: close_notify.
    assert_eq!(lengths.last(), Some(&19), "{lengths:?}");
}

#[test]
fn both_tunnels_of_a_proxy_are_opened_at_once() {
    let env = TestEnvironment::new();
    let to = target(&env);
    let (opened, wait) = gate();
    let proxy = serve(move |mut stream| {
        match read_head(&mut stream) {
            head if head.starts_with("CONNECT secretsmanager.") => {
                opened.send(()).unwrap_or_default();
            }
            _ => wait(),
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        tunnel(stream, TcpStream::connect(&to).unwrap());
    });
    let env = env.var("HTTPS_PROXY", format!("http://{proxy}"));
    let endpoints = format!("--endpoint {ELSEWHERE} --secrets-endpoint {SECRETS_ELSEWHERE}");
    let outcome = env.run(&format!("{GET} {endpoints} --no-verify-ssl"));
    assert_eq!((outcome.code, outcome.text().as_str()), (0, "5432"), "{outcome}");
}

/// Nothing listens there; the errors are those of the request itself.
#[test]
fn failure_to_connect_meanwhile_is_no_error_of_the_session() {
    let env = TestEnvironment::new().var("ROLES_ANYWHERE_SECRETS_ENDPOINT", "https://127.0.0.1:1");
    let outcome = env.run(GET);
    assert_eq!(outcome.code, 5, "{outcome}");
    let words = "error: cannot connect to 127.0.0.1:1, tried 3 times";
    assert!(outcome.stderr.starts_with(words), "{outcome}");
    assert_eq!(env.emulator().requests().len(), 1);
}
