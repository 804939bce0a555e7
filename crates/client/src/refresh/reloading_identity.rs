//! The identity of a daemon, which follows its sources.
//!
//! Certificate, chain and key are read together and replaced together, so that a rotation that has
//! replaced only some of the files never mixes two identities.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::credentials::Session;
use crate::identity::{Identity, IdentityError};
use crate::input_source::snapshot::{InputDigest, Snapshot};
use crate::ports::Ports;
use crate::provider::{ProviderError, RolesAnywhere};
use crate::refresh::refresher::{ReloadOutcome, Retry, SessionSource};
use crate::time::Deadline;

/// Fetches sessions with the identity in use, and reloads that identity from its sources.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct ReloadingIdentity {
    provider: RolesAnywhere,
    ports: Ports,
    /// The timeout of one fetch.
    timeout: Duration,
    state: Mutex<State>,
}

/// The time after which unchanged files that failed are read again: the cause may be outside of them,
/// such as a missing password.
const RETRY_UNCHANGED_AFTER: Duration = Duration::from_secs(30);

#[derive(Default)]
struct State {
    loaded: Option<Loaded>,
    /// The inputs that last failed, and when that was.
    failed: Option<(FailedInputs, Duration)>,
    clock_offset: i64,
}

/// The identity in use, and the digest of the inputs that it was read from.
struct Loaded {
    digest: InputDigest,
    identity: Arc<Identity>,
}

/// Inputs that hold no usable identity, to recognize them the next time.
#[derive(Eq, PartialEq)]
enum FailedInputs {
    /// Their digest, and the mode of the key if others may read it: a refused mode can be changed
    /// without a change of the contents.
    Contents(InputDigest, Option<u32>),
    /// The error, with its cause.
    Unreadable(String),
}

impl ReloadingIdentity {
    /// Returns an identity that is not loaded yet; no file is opened.
    pub fn new(provider: RolesAnywhere, ports: Ports, timeout: Duration) -> Self {
        Self { provider, ports, timeout, state: Mutex::default() }
    }

    /// Opens the identity in `snapshot`, and makes it the one in use.
    fn load(&self, snapshot: Snapshot) -> Result<ReloadOutcome, ProviderError> {
        let digest = snapshot.digest();
        let ports = Ports { files: Arc::new(snapshot), ..self.ports.clone() };
        let clock_offset = self.state().clock_offset;
        let (identity, unused_password) = self.provider.open(clock_offset, &ports)?;
        let identity = Arc::new(identity);
        let loaded = Loaded { digest, identity: Arc::clone(&identity) };
        let previous = self.state().loaded.replace(loaded);
        let previous = previous.map(|loaded| loaded.identity.fingerprint());
        if previous == Some(identity.fingerprint()) {
            return Ok(ReloadOutcome::SameIdentity { unused_password });
        }
        let leaf = identity.certificate();
        Ok(ReloadOutcome::NewIdentity {
            serial: leaf.serial().to_owned(),
            subject: leaf.subject().to_string(),
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
            unused_password,
        })
    }

    /// Runs `load`, unless the same `inputs` failed before; remembers a failure.
    fn unless_failed(
        &self,
        inputs: FailedInputs,
        retry: Retry,
        load: impl FnOnce() -> Result<ReloadOutcome, ProviderError>,
    ) -> Result<ReloadOutcome, ProviderError> {
        let now = self.ports.clock.uptime();
        let failed_before = |(failed, at): &(FailedInputs, Duration)| {
            *failed == inputs && now.saturating_sub(*at) < RETRY_UNCHANGED_AFTER
        };
        if retry == Retry::IfChanged && self.state().failed.as_ref().is_some_and(failed_before) {
            return Ok(ReloadOutcome::Skipped);
        }
        let outcome = load();
        self.state().failed = outcome.is_err().then_some((inputs, now));
        outcome
    }

