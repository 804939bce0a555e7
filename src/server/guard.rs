//! Which requests are rejected before a route sees them: those for another host, and those that
//! passed a proxy or come from a web page.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::body::Body;
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Request, StatusCode, Version};

use super::allowed_host::{self, AllowedHost};
use super::peer::Peer;
use super::policy::ServePolicy;
use super::response::{self, Response};
use super::router::Route;

/// Why a request is rejected.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Rejection {
    /// The status of the answer.
    status: StatusCode,
    /// The reason, for the answer and the log.
    why: &'static str,
    /// The host that it was for, if that is the reason; for the log.
    host: Option<String>,
}

/// Returns the response to a request that is for another host, has a body, or does not match the
/// route; `None` if the request may be answered.
pub(super) fn reject<B: Body>(
    request: &Request<B>,
    route: &Route<'_>,
    peer: &Peer,
    policy: &ServePolicy,
) -> Option<Response> {
    if let Err(Rejection { status, why, host }) = check(request, peer, &policy.hosts) {
        let mut response = response::refusal(status, why);
        if let Some(host) = host {
            response.extensions_mut().insert(response::RejectedHost(host));
        }
        return Some(response);
    }
    if !request.body().is_end_stream() {
        return Some(response::too_large());
    }
    if !route.access.includes(peer.exposure, policy.offer) {
        return Some(response::not_found());
    }
    route.methods.allowed_instead_of(request.method()).map(response::not_allowed)
}

/// The addresses of metadata and container credentials on AWS. Some machines route them to `serve`.
const AWS: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// The most bytes of a rejected host that are logged. A DNS name has no more.
const LONGEST_HOST: usize = 255;

/// Rejects a request whose `Host` is not this server's, or that was forwarded.
///
/// Checking `Host` stops DNS rebinding, where a web page's own name resolves to this machine. `hosts`
/// are the names that the operator allowed.
fn check<B>(request: &Request<B>, peer: &Peer, hosts: &[AllowedHost]) -> Result<(), Rejection> {
    let host = host(request.headers(), request.version())?;
    check_origin(request, host, peer, hosts)
}

/// Returns why a request is rejected, and the host that it was for if that is the reason. Unlike
/// [`reject`], this accepts a request without the header `Host`: a browser sends one.
pub(super) fn foreign<B>(
    request: &Request<B>,
    peer: &Peer,
    hosts: &[AllowedHost],
) -> Option<(&'static str, Option<String>)> {
    let checked = match request.headers().contains_key(HOST) {
        true => check(request, peer, hosts),
        false => check_origin(request, None, peer, hosts),
    };
    checked.err().map(|Rejection { why, host, .. }| (why, host))
}

fn check_origin<B>(
    request: &Request<B>,
    host: Option<&str>,
    peer: &Peer,
    hosts: &[AllowedHost],
) -> Result<(), Rejection> {
    // A target in absolute form names the host as well, and takes precedence over the header.
    let target = request.uri().authority().map(|authority| authority.as_str());
    for host in [host, target].into_iter().flatten() {
        if !is_ours(host, peer.local.ip(), hosts) {
            let why = "this host is not allowed; `--allow-host` adds one";
            let host = Some(host[..host.floor_char_boundary(LONGEST_HOST)].to_owned());
            return Err(Rejection { status: StatusCode::FORBIDDEN, why, host });
        }
    }
    match request.headers().iter().find_map(|(name, value)| forwarded_reason(name.as_str(), value))
    {
        Some(why) => Err(Rejection { status: StatusCode::FORBIDDEN, why, host: None }),
        None => Ok(()),
    }
}

