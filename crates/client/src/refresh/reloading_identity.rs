//! The identity of a daemon: certificate, chain and key of one moment, swapped whole.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use crate::aws::retry::Deadline;
use crate::credentials::Session;
use crate::identity::{Identity, IdentityError};
use crate::input_source::snapshot::Snapshot;
use crate::ports::World;
use crate::provider::{ProviderError, RolesAnywhere};
use crate::refresh::refresher::{Effort, Look, Origin};

/// The identity in use, and the way to sessions with it.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct Generations<'a> {
    provider: &'a RolesAnywhere,
    world: World<'a>,
    /// How long one fetch may take.
    timeout: Duration,
    used: RefCell<Option<Used>>,
    /// What the files held, or failed with, when they last made no identity, and when that was.
    failed: RefCell<Option<(Seen, Duration)>>,
    clock_offset: Cell<i64>,
}

/// How long files that made no identity are left alone while they stay as they are: what they need
/// besides, such as a password, may be there by then.
const PATIENCE: Duration = Duration::from_secs(30);

struct Used {
    digest: [u8; 32],
    identity: Rc<Identity>,
}

/// What was seen in the files.
#[derive(Eq, PartialEq)]
enum Seen {
    /// Their digest, and who can read the key.
    Bytes([u8; 32], Option<u32>),
    Unreadable(String),
}

impl<'a> Generations<'a> {
    /// Takes where the identity is; nothing is opened yet.
    pub fn new(provider: &'a RolesAnywhere, world: World<'a>, timeout: Duration) -> Self {
        Self {
            provider,
            world,
            timeout,
            used: RefCell::default(),
            failed: RefCell::default(),
            clock_offset: Cell::default(),
        }
    }

    /// Opens the identity of `snapshot`, and takes it into use.
    fn take(&self, snapshot: &Snapshot<'_>) -> Result<Look, ProviderError> {
        let world = World { files: snapshot, ..self.world };
        let (identity, unused_password) = self.provider.open(self.clock_offset.get(), &world)?;
        let leaf = identity.certificate();
        let look = Look::New {
            serial: leaf.serial().to_owned(),
            subject: leaf.subject().to_string(),
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
            unused_password,
        };
        let used = Used { digest: snapshot.digest(), identity: Rc::new(identity) };
        *self.used.borrow_mut() = Some(used);
        Ok(look)
    }

    /// Looks at what is in the files unless `seen` is what failed before.
    fn unless_seen(
        &self,
        seen: Seen,
        effort: Effort,
        look: impl FnOnce() -> Result<Look, ProviderError>,
    ) -> Result<Look, ProviderError> {
        let now = self.world.clock.uptime();
        let before =
            |(before, at): &(Seen, Duration)| *before == seen && now.saturating_sub(*at) < PATIENCE;
        if effort == Effort::Once && self.failed.borrow().as_ref().is_some_and(before) {
            return Ok(Look::LeftAlone);
        }
        let looked = look();
        *self.failed.borrow_mut() = looked.is_err().then_some((seen, now));
        looked
    }

    async fn exchange(&self) -> Result<Session, ProviderError> {
        let identity = self.used.borrow().as_ref().map(|used| Rc::clone(&used.identity));
        let identity = identity.ok_or(ProviderError::NoIdentity)?;
        let world = &self.world;
        let deadline = Deadline::new(world.clock.uptime(), self.timeout);
        let offset = self.clock_offset.get();
        let session = self.provider.exchange(&identity, offset, world, deadline).await?;
        self.clock_offset.set(session.clock_offset);
        Ok(session)
    }
}

impl Origin for Generations<'_> {
    fn look(&self, effort: Effort) -> Result<Look, ProviderError> {
        let snapshot = match Snapshot::take(self.world.files, self.provider.source.places()) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                let seen = Seen::Unreadable(format!("{error}: {}", error.source));
                let error = IdentityError::from(error);
                return self.unless_seen(seen, effort, || Err(error.into()));
            }
        };
        let digest = snapshot.digest();
        if self.used.borrow().as_ref().is_some_and(|used| used.digest == digest) {
            *self.failed.borrow_mut() = None;
            return Ok(Look::Same);
        }
        let mode = self.world.files.readable_by_others(&self.provider.source.private_key);
        self.unless_seen(Seen::Bytes(digest, mode), effort, || self.take(&snapshot))
    }

    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<Session, ProviderError>> + '_>> {
        Box::pin(self.exchange())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::NoTrace;
    use crate::test_support::offline::{Offline, source};
    use crate::test_support::session::request;
    use crate::test_support::simulation::Simulation;

    #[test]
    fn tries_what_made_no_identity_again_where_it_changed_after_a_while_or_when_told_to() {
        let (simulation, desk) = (Simulation::new(), Offline::holding("a"));
        let provider = RolesAnywhere { source: source(), session: request() };
        let world = World {
            clock: &simulation,
            timer: &simulation,
            entropy: &simulation,
            files: &desk,
            passwords: &desk,
            transport: &desk,
            trace: &NoTrace,
        };
        let generations = Generations::new(&provider, world, Duration::from_secs(20));
        let is_tried = |effort| generations.look(effort).is_err();
        for text in [Some("a"), Some("b"), None, Some("a")] {
            desk.hold(text);
            assert!(is_tried(Effort::Once) && !is_tried(Effort::Once), "{text:?}");
            assert!(is_tried(Effort::Again) && !is_tried(Effort::Once), "{text:?}");
        }
        (0..29).for_each(|_| simulation.pass());
        assert!(!is_tried(Effort::Once));
        simulation.pass();
        assert!(is_tried(Effort::Once) && !is_tried(Effort::Once));
    }
}
