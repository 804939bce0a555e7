//! Where a command gets its session from: the cache, else AWS.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::cache::entry::Entry;
use crate::cache::name::Name;
use crate::cache::policy::{
    Standing, litter, may_refresh, patience_of_refresh, patience_of_waiting, standing,
};
use crate::cache::{Lock, Store};
use crate::call::Deadline;
use crate::credentials::Session;
use crate::error::Error;
use crate::files::Files;
use crate::files::snapshot::Snapshot;
use crate::http::Trust;
use crate::identity::{IdentitySource, Permissions};
use crate::provider::RolesAnywhere;
use crate::time::{Clock, Timestamp};
use crate::world::{Trace, World};

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
        Self { provider, slot: Some(Slot { store, name }) }
    }

    /// Returns the provider that makes them.
    pub fn provider(&self) -> &RolesAnywhere {
        self.provider
    }

    /// Returns a session where one can be had without waiting for AWS or for another process, and
    /// nothing is to be done for those to come.
    pub fn ready(&self, clock: &dyn Clock, trace: &dyn Trace) -> Option<Session> {
        let slot = self.slot.as_ref()?;
        let session = slot.read().ok()?;
        let now = clock.now();
        let ready = match standing(&session, now) {
            Standing::Fresh => true,
            Standing::Due => matches!(slot.turn(now), Turn::Others(_)),
            Standing::Dead => false,
        };
        ready.then(|| {
            slot.show(trace, format_args!("hit, {} s are left", session.left(now)));
            session
        })
    }

    /// Returns a session.
    ///
    /// A kept one that is valid is served, come what may. From [`Standing::Due`] on, the process that
    /// gets the lock refreshes it first. Where there is none, one process makes it while the others
    /// wait for it, though not for longer than half of their time.
    pub async fn session(&self, world: &World<'_>, deadline: Deadline) -> Result<Vended, Error> {
        let Some(slot) = &self.slot else {
            world.trace.show(format_args!("cache: none"));
            return self.make(0, world, deadline).await;
        };
        let now = world.clock.now();
        let kept = match slot.read() {
            Ok(session) if standing(&session, now) != Standing::Dead => session,
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
        match standing(&kept, now) {
            Standing::Fresh => Ok(kept.into()),
            _ => Ok(self.refresh(slot, kept, world, deadline).await),
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
            && slot.read().is_ok_and(|kept| is_refused(&kept))
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
    ) -> Vended {
        let lock = match slot.turn(world.clock.now()) {
            Turn::Ours(lock) => lock,
            Turn::Others(why) => {
                slot.show(world.trace, format_args!("served as it is: {why}"));
                return kept.into();
            }
        };
        if let Some(fresh) = slot.fresh(world) {
            return fresh.into();
        }
        let uptime = world.clock.uptime();
        let patience = patience_of_refresh(deadline.remaining(uptime));
        let made = self.make(kept.clock_offset, world, Deadline::new(uptime, patience)).await;
        match made {
            Ok(made) => {
                slot.keep(self.provider, &made.session, world);
                made
            }
            Err(error) => {
                slot.show(
                    world.trace,
                    format_args!("served as it is, for the refresh failed: {error}"),
                );
                slot.note_failure(lock, world);
                kept.into()
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
        let lock = match slot.wait(world, deadline).await {
            Waited::Served(session) => return Ok(session.into()),
            Waited::Locked(lock) => Some(lock),
            Waited::Unlocked => None,
        };
        let made = self.make(clock_offset, world, deadline).await;
        match (&made, lock) {
            (Ok(made), _) => slot.keep(self.provider, &made.session, world),
            (Err(_), Some(lock)) => slot.note_failure(lock, world),
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

/// The place of one session in a store.
struct Slot<'a> {
    store: &'a dyn Store,
    name: Name,
}

/// Whose turn it is to refresh a session that is due.
enum Turn<'a> {
    Ours(Box<dyn Lock + 'a>),
    Others(NotOurs),
}

/// Why a session that is due is not refreshed by this process.
#[derive(Debug, thiserror::Error)]
enum NotOurs {
    #[error("another process refreshes it")]
    Busy,
    #[error("a refresh failed a moment ago")]
    Pause,
    #[error("there is no lock to be had: {0}")]
    NoLock(io::Error),
}

/// What came of waiting for another process.
enum Waited<'a> {
    /// It made a session.
    Served(Session),
    /// It is this process's turn.
    Locked(Box<dyn Lock + 'a>),
    /// It is to be done without a lock.
    Unlocked,
}

/// Why nothing is served from the cache.
#[derive(Debug, thiserror::Error)]
enum Miss {
    #[error("nothing is kept")]
    Absent,
    #[error("what is kept is damaged")]
    Damaged,
    #[error("what is kept cannot be read: {0}")]
    Unreadable(io::Error),
}

/// How often is looked whether another process is done.
const INTERVAL: Duration = Duration::from_millis(15);

impl<'a> Slot<'a> {
    fn read(&self) -> Result<Session, Miss> {
        let bytes = self.store.read(self.name.as_str()).map_err(Miss::Unreadable)?;
        let bytes = bytes.ok_or(Miss::Absent)?;
        let entry = Entry::parse(&self.name, bytes.expose()).ok_or(Miss::Damaged)?;
        Ok(entry.session)
    }

    /// Returns what another process refreshed meanwhile.
    fn fresh(&self, world: &World<'_>) -> Option<Session> {
        let session = self.read().ok()?;
        let is_fresh = standing(&session, world.clock.now()) == Standing::Fresh;
        is_fresh.then(|| {
            self.show(world.trace, format_args!("another process made it meanwhile"));
            session
        })
    }

    /// Takes the lock of a refresh, where there is to be one.
    fn turn(&self, now: Timestamp) -> Turn<'a> {
        if !may_refresh(self.failed(), now) {
            return Turn::Others(NotOurs::Pause);
        }
        match self.store.try_lock(&self.name.lock()) {
            Ok(Some(lock)) => Turn::Ours(lock),
            Ok(None) => Turn::Others(NotOurs::Busy),
            Err(error) => Turn::Others(NotOurs::NoLock(error)),
        }
    }

    /// Waits until another process has made a session, failed, or cannot be waited for any longer.
    ///
    /// Once one has failed, all that wait try by themselves, at the same time: its reason (a proxy, a
    /// password, less time) need not be theirs, and one after the other they would wait for ever.
    async fn wait(&self, world: &World<'_>, deadline: Deadline) -> Waited<'a> {
        let (start, begun) = (world.clock.now(), world.clock.uptime());
        let until = begun + patience_of_waiting(deadline.remaining(begun));
        loop {
            let locked = self.store.try_lock(&self.name.lock());
            // Only after the lock: whoever had it has written what there is to read.
            if let Some(session) = self.fresh(world) {
                return Waited::Served(session);
            }
            match locked {
                Ok(Some(lock)) => return Waited::Locked(lock),
                Ok(None) if self.failed().is_some_and(|failed| failed >= start) => {
                    self.show(world.trace, format_args!("another process failed"));
                    return Waited::Unlocked;
                }
                Ok(None) if world.clock.uptime() >= until => {
                    self.show(world.trace, format_args!("another process takes too long"));
                    return Waited::Unlocked;
                }
                Ok(None) => world.timer.sleep(INTERVAL).await,
                Err(error) => {
                    self.show(world.trace, format_args!("no lock: {error}"));
                    return Waited::Unlocked;
                }
            }
        }
    }

    /// Returns when a process that had the lock failed last.
    fn failed(&self) -> Option<Timestamp> {
        let note = self.store.read(&self.name.lock()).ok()??;
        let seconds = std::str::from_utf8(note.expose()).ok()?.strip_suffix('\n')?;
        seconds.parse().ok().map(Timestamp::from_unix)
    }

    fn note_failure(&self, mut lock: Box<dyn Lock + '_>, world: &World<'_>) {
        let note = format!("{}\n", world.clock.now().unix());
        if let Err(error) = lock.write(note.as_bytes()) {
            self.show(world.trace, format_args!("could not note the failure: {error}"));
        }
    }

    /// Keeps a session, and clears away what is over for long.
    fn keep(&self, provider: &RolesAnywhere, session: &Session, world: &World<'_>) {
        let bytes = Entry::new(&provider.session, session.clone()).render(&self.name);
        match self.store.write(self.name.as_str(), bytes.expose()) {
            Ok(()) => self.show(world.trace, format_args!("kept")),
            Err(error) => return self.show(world.trace, format_args!("not kept: {error}")),
        }
        let files = self.store.list().unwrap_or_default();
        for file in litter(&files, world.clock.now()) {
            // What cannot be removed is another writer's to remove.
            let _ = self.store.remove(file);
        }
    }

    fn show(&self, trace: &dyn Trace, message: fmt::Arguments<'_>) {
        trace.show(format_args!("cache: {}: {message}", self.name));
    }
}
