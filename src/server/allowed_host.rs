//! Host names of this server, besides its addresses: `--allow-host`.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A host that requests may be for, as the `Host` header has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AllowedHost {
    /// In lower case, without a final dot; an IPv6 address in its brackets.
    name: String,
    /// The allowed port; any port if `None`.
    port: Option<u16>,
}

/// The port of `http`, which a `Host` header omits.
const HTTP_PORT: u16 = 80;

impl AllowedHost {
    /// Returns whether a request for this host and port is allowed.
    pub(super) fn allows(&self, host: &str, port: Option<u16>) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        let same = match (bracketed(&self.name), bracketed(host)) {
            (Some(own), Some(other)) => own == other,
            _ => self.name.eq_ignore_ascii_case(host),
        };
        same && self.port.is_none_or(|own| own == port.unwrap_or(HTTP_PORT))
    }
}

/// Parses `NAME`, `ADDRESS` or `[IPV6]`, each with or without `:PORT`. There are no wildcards: they
/// would also allow names that a web page chooses and resolves to this machine.
impl FromStr for AllowedHost {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let (name, port) = split(text).ok_or(HostError)?;
        let port = match port {
            None => None,
            Some(port) => Some(port.parse().ok().filter(|port| *port > 0).ok_or(HostError)?),
        };
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let is_address = bracketed(&name).is_some() || name.parse::<IpAddr>().is_ok();
        match is_address || is_name(&name) {
            true => Ok(Self { name, port }),
            false => Err(HostError),
        }
    }
}

/// The error for a text that is not a host with or without a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HostError;

/// Splits a `Host` header into host and port; `None` if it is not one. The colons of an IPv6 address
/// are in brackets.
pub(super) fn split(host: &str) -> Option<(&str, Option<&str>)> {
    let end = host.rfind(']').unwrap_or(0);
    match host[end..].find(':') {
        Some(colon) => {
            let (name, port) = host.split_at(end + colon);
            port[1..].bytes().all(|byte| byte.is_ascii_digit()).then_some((name, Some(&port[1..])))
        }
        None => Some((host, None)),
    }
}

/// Returns the IPv6 address in brackets.
pub(super) fn bracketed(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// Returns whether the name consists of labels of letters, digits, `-` and `_`. DNS does not allow the
/// last, but Docker Compose does.
fn is_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(legal)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_allows_only_itself() {
        let allows = |allowed: &str, host: &str| {
            let (name, port) = split(host).unwrap();
            let port = port.and_then(|port| port.parse().ok());
            allowed.parse::<AllowedHost>().unwrap().allows(name, port)
        };
        for (allowed, host) in [
            ("serve", "serve"),
            ("serve", "serve:9911"),
            ("Serve.", "SERVE"),
            ("serve", "serve."),
            ("serve.ns.svc", "serve.ns.svc:80"),
            ("serve:9911", "serve:9911"),
            ("serve:80", "serve"),
            ("10.96.0.7:9911", "10.96.0.7:9911"),
            ("[fd00::7]", "[fd00:0::7]:1"),
            ("my_service", "my_service"),
        ] {
            assert!(allows(allowed, host), "{allowed} {host}");
        }
        for (allowed, host) in [
            ("serve", "aserve"),
            ("serve", "serve.a.example"),
            ("serve:9911", "serve"),
            ("serve:9911", "serve:9912"),
            ("serve", "serve.."),
            ("10.96.0.7", "10.96.0.70"),
            ("[fd00::7]", "[fd00::8]"),
        ] {
            assert!(!allows(allowed, host), "{allowed} {host}");
        }
    }

    #[test]
    fn refuses_what_is_not_one_host() {
        for text in [
            "",
            ".",
            "*",
            "*.example",
            "a b",
            "a,b",
            "http://a",
            "a/b",
            "a:",
            "a:0",
            "a:65536",
            "a:x",
            "a:1:2",
            "::1",
            "[::1",
            "[a]",
            "a..b",
            "ä",
            "-a",
            "a-",
            "--port",
            "a@b",
            "-----BEGIN KEY-----",
        ] {
            let parsed = text.parse::<AllowedHost>();
            assert_eq!(parsed, Err(HostError), "{text:?}");
        }
        let long = "a".repeat(64);
        assert_eq!(long.parse::<AllowedHost>(), Err(HostError));
    }
}
