//! The CONNECT that a proxy refused, repeated to read its answer, which reqwest hides.

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{HOST, PROXY_AUTHORIZATION};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::Url;

use crate::http::proxy::host_and_port;
use crate::http::{Endpoint, Reason, TransportError};

/// Asks `proxy` for a tunnel to `endpoint` once more; returns how that failed, or `None` where it
/// went well this time or cannot be tried (a proxy that speaks TLS).
pub(super) async fn repeat(proxy: &Url, endpoint: &Endpoint) -> Option<TransportError> {
    if proxy.scheme() != "http" {
        return None;
    }
    let peer = host_and_port(proxy);
    let host = proxy.host_str()?.trim_matches(['[', ']']).to_owned();
    let address = (host, proxy.port_or_known_default()?);
    let stream = match TcpStream::connect(address).await {
        Ok(stream) => stream,
        Err(error) => {
            let peer = format!("the proxy {peer}");
            return Some(TransportError::Connect { peer, source: Reason(error.to_string()) });
        }
    };
    let target = format!("{}:{}", endpoint.host(), endpoint.port());
    match answer(stream, proxy, &target).await {
        Ok(status_line) if status_line.is_empty() => None,
        Ok(status_line) => {
            Some(TransportError::Proxy { proxy: peer, target, source: Reason(status_line) })
        }
        Err(error) => {
            let source = Reason(format!("it closed the connection ({error})"));
            Some(TransportError::Proxy { proxy: peer, target, source })
        }
    }
}

/// Returns the proxy's status line, empty where it agrees.
async fn answer(stream: TcpStream, proxy: &Url, target: &str) -> Result<String, hyper::Error> {
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
    if response.status().is_success() {
        return Ok(String::new());
    }
    let reason = response.extensions().get::<hyper::ext::ReasonPhrase>();
    let phrase = match reason {
        Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        None => response.status().canonical_reason().unwrap_or_default().to_owned(),
    };
    let phrase: String = phrase.chars().filter(|c| !c.is_control()).take(200).collect();
    Ok(format!("{:?} {} {phrase}", response.version(), response.status().as_u16()))
}
