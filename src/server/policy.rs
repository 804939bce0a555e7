//! What the endpoints hand out and to requests for which hosts, as the operator decided.

use super::host::AllowedHost;

/// What the operator decided.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ServePolicy {
    /// The routes that there are.
    pub offer: Offer,
    /// Hosts that requests may be for, beside this machine and its addresses.
    pub hosts: Vec<AllowedHost>,
    /// What becomes of a vend that the log does not take.
    pub audit: AuditPolicy,
}

/// By which routes credentials are handed out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Offer {
    /// Instance metadata and container credentials.
    #[default]
    Both,
    /// Instance metadata only.
    Imds,
    /// Container credentials only.
    Container,
}

impl Offer {
    /// Tells whether there is instance metadata.
    pub fn has_imds(self) -> bool {
        self != Self::Container
    }

    /// Tells whether there are container credentials.
    pub fn has_container(self) -> bool {
        self != Self::Imds
    }
}

/// What becomes of a vend that the log does not take.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AuditPolicy {
    /// It is served and counted; the log gets the count as soon as it can.
    #[default]
    Counted,
    /// It is refused.
    Required,
}