/// Returns the reason to reject a request with this header (its name in lower case): proxies and
/// browsers send it, and no SDK does.
fn forwarded_reason(name: &str, value: &HeaderValue) -> Option<&'static str> {
    Some(match name {
        "origin" => "a request with Origin is refused: send it from a program, not from a web page",
        "via" => "a request with Via is refused: connect without a proxy",
        "forwarded" => "a request with Forwarded is refused: connect without a proxy",
        "x-forwarded-for" => "a request with X-Forwarded-For is refused: connect without a proxy",
        "x-forwarded-host" => "a request with X-Forwarded-Host is refused: connect without a proxy",
        "x-forwarded-proto" => {
            "a request with X-Forwarded-Proto is refused: connect without a proxy"
        }
        _ if name == "x-forwarded" || name.starts_with("x-forwarded-") => {
            "a request with a header X-Forwarded-… is refused: connect without a proxy"
        }
        "x-real-ip" => "a request with X-Real-IP is refused: connect without a proxy",
        // Each of these is one vendor's X-Forwarded-For.
        "client-ip"
        | "true-client-ip"
        | "x-client-ip"
        | "x-cluster-client-ip"
        | "fastly-client-ip"
        | "cf-connecting-ip"
        | "x-original-forwarded-for"
        | "x-envoy-external-address" => {
            "a request with a header Client-IP is refused: connect without a proxy"
        }
        // Browsers send the relation of the page to this server: `none` is a typed address, and
        // `same-origin` a page of this server.
        "sec-fetch-site" if !matches!(value.as_bytes(), b"none" | b"same-origin") => {
            "a request with Sec-Fetch-Site of another site is refused: send it from a program, not from a web page"
        }
        _ => return None,
    })
}

/// Returns the `Host` header, which only HTTP/1.0 may omit.
fn host(headers: &HeaderMap, version: Version) -> Result<Option<&str>, Rejection> {
    let refused = |why| Err(Rejection { status: StatusCode::BAD_REQUEST, why, host: None });
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => match host.to_str() {
            Ok(host) => Ok(Some(host)),
            Err(_) => refused("the header Host is malformed"),
        },
        (Some(_), Some(_)) => refused("there is more than one Host header"),
        (None, _) if version < Version::HTTP_11 => Ok(None),
        (None, _) => refused("the header Host is missing"),
    }
}

