//! The client of a connection, and which routes exist at the address it connected to.

use std::cell::OnceCell;
use std::net::{IpAddr, SocketAddr};

/// What clients on other machines may get: `--allow-remote`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RemoteAccess {
    /// Nothing: all addresses are loopback addresses.
    #[default]
    Refused,
    /// Container credentials, with the token.
    Container,
    /// Instance metadata too, which requires no secret.
    Imds,
}

/// Which routes exist at an address of this server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exposure {
    /// All of them: it is a loopback address.
    Everything,
    /// Container credentials and health.
    Container,
    /// Container credentials, instance metadata and health.
    Imds,
}

impl Exposure {
    /// Returns the exposure of an address of this server.
    pub fn of(listening: IpAddr, remote: RemoteAccess) -> Self {
        match remote {
            _ if listening.is_loopback() => Self::Everything,
            RemoteAccess::Imds => Self::Imds,
            RemoteAccess::Refused | RemoteAccess::Container => Self::Container,
        }
    }
}

/// Returns the user of the process at `peer` that is connected to `local`, if the system tells.
pub type UidLookup = fn(peer: SocketAddr, local: SocketAddr) -> Option<u32>;

/// The process at the other end of a connection.
#[derive(Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Our address that it connected to.
    pub local: SocketAddr,
    /// Which routes exist for it.
    pub exposure: Exposure,
    uid_lookup: UidLookup,
    user: OnceCell<String>,
    address_text: OnceCell<String>,
}

impl Peer {
    /// Takes both ends of a connection, and how to find the user of the process at the other end.
    pub fn new(
        address: SocketAddr,
        local: SocketAddr,
        exposure: Exposure,
        uid_lookup: UidLookup,
    ) -> Self {
        let (user, address_text) = (OnceCell::new(), OnceCell::new());
        Self { address, local, exposure, uid_lookup, user, address_text }
    }

    /// Returns its address for the log; rendered once.
    pub fn address_text(&self) -> &str {
        self.address_text.get_or_init(|| self.address.to_string())
    }

    /// Returns the number of the user that runs the process, or `unknown`; looked up once.
    pub fn user(&self) -> &str {
        self.user.get_or_init(|| {
            let user = (self.uid_lookup)(self.address, self.local);
            user.map_or_else(|| "unknown".to_owned(), |user| user.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_reaches_everything() {
        let rows = [
            ("127.0.0.1", RemoteAccess::Refused, Exposure::Everything),
            ("127.8.0.1", RemoteAccess::Container, Exposure::Everything),
            ("::1", RemoteAccess::Imds, Exposure::Everything),
            ("0.0.0.0", RemoteAccess::Container, Exposure::Container),
            ("::", RemoteAccess::Imds, Exposure::Imds),
            ("192.0.2.1", RemoteAccess::Imds, Exposure::Imds),
            // The command line rejects this; here it gets the least.
            ("192.0.2.1", RemoteAccess::Refused, Exposure::Container),
        ];
        for (address, remote, exposure) in rows {
            assert_eq!(
                Exposure::of(address.parse().unwrap(), remote),
                exposure,
                "{address} {remote:?}"
            );
        }
    }

    #[test]
    fn looks_a_user_up_once() {
        use std::sync::atomic::{AtomicU32, Ordering};
        static LOOK_UPS: AtomicU32 = AtomicU32::new(0);
        let owner: UidLookup = |_, _| Some(1_000 + LOOK_UPS.fetch_add(1, Ordering::Relaxed));
        let end: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let peer = Peer::new(end, end, Exposure::Everything, owner);
        assert_eq!((peer.user(), peer.user()), ("1000", "1000"));
        let stranger = Peer::new(end, end, Exposure::Everything, |_, _| None);
        assert_eq!(stranger.user(), "unknown");
    }
}
