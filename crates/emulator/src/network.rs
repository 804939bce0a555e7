//! Where the emulator listens, and by which names clients reach it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustls_pki_types::ServerName;

/// Where the emulator listens, and by which names clients reach it. The default is any free port
/// of 127.0.0.1, over TLS.
#[derive(Debug, Clone)]
pub struct Network {
    /// The address of AWS.
    pub listen: SocketAddr,
    /// The address of the control API.
    pub control_listen: SocketAddr,
    /// What else the TLS certificate is valid for. Endpoints have the first of them, if there is
    /// one.
    pub names: Vec<ServerName<'static>>,
    /// Whether the port of AWS also answers HTTP.
    pub tls: TlsMode,
}

/// Whether the port of AWS also answers HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// It answers HTTPS only.
    #[default]
    Required,
    /// It answers both; the endpoints for SDKs are `http://`.
    Optional,
}

impl Default for Network {
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: any_port,
            control_listen: any_port,
            names: Vec::new(),
            tls: TlsMode::default(),
        }
    }
}

impl Network {
    /// Returns what the TLS certificate is valid for: loopback, the address of AWS, and the names.
    pub(crate) fn certificate_names(&self) -> Vec<String> {
        let mut names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let address = (!self.listen.ip().is_unspecified()).then(|| self.listen.ip().to_string());
        let given = self.names.iter().map(|name| name.to_str().into_owned());
        for name in address.into_iter().chain(given) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Returns the host of the endpoints of AWS, as a URL has it; `bound` is the socket's address.
    pub(crate) fn aws_host(&self, bound: SocketAddr) -> String {
        match self.names.first() {
            Some(name) => url_host(name, bound.port()),
            None => own_host(bound),
        }
    }

    /// Returns the host of the control API, as a URL has it; `bound` is the socket's address.
    pub(crate) fn control_host(&self, bound: SocketAddr) -> String {
        match self.names.first() {
            Some(name) if !is_loopback(bound.ip()) => url_host(name, bound.port()),
            _ => own_host(bound),
        }
    }

    /// Returns what to warn of: sockets that other machines may reach.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !is_loopback(self.listen.ip()) {
            warnings.push(format!(
                "other machines may reach AWS at {}: use keys and secrets for tests only",
                self.listen
            ));
        }
        if !is_loopback(self.control_listen.ip()) {
            warnings.push(format!(
                "other machines may reach the control API at {}: it requires no password, and \
                 shows every request",
                self.control_listen
            ));
        }
        warnings
    }
}

/// Whether only this machine reaches an address.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Returns the host of a socket that has no name.
fn own_host(bound: SocketAddr) -> String {
    // To listen on all addresses includes loopback; no other one is known.
    let address = match bound.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        address => address,
    };
    SocketAddr::new(address, bound.port()).to_string()
}

fn url_host(name: &ServerName<'_>, port: u16) -> String {
    match name {
        ServerName::IpAddress(address) => SocketAddr::new((*address).into(), port).to_string(),
        name => format!("{}:{port}", name.to_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(listen: &str, names: &[&'static str]) -> Network {
        Network {
            listen: listen.parse().unwrap(),
            names: names.iter().map(|name| (*name).try_into().unwrap()).collect(),
            ..Network::default()
        }
    }

    #[test]
    fn endpoints_have_the_first_name_or_an_address_that_is_reached() {
        for (listen, names, host) in [
            ("127.0.0.1:0", &[][..], "127.0.0.1:8443"),
            ("127.0.0.2:0", &[], "127.0.0.2:8443"),
            ("0.0.0.0:0", &[], "127.0.0.1:8443"),
            ("[::]:0", &[], "[::1]:8443"),
            ("192.0.2.1:0", &[], "192.0.2.1:8443"),
            ("0.0.0.0:0", &["aws", "192.0.2.1"], "aws:8443"),
            ("0.0.0.0:0", &["2001:db8::1"], "[2001:db8::1]:8443"),
        ] {
            let network = network(listen, names);
            let bound = SocketAddr::new(network.listen.ip(), 8443);
            assert_eq!(network.aws_host(bound), host, "{listen} {names:?}");
        }
    }

    #[test]
    fn the_control_api_has_a_name_only_beyond_loopback() {
        let network = network("0.0.0.0:0", &["aws"]);
        assert_eq!(network.control_host("127.0.0.1:9".parse().unwrap()), "127.0.0.1:9");
        assert_eq!(network.control_host("0.0.0.0:9".parse().unwrap()), "aws:9");
    }

    #[test]
    fn the_certificate_is_valid_for_loopback_the_address_and_the_names() {
        let network = network("192.0.2.1:0", &["aws", "localhost"]);
        let any = Network { listen: "0.0.0.0:0".parse().unwrap(), ..Network::default() };
        let expected = ["localhost", "127.0.0.1", "::1", "192.0.2.1", "aws"];
        assert_eq!(network.certificate_names(), expected);
        assert_eq!(any.certificate_names().len(), 3);
    }

    #[test]
    fn warns_of_each_socket_that_others_reach() {
        assert_eq!(Network::default().warnings(), [""; 0]);
        assert_eq!(network("[::ffff:127.0.0.1]:0", &[]).warnings(), [""; 0]);
        let control_listen = "[::]:9".parse().unwrap();
        let both = Network { control_listen, ..network("0.0.0.0:8", &[]) };
        let warnings = both.warnings();
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].contains("0.0.0.0:8") && warnings[1].contains("[::]:9"));
    }
}
