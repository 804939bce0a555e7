//! The kernel's table of connections, as text. It is long to read: a millisecond or more.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};

/// How many lines of a table are read: a machine of more connections has better things to do.
const LINES: usize = 20_000;

/// Returns the user of the socket at `peer` that is connected to `local`, both on loopback.
pub(super) fn of(peer: SocketAddr, local: SocketAddr) -> Option<u32> {
    if !peer.ip().is_loopback() {
        return None;
    }
    // A socket for both families speaks IPv4 from an address of IPv6, as Java's do.
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
        #[expect(clippy::disallowed_methods, reason = "a table of the kernel, and no file")]
        let table = BufReader::new(File::open(path).ok()?);
        let (peer, local) = (hex(peer), hex(local));
        table.lines().take(LINES).map_while(Result::ok).find_map(|line| user(&line, &peer, &local))
    })
}

/// Returns the user of a line where that is of the connection from `own` to `other`.
fn user(line: &str, own: &str, other: &str) -> Option<u32> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    if fields.next()? != own || fields.next()? != other {
        return None;
    }
    let user = fields.nth(4)?.parse().ok()?;
    // A socket that its process has closed has no inode any more, and on older kernels no owner.
    (fields.nth(1)? != "0").then_some(user)
}

/// Writes an address as the kernel does: its 32-bit words as this machine holds them, in hex.
fn hex(end: SocketAddr) -> String {
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
    fn reads_a_line_as_the_kernel_writes_it() {
        let line = "   1: 0100007F:A1B2 0100007F:26B7 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1";
        let end = |text: &str| hex(text.parse().unwrap());
        if cfg!(target_endian = "little") {
            let (own, other) = (end("127.0.0.1:41394"), end("127.0.0.1:9911"));
            assert_eq!(user(line, &own, &other), Some(1_000));
            assert_eq!(user(line, &other, &own), None);
        }
        assert_eq!(user("", "", ""), None);
        assert_eq!(of("203.0.113.1:1".parse().unwrap(), "203.0.113.2:2".parse().unwrap()), None);
    }
}
