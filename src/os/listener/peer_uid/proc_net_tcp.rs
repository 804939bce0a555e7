//! The owner of a connection from `/proc/net/tcp`, a text of all connections. Reading it takes a
//! millisecond or more.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};

/// The most lines that are read, so that a machine with very many connections does not delay a request.
const MAX_LINES: usize = 20_000;

/// Returns the uid of the socket at `peer` that is connected to `local`, both on loopback.
pub(super) fn of(peer: SocketAddr, local: SocketAddr) -> Option<u32> {
    if !peer.ip().is_loopback() {
        return None;
    }
    // A dual-stack socket, such as Java's, uses IPv4 from an IPv4-mapped IPv6 address.
    let mapped = |end: SocketAddr| match end.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), end.port()),
        IpAddr::V6(_) => end,
    };
    let tables = match peer {
        SocketAddr::V4(_) => {
            vec![("/proc/net/tcp", peer, local), ("/proc/net/tcp6", mapped(peer), mapped(local))]
        }
        SocketAddr::V6(_) => vec![("/proc/net/tcp6", peer, local)],
    };
    tables.into_iter().find_map(|(path, peer, local)| {
        #[expect(clippy::disallowed_methods, reason = "a table of the kernel, not a user's file")]
        let table = BufReader::new(File::open(path).ok()?);
        let (peer, local) = (proc_address(peer), proc_address(local));
        table
            .lines()
            .take(MAX_LINES)
            .map_while(Result::ok)
            .find_map(|line| uid(&line, &peer, &local))
    })
}

/// Returns the uid of `line` if it is that of the connection from `own` to `other`.
fn uid(line: &str, own: &str, other: &str) -> Option<u32> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    if fields.next()? != own || fields.next()? != other {
        return None;
    }
    let uid = fields.nth(4)?.parse().ok()?;
    // A socket that its process has closed has inode 0, and on older kernels uid 0.
    (fields.nth(1)? != "0").then_some(uid)
}

/// Formats an address as the kernel does: 32-bit words in the byte order of this machine, in hex.
fn proc_address(end: SocketAddr) -> String {
    let octets = match end.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let (words, _) = octets.as_chunks::<4>();
    let words: String = words.iter().map(|it| format!("{:08X}", u32::from_ne_bytes(*it))).collect();
    format!("{words}:{:04X}", end.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_a_line_as_the_kernel_writes_it() {
        let line = "   1: 0100007F:A1B2 0100007F:26B7 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1";
        let end = |text: &str| proc_address(text.parse().unwrap());
        if cfg!(target_endian = "little") {
            let (own, other) = (end("127.0.0.1:41394"), end("127.0.0.1:9911"));
            assert_eq!(uid(line, &own, &other), Some(1_000));
            assert_eq!(uid(line, &other, &own), None);
        }
        assert_eq!(uid("", "", ""), None);
        assert_eq!(of("203.0.113.1:1".parse().unwrap(), "203.0.113.2:2".parse().unwrap()), None);
    }
}
