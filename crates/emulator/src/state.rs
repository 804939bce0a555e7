//! Everything that changes while the emulator runs, behind one lock.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::account::{Resources, TrustAnchor};
use crate::clock::Clock;
use crate::fault::Faults;
use crate::log::Log;
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

/// The resources, the settings of the control API, and the sessions, faults and requests.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) strictness: Strictness,
    pub(crate) clock: Clock,
    pub(crate) resources: Resources,
    /// Decimal serials that the control API revoked.
    pub(crate) revoked: BTreeSet<String>,
    /// What ends sessions earlier than asked for.
    pub(crate) end_after_seconds: Option<u64>,
    /// By access key id.
    pub(crate) sessions: HashMap<String, Session>,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
}

/// As many as requests in the log.
const MOST_SESSIONS: usize = 10_000;

impl State {
    /// Returns what AWS holds at the start.
    pub(crate) fn new(resources: Resources, strictness: Strictness) -> Self {
        Self {
            strictness,
            clock: Clock::default(),
            resources,
            revoked: BTreeSet::new(),
            end_after_seconds: None,
            sessions: HashMap::new(),
            faults: Faults::default(),
            log: Log::default(),
        }
    }

    /// Returns what is built in.
    #[cfg(test)]
    pub(crate) fn built_in(strictness: Strictness) -> Self {
        let pki = crate::pki::Pki::shared().unwrap();
        Self::new(crate::config::built_in(&pki, Clock::default().now()).unwrap(), strictness)
    }

    /// Keeps a session; of too many the one that ends first is forgotten.
    pub(crate) fn keep(&mut self, session: Session) {
        if self.sessions.len() >= MOST_SESSIONS {
            let first = self.sessions.values().min_by_key(|session| session.expiration);
            if let Some(id) = first.map(|session| session.access_key_id.clone()) {
                self.sessions.remove(&id);
            }
        }
        self.sessions.insert(session.access_key_id.clone(), session);
    }

    /// Enables or disables a profile; `false` if there is none of that ARN.
    pub(crate) fn enable_profile(&mut self, arn: &str, enabled: bool) -> bool {
        let mut profiles = self.resources.profiles.iter_mut();
        let profile = profiles.find(|profile| profile.arn.as_str() == arn);
        profile.map(|profile| profile.enabled = enabled).is_some()
    }

    /// Enables or disables a trust anchor; `false` if there is none of that ARN.
    pub(crate) fn enable_trust_anchor(&mut self, arn: &str, enabled: bool) -> bool {
        let anchor = self.trust_anchor_mut(arn);
        anchor.map(|anchor| anchor.enabled = enabled).is_some()
    }

    /// Gives a trust anchor another certificate, in DER; `false` if there is none of that ARN.
    pub(crate) fn replace_trust_anchor(&mut self, arn: &str, certificate: Vec<u8>) -> bool {
        let anchor = self.trust_anchor_mut(arn);
        anchor.map(|anchor| anchor.certificates = vec![certificate]).is_some()
    }

    fn trust_anchor_mut(&mut self, arn: &str) -> Option<&mut TrustAnchor> {
        self.resources.trust_anchors.iter_mut().find(|anchor| anchor.arn.as_str() == arn)
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

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::*;
    use crate::arn::Arn;
    use crate::{account, session};

    #[test]
    fn the_session_that_expires_first_is_dropped() {
        let mut state = State::built_in(Strictness::Documented);
        let now = state.clock.now();
        let session = |ends: usize| Session {
            access_key_id: format!("ASIA{ends}"),
            secret_access_key: session::secret_access_key(),
            session_token: session::session_token(),
            issued: OffsetDateTime::UNIX_EPOCH,
            expiration: now + Duration::seconds(i64::try_from(ends).unwrap()),
            duration_seconds: 3600,
            role_arn: Arn::parse(account::ROLE_ARN).unwrap(),
            role_session_name: "job".to_owned(),
            source_identity: "CN=job".to_owned(),
            tags: std::collections::BTreeMap::new(),
            transitive_tag_keys: BTreeSet::new(),
            session_policies: Vec::new(),
        };
        for ends in (1..=MOST_SESSIONS + 1).rev() {
            state.keep(session(ends));
        }
        assert_eq!(state.sessions.len(), MOST_SESSIONS);
        assert!(state.sessions.contains_key("ASIA1") && !state.sessions.contains_key("ASIA2"));
    }
}
