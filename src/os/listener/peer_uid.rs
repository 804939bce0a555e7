//! Whose process is at the other end of a connection on this machine.

#[cfg(target_os = "linux")]
mod proc_net_tcp;
#[cfg(target_os = "linux")]
mod sock_diag;

use std::net::SocketAddr;

/// Returns the user of the process at `peer` that is connected to `local`, as the kernel tells;
/// `None` for one on another machine.
///
/// The kernel is asked for this one socket, which takes microseconds. Its whole table is read only
/// where it cannot be asked: under gVisor, or a unit whose `RestrictAddressFamilies` is without
/// `AF_NETLINK`.
#[cfg(target_os = "linux")]
pub(super) fn of(peer: SocketAddr, local: SocketAddr) -> Option<u32> {
    sock_diag::owner(peer, local).unwrap_or_else(|_| proc_net_tcp::of(peer, local))
}

/// Returns nothing: how to tell is not known here.
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

    type Way = fn(SocketAddr, SocketAddr) -> Option<u32>;

    /// Both ways to ask, each by itself.
    const WAYS: [Way; 2] = [
        |peer, local| sock_diag::owner(peer, local).expect("the kernel answers"),
        proc_net_tcp::of,
    ];

    fn own_user() -> Option<u32> {
        std::fs::metadata("/proc/self").ok().map(|own| own.uid())
    }

    #[test]
    fn knows_its_own_connections() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, peer) = listener.accept().unwrap();
            let local = server.local_addr().unwrap();
            for way in WAYS {
                assert_eq!(way(peer, local), own_user(), "{address}");
                // The other way round it is another connection, or none.
                assert_eq!(way("127.0.0.1:1".parse().unwrap(), local), None);
            }
            drop(client);
            drop(server);
            for way in WAYS {
                assert_eq!(way(peer, local), None, "{address}");
            }
        }
    }

    #[test]
    fn knows_a_client_that_speaks_v4_by_a_socket_of_v6() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let client = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
        let mapped = IpAddr::from([0, 0, 0, 0, 0, 0xFFFF, 0x7F00, 1]);
        client.connect(&SocketAddr::new(mapped, local.port()).into()).unwrap();
        let (_server, peer) = listener.accept().unwrap();
        for way in WAYS {
            assert_eq!(way(peer, local), own_user());
        }
    }

    #[test]
    fn takes_no_listener_for_a_client_that_is_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = listener.local_addr().unwrap();
        for way in WAYS {
            assert_eq!(way(there, "127.0.0.1:9911".parse().unwrap()), None);
        }
    }

    #[test]
    fn knows_nobody_of_another_machine() {
        let (peer, local) = ("203.0.113.1:1".parse().unwrap(), "203.0.113.2:2".parse().unwrap());
        for way in WAYS {
            assert_eq!(way(peer, local), None);
        }
    }

    /// By another address of this machine than loopback, where it has one.
    #[test]
    fn knows_its_own_connections_by_every_address() {
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
