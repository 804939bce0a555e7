//! The few requests of the runners themselves, over plain HTTP.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::{LIMIT, WorldError};

/// An answer, as it came.
pub struct Answer {
    /// The status line and the headers, a line each.
    pub head: String,
    /// What stood behind them.
    pub body: String,
}

/// Sends one request to an `http://address:port/…` and returns the answer, which has to be a 200 and
/// to come within a minute.
pub fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Answer, WorldError> {
    send_within(LIMIT, method, url, headers, body)
}

fn send_within(
    limit: Duration,
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
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            WorldError::Unanswered { address: address.to_owned(), limit }
        }
        _ => error.into(),
    })?;
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
    #[expect(clippy::disallowed_methods, reason = "a server that never answers")]
    fn a_server_that_does_not_answer_is_an_error() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", server.local_addr().unwrap());
        let answer = send_within(Duration::from_millis(10), "GET", &url, &[], "");
        assert!(matches!(answer, Err(WorldError::Unanswered { .. })), "{:?}", answer.err());
    }

    #[test]
    fn splits_an_url() {
        assert_eq!(split("http://127.0.0.1:80/a/b"), ("127.0.0.1:80", "/a/b"));
        assert_eq!(split("http://127.0.0.1:80"), ("127.0.0.1:80", "/"));
    }
}
