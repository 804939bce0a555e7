//! Which requests are heard at all: those made here and for us, not those that a browser or a
//! proxy was talked into.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::header::{FORWARDED, HOST, HeaderMap, HeaderName, ORIGIN, VIA};
use hyper::{Request, StatusCode, Version};

use super::caller::Caller;

/// Why a request is not heard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    /// The status of the answer.
    pub(super) status: StatusCode,
    /// The reason, for the answer and the log.
    pub(super) why: &'static str,
}

/// Where AWS serves metadata and container credentials: some machines lead these addresses to us.
const AWS: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// What a proxy or a browser adds, and no SDK sends.
const FOREIGN: [(HeaderName, &str); 5] = [
    (HeaderName::from_static("x-forwarded-for"), "a request with X-Forwarded-For is refused"),
    (HeaderName::from_static("x-forwarded-host"), "a request with X-Forwarded-Host is refused"),
    (FORWARDED, "a request with Forwarded is refused"),
    (VIA, "a request with Via is refused"),
    (ORIGIN, "a request with Origin is refused"),
];

/// Refuses a request that is not for us by its `Host`, or that was passed on.
///
/// A name of somebody's choice that leads to this machine (DNS rebinding) is no `Host` of ours.
pub(super) fn check<B>(request: &Request<B>, caller: &Caller) -> Result<(), Refusal> {
    let host = host(request.headers(), request.version())?;
    // A target in absolute form names the host as well, and goes before the header.
    let target = request.uri().authority().map(|authority| authority.as_str());
    for host in [host, target].into_iter().flatten() {
        if !is_ours(host, caller.local.ip()) {
            let why = "this host is not served here";
            return Err(Refusal { status: StatusCode::FORBIDDEN, why });
        }
    }
    match FOREIGN.iter().find(|(name, _)| request.headers().contains_key(name)) {
        Some((_, why)) => Err(Refusal { status: StatusCode::FORBIDDEN, why }),
        None => Ok(()),
    }
}

/// Returns the `Host` header, which only HTTP/1.0 may be without.
fn host(headers: &HeaderMap, version: Version) -> Result<Option<&str>, Refusal> {
    let refused = |why| Err(Refusal { status: StatusCode::BAD_REQUEST, why });
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => match host.to_str() {
            Ok(host) => Ok(Some(host)),
            Err(_) => refused("the header Host is malformed"),
        },
        (Some(_), Some(_)) => refused("the header Host is there more than once"),
        (None, _) if version < Version::HTTP_11 => Ok(None),
        (None, _) => refused("the header Host is missing"),
    }
}

fn is_ours(host: &str, local: IpAddr) -> bool {
    let Some(name) = without_port(host) else { return false };
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let address = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse().map(IpAddr::V6),
        None => name.parse().map(IpAddr::V4),
    };
    address.is_ok_and(|address| {
        address.to_canonical().is_loopback() || address == local || AWS.contains(&address)
    })
}

/// Returns what is before the port, whichever that is; `None` where it is none.
fn without_port(host: &str) -> Option<&str> {
    // The colons of an IPv6 address are in brackets.
    let end = host.rfind(']').unwrap_or(0);
    match host[end..].find(':') {
        Some(colon) => {
            let (name, port) = host.split_at(end + colon);
            port[1..].bytes().all(|byte| byte.is_ascii_digit()).then_some(name)
        }
        None => Some(host),
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller::Reach;
    use super::*;

    fn caller() -> Caller {
        let end = |text: &str| text.parse().unwrap();
        Caller::new(end("192.0.2.9:5000"), end("192.0.2.1:80"), Reach::Container, |_, _| None)
    }

    fn status(headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match check(&request.body(()).unwrap(), &caller()) {
            Ok(()) => 200,
            Err(refusal) => refusal.status.as_u16(),
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
    fn wants_one_host() {
        assert_eq!(status(&[]), 400);
        assert_eq!(status(&[("host", "localhost"), ("host", "localhost")]), 400);
        let old = Request::builder().version(Version::HTTP_10).uri("/").body(()).unwrap();
        assert_eq!(check(&old, &caller()), Ok(()));
    }

    #[test]
    fn looks_at_the_host_of_an_absolute_target_too() {
        let of = |target| {
            let request = Request::builder().uri(target).header("host", "localhost");
            check(&request.body(()).unwrap(), &caller()).is_ok()
        };
        assert!(of("http://169.254.169.254/latest"));
        assert!(!of("http://a.example/latest"));
        assert!(!of("http://a@localhost/latest"));
    }

    #[test]
    fn refuses_what_was_passed_on() {
        for name in ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via", "Origin"] {
            assert_eq!(status(&[("host", "localhost"), (name, "")]), 403, "{name}");
        }
    }
}
