//! HTTP messages as plain data, and the port that sends them.

mod endpoint;
mod error;
pub mod proxy;

use futures_util::future::BoxFuture;
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use endpoint::{Endpoint, EndpointError, is_loopback, is_loopback_name};
pub use error::{Distrust, Presented, SourceMessage, TransportError};
use zeroize::Zeroize;

use crate::secret::SecretBytes;
use crate::text::disclosure::{DisplayValue, Sensitivity, shown};

/// A request to send. Its headers may hold a session token, so `Debug` shows only their names.
#[derive(Clone)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The service to send it to.
    pub endpoint: Endpoint,
    /// Absolute path, already percent-encoded.
    pub path: &'static str,
    /// Query string without `?`, already in canonical form; may be empty.
    pub query: String,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Wipes the headers, which may hold a session token or a signature, and the body, which may hold a
/// secret.
impl Drop for Request {
    fn drop(&mut self) {
        for (_, value) in &mut self.headers {
            value.zeroize();
        }
        self.body.zeroize();
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        write!(f, "{} {}{} {names:?}", self.method, self.endpoint, self.path)
    }
}

/// A response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, which may hold credentials.
    pub body: SecretBytes,
}

impl Response {
    /// Returns whether the status says that the request succeeded.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns the first header with this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The network options for a service.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// Which TLS certificates are trusted.
    pub trust: Trust,
    /// The proxy, if any.
    pub proxy: Option<proxy::Proxy>,
    /// The timeout of connecting.
    pub connect_timeout: Duration,
    /// The longest response that is read, in bytes.
    pub longest_response: usize,
}

impl Default for TransportOptions {
    /// Trusts the system's CA certificates, uses no proxy, connects within 5 s, and reads 8 MiB: a batch may hold 20
    /// secrets of 64 KiB each, and a byte takes up to six in JSON.
    fn default() -> Self {
        Self {
            trust: Trust::System,
            proxy: None,
            connect_timeout: Duration::from_secs(5),
            longest_response: 8 << 20,
        }
    }
}

/// Which TLS certificates are trusted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trust {
    /// Certificates that the operating system trusts.
    System,
    /// Certificates that chain to a CA in a file.
    File {
        /// The flag or variable that names the file.
        origin: Cow<'static, str>,
        /// The file.
        path: PathBuf,
    },
    /// All certificates, without verification.
    Unverified,
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("the system's CA certificates"),
            Self::File { origin, path } => f.write_str(&bundle_name(origin, path, false)),
            Self::Unverified => f.write_str("all certificates, without verification"),
        }
    }
}

/// Returns the name of a file of CA certificates for messages; `exists` says whether it is known to
/// exist.
pub fn bundle_name(origin: &str, path: &Path, exists: bool) -> String {
    match shown(&path.to_string_lossy(), Sensitivity::Public, || exists) {
        DisplayValue::Value(path) => format!("`{path}` (from {origin})"),
        DisplayValue::Hidden(_) => format!("the file named by `{origin}`"),
    }
}

/// Sends a request and waits for its response.
pub trait Transport: Send + Sync {
    /// Sends `request` once. A response of any status is a success here.
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response, TransportError>>;

    /// Returns the proxy that is used for `endpoint`, in a form that may be shown; `None` without one.
    fn proxy(&self, _endpoint: &Endpoint) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_header_values() {
        let request = Request {
            method: "POST",
            endpoint: Endpoint::parse("https://a.example").unwrap(),
            path: "/",
            query: String::new(),
            headers: vec![("x-amz-security-token".to_owned(), "hunter2".to_owned())],
            body: Vec::new(),
        };
        let shown = format!("{request:?}");
        assert_eq!(shown, r#"POST https://a.example/ ["x-amz-security-token"]"#);
    }
}
