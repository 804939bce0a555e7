//! The addresses of hosts. Names of this machine are not looked up: `localhost` and what is below it
//! (RFC 6761, 6.3) never reach a name server, which could send plain HTTP to another machine.

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
        let own = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return Ok(own.map(|address| SocketAddr::new(address, port)).to_vec());
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

    /// No resolver answers for `.localhost` where `nss-myhostname` is missing, and a name server
    /// may answer anything.
    #[test]
    fn names_of_this_machine_are_loopback_without_a_look_up() {
        for name in ["localhost", "aws.localhost", "a.b.localhost", "LocalHost", "aws.localhost."] {
            let found = resolved(name).unwrap();
            assert_eq!(found, ["127.0.0.1:80", "[::1]:80"], "{name}");
        }
        assert_eq!(resolved("192.0.2.1").unwrap(), ["192.0.2.1:80"]);
        assert!(resolved("localhost.invalid").is_err());
    }
}
