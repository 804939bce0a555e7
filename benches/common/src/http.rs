//! The few requests of the runners themselves, over plain HTTP.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::WorldError;

/// An answer, as it came.
pub struct Answer {
    /// The status line and the headers, a line each.
    pub head: String,
    /// What stood behind them.
    pub body: String,
}

/// Sends one request to an `http://address:port/…` and returns the answer, which has to be a 200.
pub fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Answer, WorldError> {
    let (address, path) = split(url);
    let length = body.len();
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\
         connection: close\r\n"
    );
    for (name, value) in headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    let _ = write!(request, "\r\n{body}");
    let mut stream = connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if !head.starts_with("HTTP/1.1 200") {
        let status = head.lines().next().unwrap_or_default().to_owned();
        return Err(WorldError::Answer { path: path.to_owned(), status });
    }
    Ok(Answer { head: head.to_owned(), body: body.to_owned() })
}

/// Splits an URL into `address:port` and path.
fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash))
}

#[expect(clippy::disallowed_methods, reason = "the one connection of the runner")]
fn connect(address: &str) -> std::io::Result<TcpStream> {
    TcpStream::connect(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_an_url() {
        assert_eq!(split("http://127.0.0.1:80/a/b"), ("127.0.0.1:80", "/a/b"));
        assert_eq!(split("http://127.0.0.1:80"), ("127.0.0.1:80", "/"));
    }
}
