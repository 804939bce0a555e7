//! The addresses of hosts. `localhost` and its subdomains (RFC 6761, 6.3) are never sent to DNS: a DNS
//! server could redirect plain HTTP to another machine.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::http::is_loopback_name;

/// Resolves names as the system does, except for names of this machine.
#[derive(Debug)]
pub(super) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is the URL's: reqwest puts it in.
            let addresses = addresses(name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Returns the addresses of a host; an IPv6 address is given without brackets.
pub(super) async fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if is_loopback_name(host) {
        let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return Ok(loopback.map(|address| SocketAddr::new(address, port)).to_vec());
    }
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(host: &str) -> io::Result<Vec<String>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let addresses = runtime.block_on(addresses(host, 80))?;
        Ok(addresses.iter().map(ToString::to_string).collect())
    }

    /// Without `nss-myhostname`, no resolver answers for `.localhost`, and a DNS server may answer
    /// anything.
    #[test]
    fn localhost_names_are_never_looked_up() {
        for name in ["localhost", "aws.localhost", "a.b.localhost", "LocalHost", "aws.localhost."] {
            let found = resolved(name).unwrap();
            assert_eq!(found, ["127.0.0.1:80", "[::1]:80"], "{name}");
        }
        assert_eq!(resolved("192.0.2.1").unwrap(), ["192.0.2.1:80"]);
        assert!(resolved("localhost.invalid").is_err());
    }
}
