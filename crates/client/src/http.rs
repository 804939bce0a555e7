//! HTTP messages as plain data, and the port that moves them; no sockets here.

mod endpoint;
pub mod proxy;

use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

pub use endpoint::{Endpoint, EndpointError, is_loopback, is_loopback_name};
use zeroize::Zeroize;

use crate::secret::SecretBytes;
use crate::text::disclosure::{DisplayValue, Sensitivity, shown};

/// A request to send. Its headers may hold a session token, so `Debug` shows their names alone.
#[derive(Clone)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Where to send it.
    pub endpoint: Endpoint,
    /// Absolute path, already percent-encoded.
    pub path: &'static str,
    /// Query string without `?`, already in canonical form; empty for none.
    pub query: String,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Wipes what may be a session token or a signature.
impl Drop for Request {
    fn drop(&mut self) {
        for (_, value) in &mut self.headers {
            value.zeroize();
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        write!(f, "{} {}{} {names:?}", self.method, self.endpoint, self.path)
    }
}

/// A response received.
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
    /// Returns the first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// How to reach a service.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// Whose TLS certificates are believed.
    pub trust: Trust,
    /// The proxy, where there is one.
    pub proxy: Option<proxy::Proxy>,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
}

/// Whose TLS certificates are believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trust {
    /// Those that the operating system trusts.
    System,
    /// Those that chain to a CA of a PEM file.
    File {
        /// The flag or variable that names the file.
        origin: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// All of them, unverified, as `--no-verify-ssl` asks.
    Unverified,
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("the system's CA certificates"),
            Self::File { origin, path } => f.write_str(&bundle_name(origin, path, false)),
            Self::Unverified => f.write_str("everybody"),
        }
    }
}

/// Returns the name of a file of CA certificates for messages; `exists` says whether it is there.
pub fn bundle_name(origin: &str, path: &Path, exists: bool) -> String {
    match shown(&path.to_string_lossy(), Sensitivity::Public, || exists) {
        DisplayValue::Value(path) => format!("`{path}` (from {origin})"),
        DisplayValue::Hidden(_) => format!("the file that `{origin}` names"),
    }
}

/// A way to send one request and wait for its response.
pub trait Transport: Sync {
    /// Sends `request` once; any status is an answer.
    fn send<'a>(
        &'a self,
        request: &'a Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, TransportError>> + 'a>>;

    /// Returns the proxy on the way to `endpoint`, as it may be shown; `None` where there is none.
    fn proxy(&self, _endpoint: &Endpoint) -> Option<String> {
        None
    }
}

/// No answer came back.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection came about.
    #[error("could not connect to {peer}")]
    Connect {
        /// `host:port` that was tried: AWS, or the proxy on the way.
        peer: String,
        /// Why not.
        source: SourceMessage,
    },
    /// The host has no address.
    #[error("could not find the address of {host}")]
    Resolve {
        /// The host.
        host: String,
        /// Whether a SOCKS proxy was to be told the address, and not the name.
        for_socks: bool,
        /// What the resolver said.
        source: SourceMessage,
    },
    /// The certificate that was presented does not convince.
    #[error("could not trust the TLS certificate of {host}")]
    Untrusted {
        /// The host.
        host: String,
        /// Whose certificate it is.
        presented: Option<Box<Presented>>,
        /// Who can mend it.
        distrust: Distrust,
        /// What is wrong with it.
        source: SourceMessage,
    },
    /// The TLS handshake failed for another reason.
    #[error("could not agree on TLS with {host}")]
    Handshake {
        /// The host.
        host: String,
        /// Why not.
        source: SourceMessage,
    },
    /// A proxy refused to connect us.
    #[error("the proxy {proxy} did not connect us to {target}")]
    Proxy {
        /// `host:port` of the proxy.
        proxy: String,
        /// `host:port` that it was asked for.
        target: String,
        /// Whether it may do so a moment later.
        transient: bool,
        /// Whether it asks for a user name and a password (status 407).
        login: bool,
        /// Its status line, or what is known instead.
        source: SourceMessage,
    },
    /// The connection was lost before the answer was complete.
    #[error("lost the connection to {host} before the answer was complete")]
    Interrupted {
        /// The host.
        host: String,
        /// Whether it was asked by HTTP without TLS.
        plain: bool,
        /// How.
        source: SourceMessage,
    },
    /// The answer is larger than any answer of the service.
    #[error("the answer of {host} is larger than {limit} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The most that is read.
        limit: usize,
    },
    /// The trusted CA certificates could not be read.
    #[error("could not read the trusted CA certificates of {origin}")]
    TrustStore {
        /// The flag or variable and the file, or the system's store.
        origin: String,
        /// Why not.
        source: SourceMessage,
    },
}

impl TransportError {
    /// Returns whether another try may go better.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Resolve { .. } | Self::Interrupted { .. } => true,
            Self::Handshake { .. } => true,
            Self::Proxy { transient, .. } => *transient,
            Self::Untrusted { .. } | Self::TooLarge { .. } | Self::TrustStore { .. } => false,
        }
    }
}

/// Why a server's certificate is not believed, as far as it decides what to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Distrust {
    /// No CA that is trusted issued it.
    Issuer,
    /// It is for another host name.
    Name,
    /// It is not valid at this time.
    Time,
    /// Something else is wrong with it.
    Other,
}

/// Whose certificate a server presented.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Presented {
    /// The name that was asked for: the service's, or the proxy's on the way.
    pub name: String,
    /// Its subject, as a distinguished name.
    pub subject: String,
    /// Its issuer, as a distinguished name.
    pub issuer: String,
}

/// The words of a library for what went wrong, kept as the cause of an error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceMessage(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_header_to_a_debugger() {
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
