//! Trades a certificate for a session.

pub mod assume_role;
mod clock;
pub mod earlier_hops;
mod error;
mod exchange;
pub mod fallback;
pub mod iam;
pub mod parameter_store;
mod query_call;
pub mod secrets_manager;
mod service_call;
pub mod sts;

use crate::arn::RoleArn;
use crate::aws::assume_role::AssumeRole;
use crate::aws::create_session::SessionRequest;
use crate::credentials::Session;
use crate::identity::{Identity, IdentityError, IdentitySource};
use crate::ports::Ports;
pub use crate::provider::clock::SKEW;
use crate::provider::earlier_hops::EarlierHops;
pub use crate::provider::error::{ClockFinding, ErrorKind, ProviderError};
use crate::provider::fallback::{Fetched, Order};
use crate::text::escape;
use crate::time::Deadline;
use crate::x509::DistinguishedName;
use crate::x509::Selection;

/// Trades a certificate for credentials at IAM Roles Anywhere.
#[derive(Clone, Debug)]
pub struct RolesAnywhere {
    /// The sources of the certificate and the key.
    pub source: IdentitySource,
    /// The requested session.
    pub session: SessionRequest,
    /// The same session at trust anchors of other Regions, which are asked in this order if the first
    /// one's Region cannot be reached.
    pub fallbacks: Vec<SessionRequest>,
    /// The roles that are assumed one after the other with the session, which ends with the last one.
    pub hops: Vec<AssumeRole>,
}

/// The message about a password for a key that needs none.
pub const UNUSED_PASSWORD: &str = "the password was not needed to open the private key";

impl RolesAnywhere {
    /// Returns one without fallbacks, and without roles after that of the session.
    pub fn new(source: IdentitySource, session: SessionRequest) -> Self {
        Self { source, session, fallbacks: Vec::new(), hops: Vec::new() }
    }

    /// Returns the role of the session that callers get: of the last hop, if there is one.
    pub fn role(&self) -> &RoleArn {
        self.hops.last().map_or(&self.session.role, |hop| &hop.role)
    }

    /// Fetches a session with the current identity files, and continues it with all hops.
    ///
    /// `clock_offset` is the number of seconds that this machine's clock is behind AWS's; 0 if unknown.
    pub async fn fetch(
        &self,
        clock_offset: i64,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Session, ProviderError> {
        let (identity, _) = self.open(clock_offset, ports)?;
        let how = (&identity, Order::PrimaryFirst, clock_offset);
        let mut previous = EarlierHops::default();
        let fetched = self.fetch_chain(&mut previous, how, ports, deadline).await?;
        Ok(fetched.session)
    }

    /// Fetches the session of the first role, before any hop, from the trust anchors in `order`.
    pub async fn fetch_in(
        &self,
        order: Order,
        clock_offset: i64,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Fetched, ProviderError> {
        let (identity, _) = self.open(clock_offset, ports)?;
        self.exchange(&identity, (order, clock_offset), ports, deadline).await
    }

    /// Opens the identity. Also returns the option that gives a password although the key needs none.
    /// That is not an error: OpenSSL accepts a password with any key.
    pub fn open(
        &self,
        clock_offset: i64,
        ports: &Ports,
    ) -> Result<(Identity, Option<String>), IdentityError> {
        let now = ports.clock.now().after(clock_offset);
        let identity = self.source.open(&*ports.files, &*ports.passwords, now)?;
        show_identity(ports, &self.source, &identity);
        let unused = ports.passwords.unused();
        if let Some(option) = &unused {
            ports.trace.show(format_args!("{UNUSED_PASSWORD}: {option}"));
        }
        Ok((identity, unused))
    }
}

fn show_identity(ports: &Ports, source: &IdentitySource, identity: &Identity) {
    if let Some(mode) = source.private_key.readable_by_others(&*ports.files) {
        let key = source.private_key.name();
        ports.trace.show(format_args!("{key} is readable by other users (mode {mode:04o})"));
    }
    // The trace keeps line feeds, for the canonical request; a name must not add lines.
    let shown = |name: &DistinguishedName| escape::line(&name.to_string()).into_owned();
    let leaf = identity.certificate();
    ports.trace.show(format_args!(
        "certificate: {}, serial {}, issued by {}, valid from {} to {}",
        shown(leaf.subject()),
        leaf.serial(),
        shown(leaf.issuer()),
        leaf.not_before(),
        leaf.not_after()
    ));
    if identity.chain().selection == Selection::AsGiven && !identity.intermediates().is_empty() {
        ports.trace.show(format_args!(
            "the issuer is not among the given certificates: they are sent as given"
        ));
    }
    for intermediate in identity.intermediates() {
        let (subject, issuer) = (shown(intermediate.subject()), shown(intermediate.issuer()));
        ports.trace.show(format_args!("intermediate sent: {subject}, issued by {issuer}"));
    }
    for (certificate, reason) in &identity.chain().left_out {
        let subject = shown(certificate.subject());
        ports.trace.show(format_args!("not sent: {subject}: {}", reason.as_str()));
    }
}
