//! Why there is no response.

/// There is no complete response.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection could be made.
    #[error("cannot connect to {peer}")]
    Connect {
        /// `host:port` of the peer: AWS, or the proxy.
        peer: String,
        /// The cause.
        source: SourceMessage,
    },
    /// The host has no address.
    #[error("cannot resolve the host name {host}")]
    Resolve {
        /// The host.
        host: String,
        /// Whether the address was for a SOCKS proxy that gets an address, not the name.
        for_socks: bool,
        /// The error of the resolver.
        source: SourceMessage,
    },
    /// The certificate of the server is not trusted.
    #[error("the TLS certificate of {host} is not trusted")]
    Untrusted {
        /// The host.
        host: String,
        /// The certificate that was presented.
        presented: Option<Box<Presented>>,
        /// The kind of the failure.
        distrust: Distrust,
        /// The cause.
        source: SourceMessage,
    },
    /// The TLS handshake failed for another reason.
    #[error("the TLS handshake with {host} failed")]
    Handshake {
        /// The host.
        host: String,
        /// The cause.
        source: SourceMessage,
    },
    /// A proxy refused the connection.
    #[error("the proxy {proxy} did not connect to {target}")]
    Proxy {
        /// `host:port` of the proxy.
        proxy: String,
        /// `host:port` of the requested target.
        target: String,
        /// Whether a retry may succeed.
        transient: bool,
        /// Whether it asks for a user name and a password (status 407).
        login: bool,
        /// Its status line, or another description of the failure.
        source: SourceMessage,
    },
    /// The connection was lost before the response was complete.
    #[error("{host} closed the connection before the response was complete")]
    Interrupted {
        /// The host.
        host: String,
        /// Whether the request was sent by HTTP without TLS.
        plain: bool,
        /// The cause.
        source: SourceMessage,
    },
    /// The response is larger than any response of the service.
    #[error("the response of {host} is larger than {limit} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The most bytes that are read.
        limit: usize,
    },
    /// The trusted CA certificates could not be read.
    #[error("cannot read the CA certificates of {origin}")]
    TrustStore {
        /// The flag or variable and the file, or the store of the system.
        origin: String,
        /// The cause.
        source: SourceMessage,
    },
}

impl TransportError {
    /// Returns whether a retry may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Resolve { .. } | Self::Interrupted { .. } => true,
            Self::Handshake { .. } => true,
            Self::Proxy { transient, .. } => *transient,
            Self::Untrusted { .. } | Self::TooLarge { .. } | Self::TrustStore { .. } => false,
        }
    }

    /// Returns whether the server may have received the request. A handshake can fail after that: with TLS
    /// 1.3, the server checks last what it was sent.
    pub fn may_have_been_sent(&self) -> bool {
        match self {
            Self::Interrupted { .. } | Self::TooLarge { .. } | Self::Handshake { .. } => true,
            Self::Connect { .. }
            | Self::Resolve { .. }
            | Self::Untrusted { .. }
            | Self::Proxy { .. }
            | Self::TrustStore { .. } => false,
        }
    }
}

/// Why a server's certificate is not trusted, as far as the hint depends on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Distrust {
    /// It was not issued by a trusted CA.
    Issuer,
    /// It is for another host name.
    Name,
    /// It has expired or is not yet valid.
    Time,
    /// Another reason.
    Other,
}

/// The certificate that a server presented.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Presented {
    /// The expected name: of the service, or of the proxy.
    pub name: String,
    /// Its subject, as a distinguished name.
    pub subject: String,
    /// Its issuer, as a distinguished name.
    pub issuer: String,
}

/// The message of a library's error, kept as the cause of an error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceMessage(pub String);