    async fn exchange(&self) -> Result<Session, ProviderError> {
        let (identity, offset) = {
            let state = self.state();
            let identity = state.loaded.as_ref().map(|loaded| Arc::clone(&loaded.identity));
            (identity.ok_or(ProviderError::NoIdentity)?, state.clock_offset)
        };
        let ports = &self.ports;
        let deadline = Deadline::new(ports.clock.uptime(), self.timeout);
        let session = self.provider.exchange(&identity, offset, ports, deadline).await?;
        self.state().clock_offset = session.clock_offset;
        Ok(session)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionSource for ReloadingIdentity {
    fn reload(&self, retry: Retry) -> Result<ReloadOutcome, ProviderError> {
        let snapshot = match self.provider.source.snapshot(&self.ports.files) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                let inputs = FailedInputs::Unreadable(format!("{error}: {}", error.source));
                let error = IdentityError::from(error);
                return self.unless_failed(inputs, retry, || Err(error.into()));
            }
        };
        let digest = snapshot.digest();
        let mut state = self.state();
        if state.loaded.as_ref().is_some_and(|loaded| loaded.digest == digest) {
            state.failed = None;
            return Ok(ReloadOutcome::Unchanged);
        }
        drop(state);
        let mode = self.provider.source.private_key.readable_by_others(&*self.ports.files);
        self.unless_failed(FailedInputs::Contents(digest, mode), retry, || self.load(snapshot))
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Session, ProviderError>> {
        Box::pin(self.exchange())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::files::{FakeFiles, committed};
    use crate::test_support::password::FixedPassword;
    use crate::test_support::ports::FakePorts;
    use crate::test_support::session::{request, variables};

    #[test]
    fn identity_is_new_if_its_certificates_are() {
        let file = |name: &str| committed(&format!("certs/{name}"));
        let ports = FakePorts {
            files: FakeFiles::empty(),
            passwords: FixedPassword::known("hunter2"),
            ..FakePorts::default()
        };
        let provider = RolesAnywhere { source: variables(), session: request() };
        let reloading = ReloadingIdentity::new(provider, ports.ports(), Duration::from_secs(20));
        let reload = |certificate: &str, key: &str| {
            ports.files.put("env:certificate", file(certificate));
            ports.files.put("env:key", file(key));
            reloading.reload(Retry::IfChanged).unwrap()
        };
        let is_new = |outcome| matches!(outcome, ReloadOutcome::NewIdentity { .. });
        assert!(is_new(reload("leaf/p256.pem", "leaf/p256.key.pem")));
        let again = reload("leaf/p256.pem", "leaf/p256.key.pem");
        assert_eq!(again, ReloadOutcome::Unchanged);
        let encrypted = reload("leaf/p256.pem", "forms/scrypt.key.pem");
        assert_eq!(encrypted, ReloadOutcome::SameIdentity { unused_password: None });
        assert!(is_new(reload("leaf/p384.pem", "leaf/p384.key.pem")));
        assert!(is_new(reload("leaf/p256.pem", "forms/scrypt.key.pem")));
    }

    #[test]
    fn failed_files_are_tried_again_if_changed_later_or_on_request() {
        let ports = FakePorts::default();
        let provider = RolesAnywhere { source: variables(), session: request() };
        let reloading = ReloadingIdentity::new(provider, ports.ports(), Duration::from_secs(20));
        let is_tried = |retry| reloading.reload(retry).is_err();
        for text in [Some("a"), Some("b"), None, Some("a")] {
            ports.files.hold(text);
            assert!(is_tried(Retry::IfChanged) && !is_tried(Retry::IfChanged), "{text:?}");
            assert!(is_tried(Retry::Always) && !is_tried(Retry::IfChanged), "{text:?}");
        }
        ports.clock.advance(Duration::from_secs(29));
        assert!(!is_tried(Retry::IfChanged));
        ports.clock.advance(Duration::from_secs(1));
        assert!(is_tried(Retry::IfChanged) && !is_tried(Retry::IfChanged));
    }
}
