//! The control API of the emulator.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use roles_anywhere_emulator::Emulator;
use serde_json::Value;

use super::TestEnvironment;

impl TestEnvironment {
    /// Sends a request to the control API of the emulator, and returns the JSON that it answers. `null` is no
    /// body.
    pub(crate) fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        control(self.emulator(), method, path, body)
    }
}

/// As [`TestEnvironment::control`], for an emulator.
pub(crate) fn control(emulator: &Emulator, method: &str, path: &str, body: &Value) -> Value {
    let url = emulator.control_url();
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(body).unwrap_or_default()
}
