//! What the operator decided about the endpoints.

use super::allowed_host::AllowedHost;

/// What the endpoints serve, and for which hosts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ServePolicy {
    /// The kinds of credentials that are served.
    pub offer: Offer,
    /// Hosts that requests may be for, besides this machine and its addresses.
    pub hosts: Vec<AllowedHost>,
    /// What to do if the log does not take the line of a vend.
    pub audit: AuditPolicy,
}

/// The kinds of credentials that are served.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Offer {
    /// Instance metadata and container credentials.
    #[default]
    Both,
    /// Instance metadata only.
    Imds,
    /// Container credentials only.
    Container,
    /// Container credentials only, and neither health nor metrics.
    OneProgram,
    /// None: the process serves secrets only.
    Nothing,
}

impl Offer {
    /// Returns whether instance metadata is served.
    pub fn has_imds(self) -> bool {
        matches!(self, Self::Both | Self::Imds)
    }

    /// Returns whether container credentials are served.
    pub fn has_container(self) -> bool {
        matches!(self, Self::Both | Self::Container | Self::OneProgram)
    }
}

/// What to do if the log does not take the line of a vend.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AuditPolicy {
    /// Serve and count it; the count is logged as soon as possible.
    #[default]
    Counted,
    /// Refuse it.
    Required,
}
