//! The identity of a daemon, which follows its sources.
//!
//! Certificate, chain and key are read together and replaced together, so that a rotation that has
//! replaced only some of the files never mixes two identities.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use crate::credentials::Session;
use crate::identity::{Identity, IdentityError};
use crate::input_source::snapshot::{InputDigest, Snapshot};
use crate::ports::World;
use crate::provider::{ProviderError, RolesAnywhere};
use crate::refresh::refresher::{ReloadOutcome, Retry, SessionSource};
use crate::time::Deadline;

/// Fetches sessions with the identity in use, and reloads that identity from its sources.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct ReloadingIdentity<'a> {
    provider: &'a RolesAnywhere,
    world: World<'a>,
    /// The timeout of one fetch.
    timeout: Duration,
    loaded: RefCell<Option<Loaded>>,
    /// The inputs that last failed, and when that was.
    failed: RefCell<Option<(FailedInputs, Duration)>>,
    clock_offset: Cell<i64>,
}

/// The time after which unchanged files that failed are read again: the cause may be outside of them,
/// such as a missing password.
const RETRY_UNCHANGED_AFTER: Duration = Duration::from_secs(30);

/// The identity in use, and the digest of the inputs that it was read from.
struct Loaded {
    digest: InputDigest,
    identity: Rc<Identity>,
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

impl<'a> ReloadingIdentity<'a> {
    /// Returns an identity that is not loaded yet; no file is opened.
    pub fn new(provider: &'a RolesAnywhere, world: World<'a>, timeout: Duration) -> Self {
        Self {
            provider,
            world,
            timeout,
            loaded: RefCell::default(),
            failed: RefCell::default(),
            clock_offset: Cell::default(),
        }
    }

    /// Opens the identity in `snapshot`, and makes it the one in use.
    fn load(&self, snapshot: &Snapshot<'_>) -> Result<ReloadOutcome, ProviderError> {
        let world = World { files: snapshot, ..self.world };
        let (identity, unused_password) = self.provider.open(self.clock_offset.get(), &world)?;
        let identity = Rc::new(identity);
        let loaded = Loaded { digest: snapshot.digest(), identity: Rc::clone(&identity) };
        let previous =
            self.loaded.replace(Some(loaded)).map(|loaded| loaded.identity.fingerprint());
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
        let now = self.world.clock.uptime();
        let failed_before = |(failed, at): &(FailedInputs, Duration)| {
            *failed == inputs && now.saturating_sub(*at) < RETRY_UNCHANGED_AFTER
        };
        if retry == Retry::IfChanged && self.failed.borrow().as_ref().is_some_and(failed_before) {
            return Ok(ReloadOutcome::Skipped);
        }
        let outcome = load();
        *self.failed.borrow_mut() = outcome.is_err().then_some((inputs, now));
        outcome
    }

    async fn exchange(&self) -> Result<Session, ProviderError> {
        let identity = self.loaded.borrow().as_ref().map(|loaded| Rc::clone(&loaded.identity));
        let identity = identity.ok_or(ProviderError::NoIdentity)?;
        let world = &self.world;
        let deadline = Deadline::new(world.clock.uptime(), self.timeout);
        let offset = self.clock_offset.get();
        let session = self.provider.exchange(&identity, offset, world, deadline).await?;
        self.clock_offset.set(session.clock_offset);
        Ok(session)
    }
}

impl SessionSource for ReloadingIdentity<'_> {
    fn reload(&self, retry: Retry) -> Result<ReloadOutcome, ProviderError> {
        let snapshot = match self.provider.source.snapshot(self.world.files) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                let inputs = FailedInputs::Unreadable(format!("{error}: {}", error.source));
                let error = IdentityError::from(error);
                return self.unless_failed(inputs, retry, || Err(error.into()));
            }
        };
        let digest = snapshot.digest();
        if self.loaded.borrow().as_ref().is_some_and(|loaded| loaded.digest == digest) {
            *self.failed.borrow_mut() = None;
            return Ok(ReloadOutcome::Unchanged);
        }
        let mode = self.provider.source.private_key.readable_by_others(self.world.files);
        self.unless_failed(FailedInputs::Contents(digest, mode), retry, || self.load(&snapshot))
    }

    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<Session, ProviderError>> + '_>> {
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
        let reloading = ReloadingIdentity::new(&provider, ports.world(), Duration::from_secs(20));
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
        let reloading = ReloadingIdentity::new(&provider, ports.world(), Duration::from_secs(20));
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
