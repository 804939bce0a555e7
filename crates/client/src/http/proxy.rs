//! The proxy for a host, by `HTTPS_PROXY` and `NO_PROXY`.

use std::borrow::Cow;
use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use crate::http::Endpoint;
use crate::http::endpoint::{known_scheme, scheme};

/// A proxy, and the hosts that are reached without it.
#[derive(Clone)]
pub struct Proxy {
    url: Url,
    origin: Cow<'static, str>,
    no_proxy: String,
}

/// The port of SOCKS (RFC 1928, 3), which the parser of URLs does not know.
const SOCKS_PORT: u16 = 1080;

impl Proxy {
    /// Parses the URL of an HTTP or SOCKS5 proxy; `http://` is assumed if no scheme is written.
    ///
    /// `origin` names what it comes from; `no_proxy` holds the value of
    /// `NO_PROXY`, comma-separated.
    pub fn parse(
        text: &str,
        origin: impl Into<Cow<'static, str>>,
        no_proxy: &str,
    ) -> Result<Self, ProxyError> {
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        // The text may hold a password, so no part of it gets into an error.
        let mut url = Url::parse(&text).map_err(ProxyError::Malformed)?;
        match url.scheme() {
            "http" | "https" | "socks5" | "socks5h"
                if url.host_str().is_some_and(|host| !host.is_empty()) => {}
            "http" | "https" | "socks5" | "socks5h" => return Err(ProxyError::Host),
            other => return Err(ProxyError::Scheme(known_scheme(other))),
        }
        if url.port_or_known_default().is_none() {
            url.set_port(Some(SOCKS_PORT)).map_err(|()| ProxyError::Host)?;
        }
        Ok(Self { url, origin: origin.into(), no_proxy: no_proxy.to_owned() })
    }

    /// Returns the URL of the proxy for `target`, with its user information; `None` for a direct
    /// connection. Connections to this machine are always direct.
    pub fn on_the_way_to(&self, target: &Url) -> Option<&Url> {
        (!is_exempt(&self.no_proxy, target)).then_some(&self.url)
    }

    /// Returns whether it is the same proxy as `other`, for the same hosts; the origin makes no difference.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.url, &self.no_proxy) == (&other.url, &other.no_proxy)
    }

    /// Returns whether the proxy is used for `endpoint`.
    pub fn serves(&self, endpoint: &Endpoint) -> bool {
        self.on_the_way_to(&endpoint.url("/", "")).is_some()
    }
}

/// Returns whether `target` is reached without a proxy: it is this machine, or `NO_PROXY` names it
/// by host, domain, `host:port`, address or network, separated by commas or spaces.
pub fn is_exempt(no_proxy: &str, target: &Url) -> bool {
    let port = target.port_or_known_default().unwrap_or_default().to_string();
    let entries = no_proxy.split([',', ' ']).filter_map(|entry| match entry.split_once(':') {
        Some((host, only)) if only.bytes().all(|b| b.is_ascii_digit()) => {
            (only == port).then_some(host)
        }
        _ => Some(entry),
    });
    // Many users write `*.example.com` or `example.com.` for `.example.com`.
    let entries = entries.map(|e| e.strip_prefix("*.").unwrap_or(e).trim_end_matches('.'));
    let entries = entries.collect::<Vec<_>>().join(",");
    let matcher = Matcher::builder().all("http://proxy.invalid").no(entries).build();
    let uri = target.as_str().parse();
    super::is_loopback(target) || uri.is_ok_and(|uri| matcher.intercept(&uri).is_none())
}

/// Renders `scheme://host:port (from HTTPS_PROXY)`, without user information.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{} (from {})", self.url.scheme(), host_and_port(&self.url), self.origin)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns `host:port` of a URL, without user information.
pub fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    format!("{host}:{}", url.port_or_known_default().unwrap_or_default())
}

/// Why a text is not the URL of a supported proxy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProxyError {
    /// It is not a URL.
    #[error("not a URL: {0}")]
    Malformed(#[source] url::ParseError),
    /// The kind of proxy is not supported.
    #[error("the proxy scheme is {}, expected `http`, `https`, `socks5` or `socks5h`", scheme(*.0))]
    Scheme(Option<&'static str>),
    /// There is no host.
    #[error("the URL has no host name")]
    Host,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxied(no_proxy: &str, target: &str) -> bool {
        let proxy = Proxy::parse("proxy:3128", "HTTPS_PROXY", no_proxy).unwrap();
        proxy.on_the_way_to(&Url::parse(target).unwrap()).is_some()
    }

    #[test]
    fn loopback_and_no_proxy_hosts_are_direct() {
        assert!(proxied("", "https://a.example"));
        assert!(!proxied("", "https://127.0.0.1:8443"));
        assert!(!proxied("", "https://[::1]"));
        assert!(!proxied("", "https://localhost"));
        assert!(!proxied("a.example", "https://a.example"));
        assert!(!proxied(".example", "https://a.example"));
        assert!(!proxied("b.test, *.example", "https://a.example"));
        assert!(!proxied("*", "https://a.example"));
        assert!(!proxied("10.0.0.0/8", "https://10.1.2.3"));
        assert!(proxied("ample", "https://a.example"));
        assert!(!proxied("a.example:443", "https://a.example"));
        assert!(proxied("a.example:8443", "https://a.example"));
        assert!(!proxied("b.test a.example.", "https://a.example"));
        assert!(!proxied("::1,fd00::/8", "https://[fd00::1]"));
    }

    #[test]
    fn password_is_not_shown() {
        let proxy = Proxy::parse("http://me:hunter2@proxy:3128", "HTTPS_PROXY", "").unwrap();
        assert_eq!(proxy.to_string(), "http://proxy:3128 (from HTTPS_PROXY)");
        assert_eq!(format!("{proxy:?}"), "http://proxy:3128 (from HTTPS_PROXY)");
    }

    #[test]
    fn unsupported_proxies_are_refused() {
        let refused = |text: &str| Proxy::parse(text, "--proxy", "").unwrap_err();
        assert_eq!(refused("socks4://p:1080"), ProxyError::Scheme(Some("socks4")));
        assert!(matches!(refused("http://"), ProxyError::Malformed(_)));
    }
}
