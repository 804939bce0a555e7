//! A small HTTPS client that says exactly what it is told to, and reads until the end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use roles_anywhere_emulator::Emulator;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Where an emulator is, in this process or as a program.
pub(crate) trait Place {
    fn endpoint(&self) -> &str;
    fn directory(&self) -> &Path;
}

impl Place for Emulator {
    fn endpoint(&self) -> &str {
        self.endpoint()
    }

    fn directory(&self) -> &Path {
        self.directory()
    }
}

/// A request but for its `Content-Length`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Call {
    pub(crate) fn header(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.into()));
    }

    pub(crate) fn without(&mut self, name: &str) {
        self.headers.retain(|(known, _)| known != name);
    }
}

/// An answer, whole or not.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// Returns `127.0.0.1:PORT`.
pub(crate) fn host(emulator: &impl Place) -> String {
    emulator.endpoint().trim_start_matches("https://").to_owned()
}

/// Sends a POST and returns the answer, or `None` where the connection ends without one.
pub(crate) fn send(emulator: &impl Place, call: &Call) -> Option<Answer> {
    exchange(emulator, text(call).as_bytes())
}

/// Returns what [`send`] sends.
pub(crate) fn text(call: &Call) -> String {
    let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
    let headers: String =
        call.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!(
        "POST {}{query} HTTP/1.1\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{}",
        call.path,
        call.body.len(),
        call.body
    )
}

/// Sends bytes as they are.
pub(crate) fn exchange(emulator: &impl Place, request: &[u8]) -> Option<Answer> {
    let mut stream = connect(emulator);
    stream.write_all(request).expect("the request is written");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer); // an error is a cut
    let answer = String::from_utf8(answer).expect("the answer is text");
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some(Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        headers: head.to_owned(),
        body: body.to_owned(),
    })
}

fn connect(emulator: &impl Place) -> StreamOwned<ClientConnection, TcpStream> {
    connect_as(&emulator.directory().join("tls-ca.pem"), &host(emulator), "127.0.0.1")
}

/// Connects to an address, which has to have a certificate for a name.
pub(crate) fn connect_as(
    ca: &Path,
    address: &str,
    name: &str,
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(der(ca).into()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = name.to_owned().try_into().unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    // For a test that fails, not for one that passes.
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    StreamOwned::new(connection, stream)
}

/// Returns the first PEM block of a file.
pub(crate) fn der(path: &Path) -> Vec<u8> {
    pem::parse(std::fs::read(path).unwrap()).unwrap().into_contents()
}
