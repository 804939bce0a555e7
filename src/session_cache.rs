//! Sessions on disk, shared by the processes of one user: what is served, who refreshes, who waits.
//!
//! Read [`SessionCache::session`] first. [`private_dir`](crate::private_dir) is how files are stored
//! (locks, atomic writes); the modules of this one are what they hold.

pub mod entry;
mod entry_lock;
mod failure_record;
pub mod key;
pub mod policy;

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};

use crate::output::error::Error;
use crate::private_dir::{ConfiguredDir, Store};
use entry_lock::{EntryHandle, RefreshLock, WaitOutcome};
use key::CacheKey;
use policy::{freshness, refresh_timeout};
use roles_anywhere_client::credentials::{Freshness, Session};
use roles_anywhere_client::http::Trust;
use roles_anywhere_client::identity::{IdentitySource, Permissions};
use roles_anywhere_client::input_source::Files;
use roles_anywhere_client::input_source::snapshot::Snapshot;
use roles_anywhere_client::ports::{Ports, Trace};
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::time::{Clock, Deadline};

/// Where sessions are cached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CacheLocation {
    /// They are not cached.
    Disabled,
    /// In this directory.
    Dir(ConfiguredDir),
}

/// The session of one provider, from the cache or from AWS.
#[expect(missing_debug_implementations, reason = "holds a reference to a port")]
pub struct SessionCache<'a> {
    provider: &'a RolesAnywhere,
    cached: Option<EntryHandle<'a>>,
}

/// A session and where it is from.
#[derive(Clone, Debug)]
pub struct ServedSession {
    /// The session.
    pub session: Session,
    /// Where it is from.
    pub from: ServedFrom,
}

/// Where a session is from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ServedFrom {
    /// An earlier run or another process stored it.
    Cache,
    /// It was fetched in this run.
    Aws,
}

/// Reads the inputs of an identity, all at once; `None` if its sessions must not be cached.
///
/// An input that cannot be read is no error here: opening the identity reports it better. A session is
/// not cached for a private key that is going to be refused because other users can read it.
pub fn snapshot_identity(source: &IdentitySource, files: &Arc<dyn Files>) -> Option<Snapshot> {
    let refused = source.permissions == Permissions::Strict
        && source.private_key.readable_by_others(&**files).is_some();
    if refused { None } else { source.snapshot(files).ok() }
}

impl<'a> SessionCache<'a> {
    /// Returns one that fetches each session from AWS and stores none.
    pub fn disabled(provider: &'a RolesAnywhere) -> Self {
        Self { provider, cached: None }
    }

    /// Returns one that caches the sessions of `identity` in `store`; `trust` is what the endpoint's
    /// certificate is verified with.
    pub fn new(
        provider: &'a RolesAnywhere,
        identity: &Snapshot,
        trust: &Trust,
        store: &'a dyn Store,
    ) -> Self {
        let key = CacheKey::new(&provider.session, identity.digest(), trust);
        Self { provider, cached: Some(EntryHandle { store, key, provider }) }
    }

    /// Returns the provider of the sessions.
    pub fn provider(&self) -> &RolesAnywhere {
        self.provider
    }

    /// Returns the cached session if this process has nothing else to do: neither to fetch one, nor to
    /// wait, nor to refresh it for later runs.
    pub fn ready(&self, clock: &dyn Clock, trace: &dyn Trace) -> Option<Session> {
        let cached = self.cached.as_ref()?;
        let session = cached.read(clock).ok()?;
        let now = clock.now();
        let ready = match freshness(&session, now) {
            Freshness::Fresh => true,
            Freshness::Due => {
                matches!(cached.try_refresh_lock(now), RefreshLock::NotAcquired(_))
            }
            Freshness::Expired => false,
        };
        ready.then(|| {
            cached.trace(trace, format_args!("hit, valid for {} s", session.seconds_left(now)));
            session
        })
    }

    /// Returns a session.
    ///
    /// A cached one that is valid is always served. If it is [`Freshness::Due`], the process that gets
    /// the lock refreshes it first. If there is none, one process fetches it while the others wait for
    /// it; after half of their time, one of them fetches it too.
    pub async fn session(&self, ports: &Ports, deadline: Deadline) -> Result<ServedSession, Error> {
        let Some(cached) = &self.cached else {
            ports.trace.show(format_args!("cache: none"));
            return self.fetch(0, ports, deadline).await;
        };
        let now = ports.clock.now();
        let session = match cached.read(&*ports.clock) {
            Ok(session) if freshness(&session, now) != Freshness::Expired => session,
            Ok(expired) => {
                cached.trace(&*ports.trace, format_args!("miss: the cached session has expired"));
                return self.fetch_or_wait(cached, expired.clock_offset, ports, deadline).await;
            }
            Err(miss) => {
                cached.trace(&*ports.trace, format_args!("miss: {miss}"));
                return self.fetch_or_wait(cached, 0, ports, deadline).await;
            }
        };
        cached.trace(&*ports.trace, format_args!("hit, valid for {} s", session.seconds_left(now)));
        match freshness(&session, now) {
            Freshness::Fresh => Ok(session.into()),
            _ => self.refresh(cached, session, ports, deadline).await,
        }
    }

