//! Everything that changes while the emulator runs, behind one lock.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::account::{self, Profile};
use crate::clock::Clock;
use crate::fault::Faults;
use crate::log::Entry;
use crate::pki::{Pki, PkiError};
use crate::secrets::store::Secrets;
use crate::session::Session;

/// How strictly CreateSession is emulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Strictness {
    /// Every rule that is documented.
    #[default]
    Documented,
    /// As production: unsigned required headers and a mismatch of algorithm and key are noted and
    /// let through.
    Lenient,
}

/// A trust anchor of the account.
#[derive(Debug, Clone)]
pub(crate) struct TrustAnchor {
    pub(crate) arn: String,
    pub(crate) enabled: bool,
    pub(crate) certificate: Vec<u8>,
}

/// The account as it stands, and what has happened.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) strictness: Strictness,
    pub(crate) clock: Clock,
    pub(crate) trust_anchors: Vec<TrustAnchor>,
    pub(crate) profiles: Vec<Profile>,
    /// Imported CRLs, in DER.
    pub(crate) crls: Vec<Vec<u8>>,
    /// Decimal serials that the control API revoked.
    pub(crate) revoked: BTreeSet<String>,
    /// What ends sessions earlier than asked for.
    pub(crate) end_after_seconds: Option<u64>,
    /// By access key id.
    pub(crate) sessions: HashMap<String, Session>,
    pub(crate) secrets: Secrets,
    pub(crate) faults: Faults,
    pub(crate) log: Vec<Entry>,
}

impl State {
    /// Returns the account at the start.
    pub(crate) fn new(pki: &Pki, strictness: Strictness) -> Result<Self, PkiError> {
        let anchor = |arn: &str, path: &str| {
            Ok::<_, PkiError>(TrustAnchor {
                arn: arn.to_owned(),
                enabled: true,
                certificate: pki.der(path)?,
            })
        };
        let clock = Clock::default();
        Ok(Self {
            strictness,
            clock,
            trust_anchors: vec![
                anchor(account::TRUST_ANCHOR_ARN, "anchor/root.pem")?,
                anchor(account::INTERMEDIATE_ANCHOR_ARN, "anchor/intermediate.pem")?,
            ],
            profiles: account::profiles(),
            crls: vec![pki.der("anchor/crl.pem")?],
            revoked: BTreeSet::new(),
            end_after_seconds: None,
            sessions: HashMap::new(),
            secrets: Secrets::seeded(clock.now()),
            faults: Faults::default(),
            log: Vec::new(),
        })
    }

    /// Enables or disables a profile; `false` if there is none of that ARN.
    pub(crate) fn enable_profile(&mut self, arn: &str, enabled: bool) -> bool {
        let profile = self.profiles.iter_mut().find(|profile| profile.arn == arn);
        profile.map(|profile| profile.enabled = enabled).is_some()
    }

    /// Enables or disables a trust anchor; `false` if there is none of that ARN.
    pub(crate) fn enable_trust_anchor(&mut self, arn: &str, enabled: bool) -> bool {
        let anchor = self.trust_anchors.iter_mut().find(|anchor| anchor.arn == arn);
        anchor.map(|anchor| anchor.enabled = enabled).is_some()
    }

    /// Gives a trust anchor another certificate, in DER; `false` if there is none of that ARN.
    pub(crate) fn replace_trust_anchor(&mut self, arn: &str, certificate: Vec<u8>) -> bool {
        let anchor = self.trust_anchors.iter_mut().find(|anchor| anchor.arn == arn);
        anchor.map(|anchor| anchor.certificate = certificate).is_some()
    }
}

/// The state as the servers and the API share it.
#[derive(Debug, Clone)]
pub(crate) struct Shared(Arc<Mutex<State>>);

impl Shared {
    /// Puts the state behind its lock.
    pub(crate) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    /// Locks it; a thread that died holding the lock left nothing half done that matters here.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
