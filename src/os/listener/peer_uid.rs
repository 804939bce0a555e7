//! Which user owns the process at the other end of a connection on this machine.

#[cfg(target_os = "linux")]
mod proc_net_tcp;
#[cfg(target_os = "linux")]
mod sock_diag;

use std::net::SocketAddr;

/// Returns the uid of the process at `peer` that is connected to `local`, as the kernel reports it;
/// `None` if it is on another machine.
///
/// `sock_diag` asks for this one socket, which takes microseconds. The whole table in `/proc` is read
/// only if `sock_diag` is not available: under gVisor, or in a unit whose `RestrictAddressFamilies`
/// lacks `AF_NETLINK`.
#[cfg(target_os = "linux")]
pub(super) fn of(peer: SocketAddr, local: SocketAddr) -> Option<u32> {
    sock_diag::owner(peer, local).unwrap_or_else(|_| proc_net_tcp::of(peer, local))
}

/// Returns `None`: not implemented for this system.
#[cfg(not(target_os = "linux"))]
pub(super) fn of(_peer: SocketAddr, _local: SocketAddr) -> Option<u32> {
    None
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "the sockets of a test")]
mod tests {
    use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
    use std::os::unix::fs::MetadataExt;

    use socket2::{Domain, Socket, Type};

    use super::*;

    type Lookup = fn(SocketAddr, SocketAddr) -> Option<u32>;

    /// Both implementations.
    const LOOKUPS: [Lookup; 2] = [
        |peer, local| sock_diag::owner(peer, local).expect("the kernel answers"),
        proc_net_tcp::of,
    ];

    fn own_user() -> Option<u32> {
        std::fs::metadata("/proc/self").ok().map(|own| own.uid())
    }

    #[test]
    fn uid_of_our_own_connection_is_ours() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, peer) = listener.accept().unwrap();
            let local = server.local_addr().unwrap();
            for lookup in LOOKUPS {
                assert_eq!(lookup(peer, local), own_user(), "{address}");
                // With another peer, it is another connection or none.
                assert_eq!(lookup("127.0.0.1:1".parse().unwrap(), local), None);
            }
            drop(client);
            drop(server);
            for lookup in LOOKUPS {
                assert_eq!(lookup(peer, local), None, "{address}");
            }
        }
    }

    #[test]
    fn ipv4_client_on_an_ipv6_socket_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let client = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
        let mapped = IpAddr::from([0, 0, 0, 0, 0, 0xFFFF, 0x7F00, 1]);
        client.connect(&SocketAddr::new(mapped, local.port()).into()).unwrap();
        let (_server, peer) = listener.accept().unwrap();
        for lookup in LOOKUPS {
            assert_eq!(lookup(peer, local), own_user());
        }
    }

    #[test]
    fn listener_is_not_taken_for_a_closed_client() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = listener.local_addr().unwrap();
        for lookup in LOOKUPS {
            assert_eq!(lookup(there, "127.0.0.1:9911".parse().unwrap()), None);
        }
    }

    #[test]
    fn client_on_another_machine_has_no_uid() {
        let (peer, local) = ("203.0.113.1:1".parse().unwrap(), "203.0.113.2:2".parse().unwrap());
        for lookup in LOOKUPS {
            assert_eq!(lookup(peer, local), None);
        }
    }

    /// Uses an address of this machine other than loopback, if there is one.
    #[test]
    fn uid_of_our_own_connection_is_found_beyond_loopback() {
        let route = UdpSocket::bind("0.0.0.0:0").unwrap();
        // Sends nothing: the kernel picks the address that it would use.
        if route.connect("203.0.113.1:9").is_err() {
            return;
        }
        let address = route.local_addr().unwrap();
        let listener = TcpListener::bind((address.ip(), 0)).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, peer) = listener.accept().unwrap();
        assert_eq!(of(peer, server.local_addr().unwrap()), own_user());
    }
}
