//! One socket of this machine, as the kernel tells of it by netlink: `sock_diag(7)`.

use std::io;
use std::net::SocketAddr;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr as Kernel};

/// The bytes of the longest answer: a message about one socket takes some 130.
const ANSWER: usize = 4_096;

/// Returns the user of the socket at `peer` that is connected to `local`, and nothing where this
/// machine has no such socket.
///
/// # Errors
///
/// Where the kernel cannot be asked: it has no `inet_diag`, or this process may not.
pub(super) fn owner(peer: SocketAddr, local: SocketAddr) -> io::Result<Option<u32>> {
    let wanted = SocketId {
        source_port: peer.port(),
        destination_port: local.port(),
        source_address: peer.ip(),
        destination_address: local.ip(),
        // An address of one link alone goes with its interface.
        interface_id: if let SocketAddr::V6(peer) = peer { peer.scope_id() } else { 0 },
        // Whichever socket it is that has these ends.
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
            // A socket that listens at the port of one that is gone is found in its stead.
            let same = id.source_port == wanted.source_port
                && id.destination_port == wanted.destination_port;
            // One that its process has closed has no inode any more, and perhaps no owner.
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
    // The kernel answers before `send` returns: there is nothing to wait for.
    socket.set_non_blocking(true)?;
    socket.send_to(&bytes, &Kernel::new(0, 0), 0)?;
    let mut answer = Vec::with_capacity(ANSWER);
    socket.recv(&mut answer, 0)?;
    NetlinkMessage::deserialize(&answer).map_err(io::Error::other)
}
