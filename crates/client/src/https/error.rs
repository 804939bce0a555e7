//! Translates errors of reqwest into errors of the port.

use std::error::Error;

use rustls::CertificateError;
use rustls::pki_types::UnixTime;
use url::Url;

use crate::http::proxy::host_and_port;
use crate::http::{Distrust, Request, SourceMessage, TransportError, TransportOptions};
use crate::https::proxy_connect;
use crate::https::trust::Verifier;
use crate::time::Timestamp;

/// An error of reqwest, with the context that is needed to classify it.
pub(super) struct FailureContext<'a> {
    pub(super) request: &'a Request,
    pub(super) options: &'a TransportOptions,
    pub(super) verifier: &'a Verifier,
    pub(super) error: reqwest::Error,
}

impl FailureContext<'_> {
    /// Classifies a failure before the response.
    pub(super) async fn while_connecting(self) -> TransportError {
        let host = self.request.endpoint.host().to_owned();
        if let Some(error) = self.verifier.roots_error() {
            return error;
        }
        if let Some(tls) = find::<rustls::Error>(&self.error) {
            return self.tls(host, tls);
        }
        if !self.error.is_connect() {
            return TransportError::Interrupted {
                host,
                plain: self.is_plain(),
                source: self.reason(),
            };
        }
        let target = self.request.endpoint.url("/", "");
        if let Some(proxy) = self.options.proxy.as_ref().and_then(|p| p.on_the_way_to(&target)) {
            return self.proxied(host, proxy).await;
        }
        if self.error.is_dns() {
            return TransportError::Resolve { host, for_socks: false, source: self.reason() };
        }
        let peer = format!("{host}:{}", self.request.endpoint.port());
        TransportError::Connect { peer, source: self.reason() }
    }

    fn is_plain(&self) -> bool {
        self.request.endpoint.url("/", "").scheme() == "http"
    }

    /// Classifies a failure in the middle of a response.
    pub(super) fn while_reading(self) -> TransportError {
        let host = self.request.endpoint.host().to_owned();
        TransportError::Interrupted { host, plain: self.is_plain(), source: self.reason() }
    }

    /// Classifies a failure with a proxy, by repeating the CONNECT.
    async fn proxied(&self, host: String, proxy: &Url) -> TransportError {
        let name = host_and_port(proxy);
        if self.error.is_timeout() {
            let peer = format!("{host} through the proxy {name}");
            return TransportError::Connect { peer, source: self.reason() };
        }
        let repeated = proxy_connect::repeat(proxy, &self.request.endpoint);
        let limit = self.options.connect_timeout;
        match tokio::time::timeout(limit, repeated).await {
            Ok(proxy_connect::ConnectOutcome::Refused(error)) => error,
            Ok(proxy_connect::ConnectOutcome::Accepted) => TransportError::Interrupted {
                host: format!("{host} through the proxy {name}"),
                plain: false,
                source: self.reason(),
            },
            // The CONNECT cannot be repeated over TLS or SOCKS, so the error of reqwest is used.
            Ok(proxy_connect::ConnectOutcome::NotSent)
                if find::<std::io::Error>(&self.error).is_none() =>
            {
                let target = format!("{host}:{}", self.request.endpoint.port());
                let source = self.reason();
                TransportError::Proxy {
                    proxy: name,
                    target,
                    transient: false,
                    login: false,
                    source,
                }
            }
            Ok(proxy_connect::ConnectOutcome::NotSent) | Err(_) => {
                let peer = format!("the proxy {name}");
                TransportError::Connect { peer, source: self.reason() }
            }
        }
    }

    fn tls(&self, host: String, error: &rustls::Error) -> TransportError {
        let rustls::Error::InvalidCertificate(why) = error else {
            let text = match error {
                // What a port for plain HTTP answers.
                rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
                    "the server's response is not TLS".to_owned()
                }
                error => error.to_string(),
            };
            return TransportError::Handshake { host, source: SourceMessage(text) };
        };
        let presented = self.verifier.presented().map(Box::new);
        // A proxy behind TLS presents a certificate, too.
        let host = match &presented {
            Some(presented) if presented.name != host.trim_matches(['[', ']']) => {
                format!("the proxy {}", presented.name)
            }
            _ => host,
        };
        let (distrust, words) = distrust(why);
        TransportError::Untrusted { host, presented, distrust, source: SourceMessage(words) }
    }

    /// Returns the innermost cause, which is the most specific.
    fn reason(&self) -> SourceMessage {
        if self.error.is_timeout() {
            let seconds = self.options.connect_timeout.as_secs();
            return SourceMessage(format!("no connection within {seconds} s"));
        }
        let mut innermost: &dyn Error = &self.error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        let text = innermost.to_string();
        // rustls appends the URL of a page for programmers.
        SourceMessage(text.split(": https://").next().unwrap_or(&text).to_owned())
    }
}

/// Describes why a certificate is not trusted; for some variants rustls only prints their name.
fn distrust(why: &CertificateError) -> (Distrust, String) {
    match why {
        CertificateError::UnknownIssuer => {
            (Distrust::Issuer, "it was not issued by a trusted CA".to_owned())
        }
        CertificateError::NotValidForName => {
            (Distrust::Name, "it is not valid for this host name".to_owned())
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            (Distrust::Name, wrong_name(presented))
        }
        CertificateError::Expired => {
            (Distrust::Time, "it has expired by this machine's clock".to_owned())
        }
        CertificateError::ExpiredContext { time, not_after } => {
            let (now, not_after) = (timestamp(time), timestamp(not_after));
            let text = format!("it has expired (on {not_after}; it is now {now})");
            (Distrust::Time, text)
        }
        CertificateError::NotValidYet => {
            (Distrust::Time, "it is not yet valid by this machine's clock".to_owned())
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let (now, not_before) = (timestamp(time), timestamp(not_before));
            let text = format!("it is not yet valid (valid from {not_before}; it is now {now})");
            (Distrust::Time, text)
        }
        CertificateError::Other(other) => (Distrust::Other, unverified(&other.0)),
        other => (Distrust::Other, unverified(other)),
    }
}

/// Describes a certificate that is for other names, in the form in which webpki reports them:
/// `DnsName("a.example")`, `IpAddress(127.0.0.1)`.
fn wrong_name(presented: &[String]) -> String {
    let name = |text: &String| {
        let inside = text.split_once('(').map_or(text.as_str(), |(_, rest)| rest);
        format!("`{}`", inside.trim_end_matches(')').trim_matches('"'))
    };
    let names: Vec<String> = presented.iter().take(MOST_NAMES).map(name).collect();
    let more = if presented.len() > MOST_NAMES { " and others" } else { "" };
    match names.is_empty() {
        true => "it is not valid for this host name, and names no other".to_owned(),
        false => format!("it is not valid for this host name, only for {}{more}", names.join(", ")),
    }
}

/// The most names of a certificate that an error lists.
const MOST_NAMES: usize = 5;

fn unverified(why: &dyn std::fmt::Display) -> String {
    format!("it cannot be verified ({why})")
}

fn timestamp(time: &UnixTime) -> Timestamp {
    Timestamp::from_unix(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

/// Finds an error of type `T` among the causes, also inside an `io::Error`, which hides its own.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| find::<T>(inner)) {
            return Some(found);
        }
        cause = error.source();
    }
    None
}
