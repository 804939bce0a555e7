//! Which requests the control API takes: those of programs, not of pages in a browser.

use std::net::{IpAddr, SocketAddr};

use serde_json::json;

use crate::message::{Reply, Request};
use crate::network::{Network, is_loopback};

/// The hosts by which the control API may be called.
///
/// A page of a name that was rebound to the control API's address has that name as its host, and
/// any other page says where it comes from.
#[derive(Debug, Clone)]
pub(crate) enum Guard {
    /// Loopback, by name or address.
    Loopback,
    /// Loopback, any other address, and these names. No page's name is an address, so an address
    /// as a host was not rebound.
    Also(Vec<String>),
}

impl Guard {
    /// Returns the guard of the control API on a socket.
    pub(crate) fn new(network: &Network, bound: SocketAddr) -> Self {
        if is_loopback(bound.ip()) {
            return Self::Loopback;
        }
        Self::Also(network.names.iter().map(|name| name.to_str().into_owned()).collect())
    }

    /// Refuses a request that a page may have sent.
    pub(crate) fn check(&self, request: &Request) -> Result<(), Reply> {
        let mut hosts = request.header_values("host");
        let is_known = hosts.next().is_some_and(|host| self.knows(host)) && hosts.next().is_none();
        if is_known && request.header("origin").is_none() {
            return Ok(());
        }
        let message = "pages in a browser cannot use the control API; programs call it by an \
                       address, `localhost`, or a name that `--name` gave with `--control-listen`";
        let body = format!("{}\n", json!({ "message": message }));
        Err(Reply::new(403, "application/json", body))
    }

    fn knows(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        let address = name.parse::<IpAddr>();
        match self {
            _ if name.eq_ignore_ascii_case("localhost") => true,
            Self::Loopback => address.is_ok_and(is_loopback),
            Self::Also(names) => {
                address.is_ok() || names.iter().any(|known| known.eq_ignore_ascii_case(name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(guard: &Guard, headers: &[(&str, &str)]) -> bool {
        let headers =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        guard.check(&Request { headers, ..Request::default() }).is_ok()
    }

    #[test]
    fn on_loopback_only_loopback_is_a_host() {
        let guard = Guard::new(
            &Network { names: vec!["aws".try_into().unwrap()], ..Network::default() },
            "127.0.0.1:9".parse().unwrap(),
        );
        for host in ["127.0.0.1:9", "LOCALHOST", "localhost:9", "[::1]:9", "127.9.9.9"] {
            assert!(allows(&guard, &[("host", host)]), "{host}");
            assert!(!allows(&guard, &[("host", host), ("origin", "null")]), "{host}");
            assert!(!allows(&guard, &[("host", host), ("host", host)]), "{host}");
        }
        for host in ["aws:9", "evil.example", "localhost.evil.example", "192.0.2.1:9", ""] {
            assert!(!allows(&guard, &[("host", host)]), "{host}");
        }
        assert!(!allows(&guard, &[]));
    }

    #[test]
    fn beyond_loopback_given_names_and_addresses_are_hosts_too() {
        let names = vec!["aws".try_into().unwrap()];
        let network = Network { names, ..Network::default() };
        let guard = Guard::new(&network, "0.0.0.0:9".parse().unwrap());
        for host in ["localhost:9", "AWS:9", "aws", "192.0.2.1:9", "[2001:db8::1]:9"] {
            assert!(allows(&guard, &[("host", host)]), "{host}");
            assert!(!allows(&guard, &[("host", host), ("origin", "http://aws")]), "{host}");
        }
        for host in ["evil.example", "aws.evil.example"] {
            assert!(!allows(&guard, &[("host", host)]), "{host}");
        }
    }
}
