//! Where a command gets its session from: the cache, else AWS.

use std::pin::pin;

use futures_util::future::{Either, select};

use crate::output::error::Error;
use crate::session_cache::Store;
use crate::session_cache::entry_lock::{Slot, Turn, Waited};
use crate::session_cache::key::Name;
use crate::session_cache::policy::{freshness, patience_of_refresh};
use roles_anywhere_client::aws::retry::Deadline;
use roles_anywhere_client::credentials::{Freshness, Session};
use roles_anywhere_client::http::Trust;
use roles_anywhere_client::identity::{IdentitySource, Permissions};
use roles_anywhere_client::input_source::Files;
use roles_anywhere_client::input_source::snapshot::Snapshot;
use roles_anywhere_client::ports::{Trace, World};
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::time::Clock;

/// The sessions of one provider.
#[expect(missing_debug_implementations, reason = "holds a reference to a port")]
pub struct Sessions<'a> {
    provider: &'a RolesAnywhere,
    slot: Option<Slot<'a>>,
}

/// A session, and where it is from.
#[derive(Clone, Debug)]
pub struct Vended {
    /// The session.
    pub session: Session,
    /// Where it is from.
    pub origin: Origin,
}

/// Where a session is from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// It was kept by a run before, or by another process meanwhile.
    Cache,
    /// It was made for this run.
    Aws,
}

/// Reads the files of an identity, all at once, where sessions of it may be kept.
///
/// A file that cannot be read is no error here: whoever opens the identity will say it better. Nor is
/// a session kept for a key that is to be refused.
pub fn identity_of<'a>(source: &IdentitySource, files: &'a dyn Files) -> Option<Snapshot<'a>> {
    let refused = source.permissions == Permissions::Strict
        && files.readable_by_others(&source.private_key).is_some();
    if refused { None } else { Snapshot::take(files, source.places()).ok() }
}

impl<'a> Sessions<'a> {
    /// Makes each session anew, and keeps none.
    pub fn uncached(provider: &'a RolesAnywhere) -> Self {
        Self { provider, slot: None }
    }

    /// Keeps the sessions of `identity`, which are made over a way that believes `trust`.
    pub fn cached(
        provider: &'a RolesAnywhere,
        identity: &Snapshot<'_>,
        trust: &Trust,
        store: &'a dyn Store,
    ) -> Self {
        let name = Name::new(&provider.session, &identity.digest(), trust);
        Self { provider, slot: Some(Slot { store, name, provider }) }
    }

    /// Returns the provider that makes them.
    pub fn provider(&self) -> &RolesAnywhere {
        self.provider
    }

    /// Returns a session where one can be had without waiting for AWS or for another process, and
    /// nothing is to be done for those to come.
    pub fn ready(&self, clock: &dyn Clock, trace: &dyn Trace) -> Option<Session> {
        let slot = self.slot.as_ref()?;
        let session = slot.read(clock).ok()?;
        let now = clock.now();
        let ready = match freshness(&session, now) {
            Freshness::Fresh => true,
            Freshness::Due => matches!(slot.turn(now), Turn::Others(_)),
            Freshness::Expired => false,
        };
        ready.then(|| {
            slot.show(trace, format_args!("hit, {} s are left", session.left(now)));
            session
        })
    }

    /// Returns a session.
    ///
    /// A kept one that is valid is served, come what may. From [`Freshness::Due`] on, the process that
    /// gets the lock refreshes it first. If there is none, one process makes it while the others wait
    /// for it; after half of their time, one of them makes it too.
    pub async fn session(&self, world: &World<'_>, deadline: Deadline) -> Result<Vended, Error> {
        let Some(slot) = &self.slot else {
            world.trace.show(format_args!("cache: none"));
            return self.make(0, world, deadline).await;
        };
        let now = world.clock.now();
        let kept = match slot.read(world.clock) {
            Ok(session) if freshness(&session, now) != Freshness::Expired => session,
            Ok(over) => {
                slot.show(world.trace, format_args!("miss: what is kept is over"));
                return self.make_for_all(slot, over.clock_offset, world, deadline).await;
            }
            Err(miss) => {
                slot.show(world.trace, format_args!("miss: {miss}"));
                return self.make_for_all(slot, 0, world, deadline).await;
            }
        };
        slot.show(world.trace, format_args!("hit, {} s are left", kept.left(now)));
        match freshness(&kept, now) {
            Freshness::Fresh => Ok(kept.into()),
            _ => self.refresh(slot, kept, world, deadline).await,
        }
    }

