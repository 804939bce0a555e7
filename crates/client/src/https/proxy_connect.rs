//! Repeats a CONNECT that a proxy refused, to read the response of the proxy, which reqwest hides.

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{HOST, PROXY_AUTHORIZATION};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::Url;

use crate::http::proxy::host_and_port;
use crate::http::{Endpoint, SourceMessage, TransportError};
use crate::https::resolve;
use crate::text::escape;

/// The result of a repeated CONNECT.
pub(super) enum ConnectOutcome {
    /// The proxy refused, or could not be reached.
    Refused(TransportError),
    /// The proxy opened the tunnel this time.
    Accepted,
    /// No CONNECT was sent: the proxy uses TLS or SOCKS.
    NotSent,
}

/// Sends `proxy` another CONNECT for `endpoint`.
pub(super) async fn repeat(proxy: &Url, endpoint: &Endpoint) -> ConnectOutcome {
    let (Some(host), Some(port)) = (proxy.host_str(), proxy.port_or_known_default()) else {
        return ConnectOutcome::NotSent;
    };
    if proxy.scheme() == "https" {
        return ConnectOutcome::NotSent;
    }
    let name = host_and_port(proxy);
    let connected = async {
        let addresses = resolve::addresses(host.trim_matches(['[', ']']), port).await?;
        TcpStream::connect(&*addresses).await
    };
    let stream = match connected.await {
        Ok(stream) => stream,
        Err(error) => {
            let (peer, source) = (format!("the proxy {name}"), SourceMessage(error.to_string()));
            return ConnectOutcome::Refused(TransportError::Connect { peer, source });
        }
    };
    if proxy.scheme() == "socks5"
        && let Err(error) = resolve::addresses(endpoint.host().trim_matches(['[', ']']), 0).await
    {
        let (host, source) = (endpoint.host().to_owned(), SourceMessage(error.to_string()));
        return ConnectOutcome::Refused(TransportError::Resolve { host, for_socks: true, source });
    }
    if proxy.scheme() != "http" {
        return ConnectOutcome::NotSent;
    }
    let target = format!("{}:{}", endpoint.host(), endpoint.port());
    let (status, words) = match answer(stream, proxy, &target).await {
        Ok((200..300, _)) => return ConnectOutcome::Accepted,
        Ok((status, status_line)) => (Some(status), status_line),
        Err(error) => (None, format!("it closed the connection ({error})")),
    };
    let source = SourceMessage(words);
    let (transient, login) = (status.is_none_or(|status| status >= 500), status == Some(407));
    ConnectOutcome::Refused(TransportError::Proxy { proxy: name, target, transient, login, source })
}

/// Returns the proxy's status, and its status line.
async fn answer(
    stream: TcpStream,
    proxy: &Url,
    target: &str,
) -> Result<(u16, String), hyper::Error> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut request = hyper::Request::connect(target)
        .header(HOST, target)
        .body(Empty::<Bytes>::new())
        .expect("a host and a port make a request target");
    let credentials = Matcher::builder().all(proxy.as_str()).build();
    let anywhere = hyper::Uri::from_static("http://target.invalid");
    if let Some(value) = credentials.intercept(&anywhere).and_then(|i| i.basic_auth().cloned()) {
        request.headers_mut().insert(PROXY_AUTHORIZATION, value);
    }
    let driver = tokio::task::spawn(connection);
    let response = sender.send_request(request).await;
    driver.abort();
    let response = response?;
    let reason = response.extensions().get::<hyper::ext::ReasonPhrase>();
    let phrase = match reason {
        Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        None => response.status().canonical_reason().unwrap_or_default().to_owned(),
    };
    let phrase: String = phrase.chars().filter(|c| !escape::is_invisible(*c)).take(200).collect();
    let status = response.status().as_u16();
    Ok((status, format!("{:?} {status} {phrase}", response.version())))
}
