//! Options for where the emulator listens.

use std::net::{Ipv4Addr, SocketAddr};

use clap::{Args, ValueHint};
use rustls_pki_types::ServerName;

use crate::network::{Network, TlsMode};

/// Where the emulator listens.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub struct NetworkOptions {
    /// Listen for AWS requests on this address
    ///
    /// ADDR is an IP address; port 0 is any free port. Use 0.0.0.0:8443 for other containers and
    /// machines, and `--name` for the name that they use.
    ///
    /// [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDR:PORT", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Listen for AWS requests on this port of 127.0.0.1
    #[arg(long, value_name = "N", value_parser = port, conflicts_with = "listen")]
    port: Option<u16>,
    /// A host name or IP address that clients use (repeatable)
    ///
    /// The TLS certificate is valid for all of them, and for localhost, 127.0.0.1, ::1 and the
    /// address of `--listen`. The endpoints in the exports have the first one.
    #[arg(long = "name", value_name = "HOST", value_parser = host, value_hint = ValueHint::Hostname)]
    names: Vec<ServerName<'static>>,
    /// Accept HTTP as well as HTTPS, and export http:// endpoints
    ///
    /// For clients that cannot be given a CA. The endpoints for roles-anywhere stay https://.
    #[arg(long)]
    http: bool,
    /// Listen for the control API on this address
    ///
    /// Beyond loopback, its host must be an IP address, localhost or a `--name`.
    ///
    /// [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDR:PORT", value_parser = address)]
    control_listen: Option<SocketAddr>,
    /// Listen for the control API on this port of 127.0.0.1
    #[arg(long, value_name = "N", value_parser = port, conflicts_with = "control_listen")]
    control_port: Option<u16>,
}

impl NetworkOptions {
    /// Returns what the options say.
    pub(crate) fn network(self) -> Network {
        let either = |address: Option<SocketAddr>, port: Option<u16>| {
            let port = port.unwrap_or_default();
            address.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, port).into())
        };
        Network {
            listen: either(self.listen, self.port),
            control_listen: either(self.control_listen, self.control_port),
            names: self.names,
            tls: if self.http { TlsMode::Optional } else { TlsMode::Required },
        }
    }
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "expected an IP address and a port, e.g. 0.0.0.0:8443 or [::1]:0")
}

fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "expected a port from 0 (any free port) to 65535")
}

fn host(text: &str) -> Result<ServerName<'static>, &'static str> {
    let name = ServerName::try_from(text.to_owned());
    name.map_err(|_| "expected a host name or an IP address, without a port")
}
