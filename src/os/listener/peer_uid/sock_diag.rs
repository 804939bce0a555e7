//! The owner of one socket of this machine, by netlink: `sock_diag(7)`.

use std::io;
use std::net::SocketAddr;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr as NetlinkAddress};

/// The buffer for a response, in bytes: a message about one socket has about 130.
const BUFFER: usize = 4_096;

/// Returns the uid of the socket at `peer` that is connected to `local`; `None` if this machine has no
/// such socket.
///
/// # Errors
///
/// If the kernel has no `inet_diag`, or this process may not use it.
pub(super) fn owner(peer: SocketAddr, local: SocketAddr) -> io::Result<Option<u32>> {
    let wanted = SocketId {
        source_port: peer.port(),
        destination_port: local.port(),
        source_address: peer.ip(),
        destination_address: local.ip(),
        // A link-local address belongs to one interface.
        interface_id: if let SocketAddr::V6(peer) = peer { peer.scope_id() } else { 0 },
        // Any socket with these addresses.
        cookie: [0xFF; 8],
    };
    let answer = ask(InetRequest {
        family: if peer.is_ipv4() { AF_INET } else { AF_INET6 },
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::all(),
        socket_id: wanted.clone(),
    })?;
    match answer.payload {
        NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(found)) => {
            let (header, id) = (&found.header, &found.header.socket_id);
            // If the socket is gone, the kernel returns one that listens on its port.
            let same = id.source_port == wanted.source_port
                && id.destination_port == wanted.destination_port;
            // A socket that its process has closed has inode 0, and perhaps uid 0.
            Ok((same && header.inode != 0).then_some(header.uid))
        }
        NetlinkPayload::Error(error) => match error.to_io() {
            error if error.kind() == io::ErrorKind::NotFound => Ok(None),
            error => Err(error),
        },
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn ask(request: InetRequest) -> io::Result<NetlinkMessage<SockDiagMessage>> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST;
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    let socket = Socket::new(NETLINK_SOCK_DIAG)?;
    // The kernel responds before `send` returns: there is nothing to wait for.
    socket.set_non_blocking(true)?;
    socket.send_to(&bytes, &NetlinkAddress::new(0, 0), 0)?;
    let mut answer = Vec::with_capacity(BUFFER);
    socket.recv(&mut answer, 0)?;
    NetlinkMessage::deserialize(&answer).map_err(io::Error::other)
}
