//! The endpoint of a service: scheme, host and port.

use std::fmt;

use url::{Host, Url};

/// Scheme, host and port of a service: `https`, or `http` on this machine only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// Parses a URL without path, query or user information.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text).map_err(EndpointError::Malformed)?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(EndpointError::Plain),
            other => return Err(EndpointError::Scheme(known_scheme(other))),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::UserInformation);
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::Path);
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        match url.host_str() {
            Some(host) if !host.is_empty() && host.chars().all(legal) => Ok(Self(url)),
            _ => Err(EndpointError::Host),
        }
    }

    /// Returns the value of the `Host` header: with the port if it is not the default of the scheme.
    pub fn authority(&self) -> String {
        let host = self.host();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Returns the host, an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.0.host_str().expect("the constructor refuses URLs without a host")
    }

    /// Returns the port, by default that of the scheme.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().expect("http and https have default ports")
    }

    /// Returns whether the host is this machine, by address or as `localhost`.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// Returns the URL of `path` and `query` at this endpoint.
    pub fn url(&self, path: &str, query: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url.set_query((!query.is_empty()).then_some(query));
        url
    }
}

/// Renders `https://host[:port]`, without a slash at the end.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.authority())
    }
}

/// Returns whether the URL's host is this machine, by address or as `localhost`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_loopback_name(name),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Returns whether a name is this machine's: `localhost` or below it, in any case. Such a name is
/// never looked up; the client connects to loopback.
pub fn is_loopback_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let (start, end) = match name.len().checked_sub("localhost".len()) {
        Some(at) if name.is_char_boundary(at) => name.split_at(at),
        _ => return false,
    };
    end.eq_ignore_ascii_case("localhost") && (start.is_empty() || start.ends_with('.'))
}

/// A URL that cannot be the endpoint of an AWS service.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EndpointError {
    /// It is not a URL.
    #[error("not a URL: {}", malformed(*.0))]
    Malformed(url::ParseError),
    /// The scheme is neither `https` nor `http`; its name if it is a known one.
    #[error("the scheme is {}, expected `https`", scheme(*.0))]
    Scheme(Option<&'static str>),
    /// `http` to another machine.
    #[error("`http` to another machine would send the credentials unencrypted")]
    Plain,
    /// The URL has a user name or a password.
    #[error("a user name or password is not allowed in the URL")]
    UserInformation,
    /// The URL has a path, query or fragment.
    #[error("a path or query is not allowed after the host")]
    Path,
    /// There is no host, or one that no name server can know.
    #[error("the URL has no valid host name")]
    Host,
}

/// Returns a scheme by its name. Unknown ones are not shown: `name:password@host` parses the
/// user name as the scheme.
pub(super) fn known_scheme(name: &str) -> Option<&'static str> {
    const KNOWN: [&str; 14] = [
        "socks5", "socks5h", "socks4", "socks4a", "socks", "ftp", "file", "unix", "tcp", "ws",
        "wss", "ssh", "quic", "arn",
    ];
    KNOWN.into_iter().find(|known| *known == name)
}

/// Describes why a text is not a URL.
fn malformed(error: url::ParseError) -> String {
    match error {
        url::ParseError::RelativeUrlWithoutBase => {
            "it does not begin with a scheme such as `https://`".to_owned()
        }
        error => error.to_string(),
    }
}

/// Returns the words for a scheme.
pub(super) fn scheme(name: Option<&str>) -> String {
    name.map_or_else(|| "unknown".to_owned(), |name| format!("`{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_scheme_host_and_port() {
        let rows = [
            ("https://a.example", "a.example", 443, "https://a.example"),
            ("https://a.example:443/", "a.example", 443, "https://a.example"),
            ("https://a.example:8443", "a.example:8443", 8443, "https://a.example:8443"),
            ("http://[::1]:80", "[::1]", 80, "http://[::1]"),
        ];
        for (text, authority, port, display) in rows {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!(endpoint.authority(), authority);
            assert_eq!(endpoint.port(), port);
            assert_eq!(endpoint.to_string(), display);
        }
    }

    #[test]
    fn refuses_plain_http_to_another_machine() {
        assert_eq!(Endpoint::parse("http://a.example"), Err(EndpointError::Plain));
        assert_eq!(Endpoint::parse("http://127.0.0.1.example"), Err(EndpointError::Plain));
        assert_eq!(Endpoint::parse("http://localhost.example"), Err(EndpointError::Plain));
        assert!(Endpoint::parse("http://127.1.2.3:1").is_ok());
        for own in ["localhost", "localhost.", "aws.localhost", "LOCALHOST"] {
            assert!(Endpoint::parse(&format!("http://{own}:1")).unwrap().is_loopback(), "{own}");
        }
        for other in ["alocalhost", "localhost.a", "localhost..", "alocalhost.localhosts"] {
            assert!(Endpoint::parse(&format!("http://{other}:1")).is_err(), "{other}");
        }
    }

    #[test]
    fn urls_with_path_or_user_are_refused() {
        assert_eq!(Endpoint::parse("https://a.example/base"), Err(EndpointError::Path));
        assert_eq!(Endpoint::parse("https://a.example/?q"), Err(EndpointError::Path));
        assert_eq!(Endpoint::parse("https://u:p@a.example"), Err(EndpointError::UserInformation));
        assert_eq!(Endpoint::parse("ftp://a"), Err(EndpointError::Scheme(Some("ftp"))));
        assert_eq!(Endpoint::parse("hunter2:p@a"), Err(EndpointError::Scheme(None)));
        assert!(matches!(Endpoint::parse("a.example"), Err(EndpointError::Malformed(_))));
    }
}
