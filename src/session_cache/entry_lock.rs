//! The place of one session in a store: what is kept, whose turn it is, who waits.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::output::error::{Error, Kind};
use crate::session_cache::entry::Entry;
use crate::session_cache::failure_record::Note;
use crate::session_cache::key::Name;
use crate::session_cache::policy::{freshness, litter, may_refresh, patience_of_waiting};
use crate::session_cache::{Lock, Store};
use roles_anywhere_client::aws::retry::Deadline;
use roles_anywhere_client::credentials::{Freshness, Session};
use roles_anywhere_client::ports::{Trace, World};
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::time::{Clock, Timestamp};

/// The place of one session in a store.
pub(super) struct Slot<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) name: Name,
    pub(super) provider: &'a RolesAnywhere,
}

/// Whose turn it is to refresh a session that is due.
pub(super) enum Turn<'a> {
    Ours(Box<dyn Lock + 'a>),
    Others(NotOurs),
}

/// Why a session that is due is not refreshed by this process.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotOurs {
    #[error("another process refreshes it")]
    Busy,
    #[error("a refresh failed a moment ago")]
    Pause,
    #[error("there is no lock to be had: {0}")]
    NoLock(io::Error),
}

/// What came of waiting for another process.
pub(super) enum Waited<'a> {
    /// It made a session.
    Served(Session),
    /// It is this process's turn.
    Locked(Box<dyn Lock + 'a>),
    /// It is this process's turn, while the one before may still make it.
    Second(Box<dyn Lock + 'a>),
    /// It failed, and so would this one.
    Failed(Error),
    /// It is to be done without a lock.
    Unlocked,
}

/// Why nothing is served from the cache.
#[derive(Debug, thiserror::Error)]
pub(super) enum Miss {
    #[error("nothing is kept")]
    Absent,
    #[error("what is kept is damaged")]
    Damaged,
    #[error("what is kept cannot be read: {0}")]
    Unreadable(io::Error),
}

/// How often is looked whether another process is done.
const INTERVAL: Duration = Duration::from_millis(15);
/// The same, after half of the time: there may be many that look.
const LONG_INTERVAL: Duration = Duration::from_millis(50);

/// Which lock was taken.
enum Locked<'a> {
    First(Box<dyn Lock + 'a>),
    Second(Box<dyn Lock + 'a>),
    No,
}

/// Another process was waited for, and time was up.
#[derive(Debug, thiserror::Error)]
#[error("no session within {} s: another process still waits for AWS", limit.as_secs())]
struct Late {
    limit: Duration,
}

impl From<Late> for Error {
    fn from(error: Late) -> Self {
        Self::new(Kind::Unreachable, error)
            .hint("check the network and any proxy to it; `--timeout SECONDS` allows more time")
    }
}

impl<'a> Slot<'a> {
    /// Returns the session that is kept.
    pub(super) fn read(&self, clock: &dyn Clock) -> Result<Session, Miss> {
        let bytes = self.store.read(self.name.as_str()).map_err(Miss::Unreadable)?;
        let bytes = bytes.ok_or(Miss::Absent)?;
        let entry = Entry::parse(&self.name, bytes.expose()).ok_or(Miss::Damaged)?;
        Ok(entry.into_session(clock.now(), clock.running().as_ref()))
    }

    /// Returns what another process refreshed meanwhile.
    pub(super) fn fresh(&self, world: &World<'_>) -> Option<Session> {
        let session = self.read(world.clock).ok()?;
        let is_fresh = freshness(&session, world.clock.now()) == Freshness::Fresh;
        is_fresh.then(|| {
            self.show(world.trace, format_args!("another process made it meanwhile"));
            session
        })
    }

    /// Takes the lock of a refresh, where there is to be one.
    pub(super) fn turn(&self, now: Timestamp) -> Turn<'a> {
        if !may_refresh(self.note().as_ref().map(Note::failed), now) {
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
    /// Once one has failed on AWS's side, so have all that wait: if each tried, AWS would be called
    /// most when it can do least. After another failure (a proxy, a password, less time) they try by
    /// themselves, at the same time: one after the other they would wait for ever.
    ///
    /// From half of the time on, one of those that wait calls AWS too, since the one that they wait
    /// for may be stuck. The others wait to their own ends, and so do those that have too little time
    /// left after another one had too little.
    pub(super) async fn wait(&self, world: &World<'_>, deadline: Deadline) -> Waited<'a> {
        let before = self.notes();
        let proxy = self.proxy(world);
        let begun = world.clock.uptime();
        let until = begun + patience_of_waiting(deadline.remaining(begun));
        loop {
            let now = world.clock.uptime();
            let locked = self.lock(now >= until);
            // Only after the lock: the process that had it has written what there is to read.
            if let Some(session) = self.fresh(world) {
                return Waited::Served(session);
            }
            let failure = news(self.notes(), &before);
            if let Some(error) = failure.iter().find_map(|note| note.error(proxy.as_deref())) {
                return Waited::Failed(error);
            }
            let left = deadline.remaining(now);
            let locked = match failure.iter().any(|note| note.is_hopeless(left)) {
                true => Ok(Locked::No),
                false => locked,
            };
            match locked {
                Ok(Locked::First(lock)) => return Waited::Locked(lock),
                Ok(Locked::Second(lock)) => {
                    self.show(world.trace, format_args!("another process takes too long"));
                    return Waited::Second(lock);
                }
                Ok(Locked::No) if failure.iter().any(|note| note.may_do_better(left)) => {
                    self.show(world.trace, format_args!("another process failed"));
                    return Waited::Unlocked;
                }
                Ok(Locked::No) if left.is_zero() => {
                    return Waited::Failed(Late { limit: deadline.limit() }.into());
                }
                Ok(Locked::No) => {
                    let interval = if now >= until { LONG_INTERVAL } else { INTERVAL };
                    world.timer.sleep(interval.min(left)).await;
                }
                Err(error) => {
                    self.show(world.trace, format_args!("no lock: {error}"));
                    return Waited::Unlocked;
                }
            }
        }
    }

    /// Takes the first lock, or the second one if it may.
    fn lock(&self, may_be_second: bool) -> io::Result<Locked<'a>> {
        if let Some(lock) = self.store.try_lock(&self.name.lock())? {
            return Ok(Locked::First(lock));
        }
        if may_be_second && let Some(lock) = self.store.try_lock(&self.name.second_lock())? {
            return Ok(Locked::Second(lock));
        }
        Ok(Locked::No)
    }

    /// Returns what another process makes, while this one makes it too.
    pub(super) async fn watch(&self, world: &World<'_>) -> Session {
        loop {
            world.timer.sleep(LONG_INTERVAL).await;
            if let Some(session) = self.fresh(world) {
                return session;
            }
        }
    }

    /// Returns how a process that had the lock failed last.
    fn note(&self) -> Option<Note> {
        self.note_in(&self.name.lock())
    }

    /// Returns how processes that had the first and the second lock failed last.
    fn notes(&self) -> [Option<Note>; 2] {
        [self.note(), self.note_in(&self.name.second_lock())]
    }

    fn note_in(&self, file: &str) -> Option<Note> {
        let note = self.store.read(file).ok()??;
        Note::parse(note.expose())
    }

    fn proxy(&self, world: &World<'_>) -> Option<String> {
        world.transport.proxy(&self.provider.session.endpoint)
    }

    /// Notes for the other processes that this one failed, by `error` where it is theirs too.
    pub(super) fn note_failure(
        &self,
        mut lock: Box<dyn Lock + '_>,
        error: Option<&Error>,
        world: &World<'_>,
    ) {
        let note = Note::new(world.entropy.bits(), world.clock.now());
        let note = match error {
            Some(error) => note.with(error, self.proxy(world)),
            None => note,
        };
        if let Err(error) = lock.write(&note.render()) {
            self.show(world.trace, format_args!("could not note the failure: {error}"));
        }
    }

    /// Keeps a session, where that can be, and clears away what is over for long.
    pub(super) fn keep(&self, session: &Session, world: &World<'_>) -> bool {
        let running = world.clock.running();
        let entry = Entry::new(&self.provider.session, session.clone(), running);
        let bytes = entry.render(&self.name);
        if let Err(error) = self.store.write(self.name.as_str(), bytes.expose()) {
            self.show(world.trace, format_args!("not kept: {error}"));
            return false;
        }
        self.show(world.trace, format_args!("kept"));
        let files = self.store.list().ok().flatten().unwrap_or_default();
        for file in litter(&files, world.clock.now()) {
            // What cannot be removed is another writer's to remove.
            let _ = self.store.remove(file);
        }
        true
    }

    /// Shows what becomes of the session.
    pub(super) fn show(&self, trace: &dyn Trace, message: fmt::Arguments<'_>) {
        trace.show(format_args!("cache: {}: {message}", self.name));
    }
}

/// Returns the notes that are not those of `before`.
fn news(notes: [Option<Note>; 2], before: &[Option<Note>; 2]) -> Vec<Note> {
    let is_news = |(note, before): (Option<Note>, &Option<Note>)| {
        note.filter(|note| note.differs_from(before.as_ref()))
    };
    notes.into_iter().zip(before).filter_map(is_news).collect()
}

#[cfg(test)]
mod tests;