    /// Returns a session to replace `rejected`, a cached one that AWS does not accept.
    pub async fn replace(
        &self,
        rejected: &Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<ServedSession, Error> {
        let is_rejected =
            |other: &Session| other.credentials.access_key_id == rejected.credentials.access_key_id;
        // Another process may have replaced it already: its session is served.
        if let Some(cached) = &self.cached
            && cached.read(&*ports.clock).is_ok_and(|session| is_rejected(&session))
        {
            cached.trace(
                &*ports.trace,
                format_args!("AWS refused the cached session, which is removed"),
            );
            if let Err(error) = cached.store.remove(cached.key.as_str()) {
                cached.trace(&*ports.trace, format_args!("it cannot be removed: {error}"));
                return self.fetch(0, ports, deadline).await;
            }
        }
        self.session(ports, deadline).await
    }

    /// Refreshes `session` if this process gets the lock; serves it as it is if not, or on failure.
    async fn refresh(
        &self,
        cached: &EntryHandle<'_>,
        session: Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<ServedSession, Error> {
        let lock = match cached.try_refresh_lock(ports.clock.now()) {
            RefreshLock::Acquired(lock) => lock,
            RefreshLock::NotAcquired(why) => {
                cached.trace(&*ports.trace, format_args!("used without a refresh: {why}"));
                return Ok(session.into());
            }
        };
        if let Some(refreshed) = cached.refreshed(ports) {
            return Ok(refreshed.into());
        }
        let uptime = ports.clock.uptime();
        let timeout = refresh_timeout(deadline.remaining(uptime));
        let fetched = self.fetch(session.clock_offset, ports, Deadline::new(uptime, timeout)).await;
        match fetched {
            Ok(fetched) => {
                if !cached.store_session(&fetched.session, ports) {
                    // The cached session stays due: without the record, each run would refresh it.
                    cached.record_failure(lock, None, ports);
                }
                Ok(fetched)
            }
            Err(error) => {
                cached.record_failure(lock, Some(&error), ports);
                if freshness(&session, ports.clock.now()) == Freshness::Expired {
                    cached
                        .trace(&*ports.trace, format_args!("it expired before the refresh failed"));
                    return Err(error);
                }
                cached.trace(
                    &*ports.trace,
                    format_args!("used without a refresh, which failed: {error}"),
                );
                Ok(session.into())
            }
        }
    }

    /// Fetches a session for this process and for those that wait for it, or waits for another one.
    async fn fetch_or_wait(
        &self,
        cached: &EntryHandle<'_>,
        clock_offset: i64,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<ServedSession, Error> {
        let fetch = self.fetch(clock_offset, ports, deadline);
        let (fetched, lock) = match cached.wait(ports, deadline).await {
            WaitOutcome::Refreshed(session) => return Ok(session.into()),
            WaitOutcome::Failed(error) => return Err(error),
            WaitOutcome::FirstLock(lock) => (fetch.await, Some(lock)),
            WaitOutcome::SecondLock(lock) => {
                match select(pin!(fetch), pin!(cached.wait_for_refresh(ports))).await {
                    Either::Left((fetched, _)) => (fetched, Some(lock)),
                    Either::Right((session, _)) => return Ok(session.into()),
                }
            }
            WaitOutcome::NoLock => (fetch.await, None),
        };
        match (&fetched, lock) {
            (Ok(fetched), _) => {
                cached.store_session(&fetched.session, ports);
            }
            (Err(error), Some(lock)) => cached.record_failure(lock, Some(error), ports),
            (Err(_), None) => {}
        }
        fetched
    }

    async fn fetch(
        &self,
        clock_offset: i64,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<ServedSession, Error> {
        let session = self.provider.fetch(clock_offset, ports, deadline).await?;
        Ok(ServedSession { session, from: ServedFrom::Aws })
    }
}

impl From<Session> for ServedSession {
    fn from(session: Session) -> Self {
        Self { session, from: ServedFrom::Cache }
    }
}

#[cfg(test)]
mod tests;
