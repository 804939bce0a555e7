//! Who asks, and at which door.

use std::cell::OnceCell;
use std::net::{IpAddr, SocketAddr};

/// What may be asked for from beyond this machine.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Remote {
    /// Nothing: all addresses are of this machine alone.
    #[default]
    Refused,
    /// Container credentials, with their token.
    Container,
    /// Instance metadata too, which asks for no secret.
    Imds,
}

/// Which routes there are at the address that a connection came in by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// All of them: the address is of this machine alone.
    Everything,
    /// Container credentials and health.
    Container,
    /// Container credentials, instance metadata and health.
    Imds,
}

impl Reach {
    /// Returns what can be asked for at an address that is listened on.
    pub fn of(listening: IpAddr, remote: Remote) -> Self {
        match remote {
            _ if listening.is_loopback() => Self::Everything,
            Remote::Imds => Self::Imds,
            Remote::Refused | Remote::Container => Self::Container,
        }
    }
}

/// Returns the user of the process at `peer` that is connected to `local`, where it can be told.
pub type Owner = fn(peer: SocketAddr, local: SocketAddr) -> Option<u32>;

/// Whoever is at the other end of a connection.
#[derive(Debug)]
pub struct Caller {
    /// Its address.
    pub peer: SocketAddr,
    /// Our address that it connected to.
    pub local: SocketAddr,
    /// What it may ask for.
    pub reach: Reach,
    owner: Owner,
    user: OnceCell<String>,
}

impl Caller {
    /// Takes the ends of a connection, and how to find out whose process is at the other one.
    pub fn new(peer: SocketAddr, local: SocketAddr, reach: Reach, owner: Owner) -> Self {
        Self { peer, local, reach, owner, user: OnceCell::new() }
    }

    /// Returns the number of the user whose process it is, or `unknown`; looked up once.
    pub fn user(&self) -> &str {
        self.user.get_or_init(|| {
            let user = (self.owner)(self.peer, self.local);
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
            ("127.0.0.1", Remote::Refused, Reach::Everything),
            ("127.8.0.1", Remote::Container, Reach::Everything),
            ("::1", Remote::Imds, Reach::Everything),
            ("0.0.0.0", Remote::Container, Reach::Container),
            ("::", Remote::Imds, Reach::Imds),
            ("192.0.2.1", Remote::Imds, Reach::Imds),
            // The command line refuses it; here it gets least.
            ("192.0.2.1", Remote::Refused, Reach::Container),
        ];
        for (address, remote, reach) in rows {
            assert_eq!(Reach::of(address.parse().unwrap(), remote), reach, "{address} {remote:?}");
        }
    }

    #[test]
    fn looks_a_user_up_once() {
        use std::sync::atomic::{AtomicU32, Ordering};
        static LOOK_UPS: AtomicU32 = AtomicU32::new(0);
        let owner: Owner = |_, _| Some(1_000 + LOOK_UPS.fetch_add(1, Ordering::Relaxed));
        let end: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let caller = Caller::new(end, end, Reach::Everything, owner);
        assert_eq!((caller.user(), caller.user()), ("1000", "1000"));
        let stranger = Caller::new(end, end, Reach::Everything, |_, _| None);
        assert_eq!(stranger.user(), "unknown");
    }
}
