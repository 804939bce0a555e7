//! What HTTP lets a client write in more than one way: each is read as a service reads it.

use roles_anywhere_emulator::{Emulator, Options};
use serde_json::{Value, json};

use crate::client::{Answer, exchange, host, text};
use crate::signer::Request;

fn emulator() -> Emulator {
    Emulator::start(Options::default()).unwrap()
}

/// Returns a good request as it goes over the wire.
fn good(emulator: &Emulator) -> String {
    text(&Request::new("leaf/p256").sign(emulator))
}

/// Sends a good request after a change that has to change it.
fn changed(emulator: &Emulator, old: &str, new: &str) -> Answer {
    let request = good(emulator);
    let changed = request.replacen(old, new, 1);
    assert_ne!(request, changed);
    exchange(emulator, changed.as_bytes()).unwrap()
}

/// Returns the status and the reason of a refusal.
fn refusal(emulator: &Emulator, answer: &Answer) -> (u16, Value) {
    let entry = emulator.requests().pop().unwrap();
    assert_eq!((&entry["verdict"], &entry["session"]), (&json!("refused"), &json!(null)));
    (answer.status, entry["reason"].clone())
}

#[test]
fn a_repeated_single_value_header_is_refused() {
    let emulator = emulator();
    for name in ["authorization", "content-type", "host", "x-amz-date", "x-amz-x509"] {
        let request = good(&emulator);
        let line = request.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
        let twice = request.replacen(line, &format!("{line}\r\n{line}"), 1);
        let answer = exchange(&emulator, twice.as_bytes()).unwrap();
        assert_eq!(refusal(&emulator, &answer), (400, json!("duplicate-header")), "{name}");
        assert_eq!(answer.header("x-amzn-errortype"), Some("MalformedHttpRequestException"));
    }
}

#[test]
fn a_request_without_host_is_refused() {
    let emulator = emulator();
    let line = format!("host: {}\r\n", host(&emulator));
    let answer = changed(&emulator, &line, "");
    assert_eq!(refusal(&emulator, &answer), (400, json!("host-missing")));
    // By HTTP/1.0 too, which did without one.
    let request = good(&emulator).replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(exchange(&emulator, request.as_bytes()).unwrap().status, 201);
    let answer = exchange(&emulator, request.replace(&line, "").as_bytes()).unwrap();
    assert_eq!(refusal(&emulator, &answer), (400, json!("host-missing")));
}

#[test]
fn the_host_of_a_target_in_absolute_form_is_the_host() {
    let emulator = emulator();
    let target = format!("POST {}/sessions ", emulator.endpoint());
    assert_eq!(changed(&emulator, "POST /sessions ", &target).status, 201);
    let answer = changed(&emulator, "POST /sessions ", "POST https://example.com/sessions ");
    assert_eq!(refusal(&emulator, &answer), (403, json!("signature")));
}

#[test]
fn order_case_spaces_and_number_of_headers_do_not_matter() {
    let emulator = emulator();
    let mut call = Request::new("leaf/rsa2048").sign(&emulator);
    call.headers.reverse();
    call.header("x-amzn-trace-id", "Root=1-2-3");
    call.header("user-agent", "test");
    call.header("accept", "*/*");
    let request = text(&call)
        .replace("x-amz-x509:", "X-AMZ-X509:  ")
        .replace("content-type: application/json", "Content-Type:\tapplication/json  ");
    let answer = exchange(&emulator, request.as_bytes()).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[test]
fn malformed_http_is_refused() {
    let emulator = emulator();
    let fold = changed(&emulator, "content-type: ", "content-type:\r\n ");
    let length = changed(&emulator, "content-length: ", "content-length: 1\r\ncontent-length: ");
    let space = changed(&emulator, "host: ", "host : ");
    assert_eq!([fold.status, length.status, space.status], [400; 3]);
    let mut bytes = good(&emulator).replace("\r\nhost", "\r\nx-note: \u{1}\r\nhost").into_bytes();
    let position = bytes.iter().position(|byte| *byte == 1).unwrap();
    bytes[position] = 0xff;
    assert_eq!(exchange(&emulator, &bytes).unwrap().status, 400);
    assert!(emulator.requests().is_empty());
}

#[test]
fn a_body_in_chunks_is_the_body() {
    let emulator = emulator();
    let request = good(&emulator);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let head =
        head.replace(&format!("content-length: {}", body.len()), "transfer-encoding: chunked");
    let chunks = |first: &str, second: &str| {
        let (f, s) = (first.len(), second.len());
        format!("{head}\r\n\r\n{f:x}\r\n{first}\r\n{s:x}\r\n{second}\r\n0\r\n\r\n")
    };
    let answer = exchange(&emulator, chunks(&body[..9], &body[9..]).as_bytes()).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.body);
    let answer = exchange(&emulator, chunks(body, " ").as_bytes()).unwrap();
    assert_eq!(refusal(&emulator, &answer), (403, json!("signature")));
}

#[test]
fn a_body_that_is_too_large_is_refused_as_such() {
    let emulator = emulator();
    let mut call = Request::new("leaf/p256").sign(&emulator);
    call.body = " ".repeat((1 << 20) + 1);
    // The connection may be cut while the rest is still being written.
    let length = call.body.len();
    call.body.clear();
    let head = text(&call).replace("content-length: 0", &format!("content-length: {length}"));
    assert_eq!(exchange(&emulator, head.as_bytes()).unwrap().status, 413);
}