fn is_ours(text: &str, local: IpAddr, hosts: &[AllowedHost]) -> bool {
    let Some((name, port)) = allowed_host::split(text) else { return false };
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let address = match allowed_host::bracketed(name) {
        Some(v6) => Some(IpAddr::V6(v6)),
        None => name.parse().map(IpAddr::V4).ok(),
    };
    let own = address.is_some_and(|address| {
        address.to_canonical().is_loopback() || address == local || AWS.contains(&address)
    });
    // A colon without digits means no port (RFC 3986, 3.2.3).
    let port = port.filter(|port| !port.is_empty()).map(str::parse);
    own || hosts.iter().any(|host| match port {
        None => host.allows(name, None),
        Some(Ok(port)) => host.allows(name, Some(port)),
        Some(Err(_)) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::peer::Exposure;
    use super::*;

    fn peer() -> Peer {
        let end = |text: &str| text.parse().unwrap();
        Peer::new(end("192.0.2.9:5000"), end("192.0.2.1:80"), Exposure::Container, |_, _| None)
    }

    fn status(headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match check(&request.body(()).unwrap(), &peer(), &[]) {
            Ok(()) => 200,
            Err(rejection) => rejection.status.as_u16(),
        }
    }

    #[test]
    fn knows_its_own_hosts_and_those_of_aws() {
        let ours = [
            "localhost",
            "LocalHost:9911",
            "127.0.0.1",
            "127.9.9.9:1",
            "[::1]",
            "[::1]:9911",
            "[::ffff:127.0.0.1]:80",
            "192.0.2.1",
            "192.0.2.1:8080",
            "169.254.169.254",
            "169.254.170.2:80",
            "169.254.170.23",
            "[fd00:ec2::254]",
            "[fd00:ec2::23]:80",
        ];
        for host in ours {
            assert_eq!(status(&[("host", host)]), 200, "{host}");
        }
    }

    #[test]
    fn refuses_foreign_hosts() {
        let foreign = [
            "",
            "a.example",
            "localhost.a.example",
            "127.0.0.1.a.example",
            "127.0.0.1@a.example",
            "localhost:80:80",
            "localhost:x",
            "192.0.2.2",
            "169.254.169.253",
            "::1",
            "[::1",
            "[fd00:ec2::255]",
            "2130706433",
            "0x7f.1",
            "0.0.0.0",
        ];
        for host in foreign {
            assert_eq!(status(&[("host", host)]), 403, "{host}");
        }
    }

    #[test]
    fn exactly_one_host_is_required() {
        assert_eq!(status(&[]), 400);
        assert_eq!(status(&[("host", "localhost"), ("host", "localhost")]), 400);
        let old = Request::builder().version(Version::HTTP_10).uri("/").body(()).unwrap();
        assert_eq!(check(&old, &peer(), &[]), Ok(()));
    }

    #[test]
    fn checks_the_host_of_an_absolute_target_too() {
        let of = |target| {
            let request = Request::builder().uri(target).header("host", "localhost");
            check(&request.body(()).unwrap(), &peer(), &[]).is_ok()
        };
        assert!(of("http://169.254.169.254/latest"));
        assert!(!of("http://a.example/latest"));
        assert!(!of("http://a@localhost/latest"));
    }

    #[test]
    fn a_host_that_was_allowed_is_ours_and_no_other_is() {
        let hosts = ["serve", "10.96.0.7:9911", "[fd00::7]"].map(|host| host.parse().unwrap());
        let of = |target: &str, host: &str| {
            let request = Request::builder().uri(target).header("host", host);
            check(&request.body(()).unwrap(), &peer(), &hosts)
        };
        for host in ["serve", "Serve:80", "serve:", "10.96.0.7:9911", "[fd00::7]:80", "localhost"] {
            assert_eq!(of("/", host), Ok(()), "{host}");
        }
        for host in ["serve.a.example", "a.serve", "10.96.0.7", "serve:99999", "serve:80:80"] {
            let rejection = of("/", host).unwrap_err();
            assert_eq!((rejection.status.as_u16(), rejection.host.as_deref()), (403, Some(host)));
        }
        assert!(of("http://serve/latest", "serve").is_ok());
        assert_eq!(of("http://a.example/", "serve").unwrap_err().host.unwrap(), "a.example");
        let long = "a".repeat(2_000);
        assert_eq!(of("/", &long).unwrap_err().host.unwrap().len(), LONGEST_HOST);
    }

    #[test]
    fn refuses_a_forwarded_request() {
        for name in [
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "X-Forwarded-Port",
            "X-Forwarded-Server",
            "X-Forwarded-Client-Cert",
            "X-Forwarded",
            "X-Real-IP",
            "Client-IP",
            "True-Client-IP",
            "X-Client-IP",
            "CF-Connecting-IP",
            "Forwarded",
            "Via",
            "Origin",
        ] {
            assert_eq!(status(&[("host", "localhost"), (name, "")]), 403, "{name}");
        }
        for name in ["X-Forward", "X-Amzn-Trace-Id", "User-Agent", "Accept", "X-Client-Id"] {
            assert_eq!(status(&[("host", "localhost"), (name, "")]), 200, "{name}");
        }
    }

    #[test]
    fn refuses_a_request_from_another_sites_page() {
        let of = |values: &[&str]| {
            let sites = values.iter().map(|value| ("sec-fetch-site", *value));
            status(&[("host", "localhost")].into_iter().chain(sites).collect::<Vec<_>>())
        };
        for value in ["none", "same-origin"] {
            assert_eq!(of(&[value]), 200, "{value}");
        }
        for value in ["cross-site", "same-site", "", "None", "none, cross-site", "new"] {
            assert_eq!(of(&[value]), 403, "{value}");
        }
        assert_eq!(of(&["none", "cross-site"]), 403);
    }
}