    /// Returns a session in place of a kept one that AWS does not take.
    pub async fn instead_of(
        &self,
        refused: &Session,
        world: &World<'_>,
        deadline: Deadline,
    ) -> Result<Vended, Error> {
        let is_refused =
            |other: &Session| other.credentials.access_key_id == refused.credentials.access_key_id;
        if let Some(slot) = &self.slot
            && slot.read(world.clock).is_ok_and(|kept| is_refused(&kept))
        {
            slot.show(world.trace, format_args!("AWS does not take what is kept: it is dropped"));
            if let Err(error) = slot.store.remove(slot.name.as_str()) {
                slot.show(world.trace, format_args!("it stays: {error}"));
                return self.make(0, world, deadline).await;
            }
        }
        self.session(world, deadline).await
    }

    /// Refreshes what could be served as it is, where it is this process's turn.
    async fn refresh(
        &self,
        slot: &Slot<'_>,
        kept: Session,
        world: &World<'_>,
        deadline: Deadline,
    ) -> Result<Vended, Error> {
        let lock = match slot.turn(world.clock.now()) {
            Turn::Ours(lock) => lock,
            Turn::Others(why) => {
                slot.show(world.trace, format_args!("served as it is: {why}"));
                return Ok(kept.into());
            }
        };
        if let Some(fresh) = slot.fresh(world) {
            return Ok(fresh.into());
        }
        let uptime = world.clock.uptime();
        let patience = patience_of_refresh(deadline.remaining(uptime));
        let made = self.make(kept.clock_offset, world, Deadline::new(uptime, patience)).await;
        match made {
            Ok(made) => {
                if !slot.keep(&made.session, world) {
                    // Else each run would refresh it, and none would be the last.
                    slot.note_failure(lock, None, world);
                }
                Ok(made)
            }
            Err(error) => {
                slot.note_failure(lock, Some(&error), world);
                if freshness(&kept, world.clock.now()) == Freshness::Expired {
                    slot.show(world.trace, format_args!("it was over before the refresh failed"));
                    return Err(error);
                }
                slot.show(
                    world.trace,
                    format_args!("served as it is, for the refresh failed: {error}"),
                );
                Ok(kept.into())
            }
        }
    }

    /// Makes a session for this process and for those that wait for it, or waits for theirs.
    async fn make_for_all(
        &self,
        slot: &Slot<'_>,
        clock_offset: i64,
        world: &World<'_>,
        deadline: Deadline,
    ) -> Result<Vended, Error> {
        let make = self.make(clock_offset, world, deadline);
        let (made, lock) = match slot.wait(world, deadline).await {
            Waited::Served(session) => return Ok(session.into()),
            Waited::Failed(error) => return Err(error),
            Waited::Locked(lock) => (make.await, Some(lock)),
            Waited::Second(lock) => match select(pin!(make), pin!(slot.watch(world))).await {
                Either::Left((made, _)) => (made, Some(lock)),
                Either::Right((session, _)) => return Ok(session.into()),
            },
            Waited::Unlocked => (make.await, None),
        };
        match (&made, lock) {
            (Ok(made), _) => {
                slot.keep(&made.session, world);
            }
            (Err(error), Some(lock)) => slot.note_failure(lock, Some(error), world),
            (Err(_), None) => {}
        }
        made
    }

    async fn make(
        &self,
        clock_offset: i64,
        world: &World<'_>,
        deadline: Deadline,
    ) -> Result<Vended, Error> {
        let session = self.provider.fetch(clock_offset, world, deadline).await?;
        Ok(Vended { session, origin: Origin::Aws })
    }
}

impl From<Session> for Vended {
    fn from(session: Session) -> Self {
        Self { session, origin: Origin::Cache }
    }
}

#[cfg(test)]
mod tests;
