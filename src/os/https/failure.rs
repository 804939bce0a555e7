//! What went wrong underneath reqwest, in the words of the port.

use std::error::Error;

use rustls::CertificateError;

use crate::http::proxy::host_and_port;
use crate::http::{Reason, Request, TransportError, TransportOptions};
use crate::os::https::connect;
use crate::os::https::trust::Verifier;

/// An error of reqwest, and what is needed to make sense of it.
pub(super) struct Failure<'a> {
    pub(super) request: &'a Request,
    pub(super) options: &'a TransportOptions,
    pub(super) verifier: &'a Verifier,
    pub(super) error: reqwest::Error,
}

impl Failure<'_> {
    /// Names a failure before there was an answer.
    pub(super) async fn while_connecting(self) -> TransportError {
        let host = self.request.endpoint.host().to_owned();
        if let Some(trouble) = self.verifier.trouble() {
            return trouble;
        }
        if let Some(tls) = find::<rustls::Error>(&self.error) {
            return self.tls(host, tls);
        }
        if !self.error.is_connect() {
            return TransportError::Interrupted { host, source: self.reason() };
        }
        let target = self.request.endpoint.url("/", "");
        if let Some(proxy) = self.options.proxy.as_ref().and_then(|p| p.on_the_way_to(&target)) {
            let repeated = connect::repeat(proxy, &self.request.endpoint);
            if let Some(error) = repeated.await {
                return error;
            }
            let peer = format!("the proxy {}", host_and_port(proxy));
            return TransportError::Connect { peer, source: self.reason() };
        }
        if self.error.is_dns() {
            return TransportError::Resolve { host, source: self.reason() };
        }
        let peer = format!("{host}:{}", self.request.endpoint.port());
        TransportError::Connect { peer, source: self.reason() }
    }

    /// Names a failure in the middle of an answer.
    pub(super) fn while_reading(self) -> TransportError {
        let host = self.request.endpoint.host().to_owned();
        TransportError::Interrupted { host, source: self.reason() }
    }

    fn tls(&self, host: String, error: &rustls::Error) -> TransportError {
        match error {
            rustls::Error::InvalidCertificate(why) => TransportError::Untrusted {
                host,
                presented: self.verifier.presented(),
                source: Reason(words(why)),
            },
            other => TransportError::Handshake { host, source: Reason(other.to_string()) },
        }
    }

    /// Returns the innermost cause, which says most.
    fn reason(&self) -> Reason {
        if find::<tokio::time::error::Elapsed>(&self.error).is_some() || self.error.is_timeout() {
            let seconds = self.options.connect_timeout.as_secs();
            return Reason(format!("no connection within {seconds} s"));
        }
        let mut innermost: &dyn Error = &self.error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        let text = innermost.to_string();
        // rustls points at a page for programmers.
        Reason(text.split(": https://").next().unwrap_or(&text).to_owned())
    }
}

/// Says what is wrong with a certificate, where rustls names its variant alone.
fn words(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer => "no CA that is trusted here issued it".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("it is not for this host name: {why}")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("it has expired by this machine's clock: {why}")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("it is not valid yet by this machine's clock: {why}")
        }
        other => other.to_string(),
    }
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
