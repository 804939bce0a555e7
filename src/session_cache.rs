//! Sessions on disk, shared by the processes of one user: what is served, who refreshes, who waits.
//!
//! Read [`SessionCache::session`] first. [`private_dir`](crate::private_dir) is how files are stored
//! (locks, atomic writes); the modules of this one are what they hold.

pub mod entry;
mod entry_lock;
mod failure_record;
pub mod key;
pub mod policy;
pub mod renewal;

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};

use crate::output::error::Error;
use crate::private_dir::{ConfiguredDir, Store};
use entry_lock::{CachedSession, EntryHandle, RefreshLock, WaitOutcome};
use key::CacheKey;
use policy::{freshness, refresh_timeout};
use roles_anywhere_client::credentials::{Freshness, Session};
use roles_anywhere_client::http::Trust;
use roles_anywhere_client::identity::{IdentitySource, Permissions};
use roles_anywhere_client::input_source::Files;
use roles_anywhere_client::input_source::snapshot::Snapshot;
use roles_anywhere_client::ports::{Ports, Trace};
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::provider::fallback::{FallbackState, Fetched, MadeBy, Order};
use roles_anywhere_client::provider::secrets_manager::ServiceCallError;
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
    /// The sessions before the last hop, and the index of that hop; `None` if there is no hop.
    before: Option<(Box<Self>, usize)>,
}

/// A session and its source.
#[derive(Clone, Debug)]
pub struct ServedSession {
    /// The session.
    pub session: Session,
    /// Its source.
    pub from: ServedFrom,
    /// The trust anchor of the first session of its chain.
    pub made_by: MadeBy,
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
        let first = Self { provider, cached: None, before: None };
        let after = |before, index| Self {
            provider,
            cached: None,
            before: Some((Box::new(before), index)),
        };
        (0..provider.hops.len()).fold(first, after)
    }

    /// Returns one that caches the sessions of `identity` in `store`; `trust` is what the endpoint's
    /// certificate is verified with.
    ///
    /// In a chain of roles, the session of each hop is an entry of its own, so chains share the
    /// sessions of the hops that they have in common.
    pub fn new(
        provider: &'a RolesAnywhere,
        identity: &Snapshot,
        trust: &Trust,
        store: &'a dyn Store,
    ) -> Self {
        let mut key = CacheKey::new(&provider.session, identity.digest(), trust)
            .with_fallbacks(&provider.fallbacks);
        let cached = EntryHandle { store, key: key.clone(), provider, hop: None };
        let mut cache = Self { provider, cached: Some(cached), before: None };
        for (index, hop) in provider.hops.iter().enumerate() {
            key = key.after(hop);
            let cached = EntryHandle { store, key: key.clone(), provider, hop: Some(hop) };
            let before = Some((Box::new(cache), index));
            cache = Self { provider, cached: Some(cached), before };
        }
        cache
    }

    /// Returns the provider of the sessions.
    pub fn provider(&self) -> &RolesAnywhere {
        self.provider
    }

    /// Returns the cached session, unless it has expired. Changes nothing.
    pub fn stored(&self, clock: &dyn Clock) -> Option<Session> {
        let found = self.cached.as_ref()?.read(clock).ok()?;
        (found.freshness(clock.now()) != Freshness::Expired).then_some(found.session)
    }

    /// Returns the cached session if this process has nothing else to do: neither to fetch one, nor to
    /// wait, nor to refresh it for later runs.
    pub fn ready(&self, clock: &dyn Clock, trace: &dyn Trace) -> Option<Session> {
        let cached = self.cached.as_ref()?;
        let found = cached.read(clock).ok()?;
        let now = clock.now();
        let ready = match found.freshness(now) {
            Freshness::Fresh => true,
            Freshness::Due => {
                matches!(cached.try_refresh_lock(now), RefreshLock::NotAcquired(_))
            }
            Freshness::Expired => false,
        };
        ready.then(|| {
            cached.trace(trace, format_args!("{}", found.describe(now)));
            found.session
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
            return Ok(self.fetch(Order::PrimaryFirst, 0, ports, deadline).await?.into());
        };
        let now = ports.clock.now();
        let found = match cached.read(&*ports.clock) {
            Ok(found) if found.freshness(now) != Freshness::Expired => found,
            Ok(CachedSession { session, fallback, .. }) => {
                cached.trace(&*ports.trace, format_args!("miss: the cached session has expired"));
                let known = (fallback, session.clock_offset);
                return self.fetch_or_wait(cached, known, ports, deadline).await;
            }
            Err(miss) => {
                cached.trace(&*ports.trace, format_args!("miss: {miss}"));
                let known = (FallbackState::default(), 0);
                return self.fetch_or_wait(cached, known, ports, deadline).await;
            }
        };
        cached.trace(&*ports.trace, format_args!("{}", found.describe(now)));
        match (found.freshness(now), found.order(now)) {
            (Freshness::Fresh, _) => Ok(found.into()),
            (_, Order::PrimaryOnly) => self.probe(cached, found, ports, deadline).await,
            (_, order) => self.refresh(cached, (found, order), ports, deadline).await,
        }
    }

    /// Asks the primary trust anchor again, if this process gets the lock, while the session `found` of a
    /// fallback is valid; serves that session if not, or on failure.
    async fn probe(
        &self,
        cached: &EntryHandle<'_>,
        found: CachedSession,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<ServedSession, Error> {
        let lock = match cached.try_refresh_lock(ports.clock.now()) {
            RefreshLock::Acquired(lock) => lock,
            RefreshLock::NotAcquired(_) => return Ok(found.into()),
        };
        if let Some(refreshed) = cached.refreshed(ports) {
            return Ok(refreshed.into());
        }
        let (uptime, offset) = (ports.clock.uptime(), found.session.clock_offset);
        let limit = Deadline::new(uptime, refresh_timeout(deadline.remaining(uptime)));
        let (is_stored, served) = match self
            .provider
            .fetch_in(Order::PrimaryOnly, offset, ports, limit)
            .await
        {
            Ok(fetched) => (cached.store_session(&fetched, found.fallback, ports), fetched.into()),
            Err(error) => {
                cached.trace(
                    &*ports.trace,
                    format_args!("still used: the primary trust anchor made no session: {error}"),
                );
                let (now, random) = (ports.clock.now().unix(), ports.entropy.bits());
                let after = found.fallback.probe_failed(&error, now, random);
                (cached.store_backoff(&found, after), found.into())
            }
        };
        if !is_stored {
            // Without the record, each run would ask again.
            cached.record_failure(lock, None, ports);
        }
        Ok(served)
    }

    /// Calls a service with a session. If the service refuses a cached one, the call is repeated once with
    /// a new one.
    pub async fn call<T>(
        &self,
        ports: &Ports,
        deadline: Deadline,
        call: impl AsyncFn(&Session) -> Result<T, ServiceCallError>,
    ) -> Result<T, Error> {
        let ServedSession { session, from, .. } = self.session(ports, deadline).await?;
        match call(&session).await {
            Err(ServiceCallError::SessionRefused(_)) if from == ServedFrom::Cache => {
                let other = self.replace(&session, ports, deadline).await?.session;
                Ok(call(&other).await?)
            }
            outcome => Ok(outcome?),
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
            && cached.read(&*ports.clock).is_ok_and(|found| is_rejected(&found.session))
        {
            cached.trace(
                &*ports.trace,
                format_args!("AWS refused the cached session, which is removed"),
            );
            if let Err(error) = cached.store.remove(cached.key.as_str()) {
                cached.trace(&*ports.trace, format_args!("it cannot be removed: {error}"));
                return Ok(self.fetch(Order::PrimaryFirst, 0, ports, deadline).await?.into());
            }
        }
        self.session(ports, deadline).await
    }

    /// Refreshes the session `found` if this process gets the lock; serves it as it is if not, or on
    /// failure.
    async fn refresh(
        &self,
        cached: &EntryHandle<'_>,
        (found, order): (CachedSession, Order),
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<ServedSession, Error> {
        let (session, fallback) = (&found.session, found.fallback);
        let lock = match cached.try_refresh_lock(ports.clock.now()) {
            RefreshLock::Acquired(lock) => lock,
            RefreshLock::NotAcquired(why) => {
                cached.trace(&*ports.trace, format_args!("used without a refresh: {why}"));
                return Ok(found.into());
            }
        };
        if let Some(refreshed) = cached.refreshed(ports) {
            return Ok(refreshed.into());
        }
        let uptime = ports.clock.uptime();
        let timeout = refresh_timeout(deadline.remaining(uptime));
        let limit = Deadline::new(uptime, timeout);
        let fetched = self.fetch(order, session.clock_offset, ports, limit).await;
        match fetched {
            Ok(fetched) => {
                if !cached.store_session(&fetched, fallback, ports) {
                    // The cached session stays due: without the record, each run would refresh it.
                    cached.record_failure(lock, None, ports);
                }
                Ok(fetched.into())
            }
            Err(error) => {
                cached.record_failure(lock, Some(&error), ports);
                if freshness(session, ports.clock.now()) == Freshness::Expired {
                    cached
                        .trace(&*ports.trace, format_args!("it expired before the refresh failed"));
                    return Err(error);
                }
                cached.trace(
                    &*ports.trace,
                    format_args!("used without a refresh, which failed: {error}"),
                );
                Ok(found.into())
            }
        }
    }

    /// Fetches a session for this process and for those that wait for it, or waits for another one.
    async fn fetch_or_wait(
        &self,
        cached: &EntryHandle<'_>,
        (fallback, clock_offset): (FallbackState, i64),
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<ServedSession, Error> {
        let order = fallback.order(ports.clock.now().unix());
        let fetch = self.fetch(order, clock_offset, ports, deadline);
        let (fetched, lock) = match cached.wait(ports, deadline).await {
            WaitOutcome::Refreshed(found) => return Ok(found.into()),
            WaitOutcome::Failed(error) => return Err(error),
            WaitOutcome::FirstLock(lock) => (fetch.await, Some(lock)),
            WaitOutcome::SecondLock(lock) => {
                match select(pin!(fetch), pin!(cached.wait_for_refresh(ports))).await {
                    Either::Left((fetched, _)) => (fetched, Some(lock)),
                    Either::Right((found, _)) => return Ok(found.into()),
                }
            }
            WaitOutcome::NoLock => (fetch.await, None),
        };
        match (&fetched, lock) {
            (Ok(fetched), _) => {
                cached.store_session(fetched, fallback, ports);
            }
            (Err(error), Some(lock)) => cached.record_failure(lock, Some(error), ports),
            (Err(_), None) => {}
        }
        Ok(fetched?.into())
    }

    async fn fetch(
        &self,
        order: Order,
        clock_offset: i64,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Fetched, Error> {
        let Some((before, index)) = &self.before else {
            return Ok(self.provider.fetch_in(order, clock_offset, ports, deadline).await?);
        };
        self.assume(before, *index, ports, deadline).await
    }

    /// Makes a hop with the session before it, which is refreshed first if it is due. A cached one that
    /// AWS does not accept is replaced, once.
    async fn assume(
        &self,
        before: &Self,
        index: usize,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Fetched, Error> {
        // Boxed, as a future cannot contain itself.
        let mut served = Box::pin(before.session(ports, deadline)).await?;
        let previous = (&served.session, &served.made_by);
        let mut assumed = self.provider.assume(index, previous, ports, deadline).await;
        if let Err(error) = &assumed
            && error.refuses_previous_session()
            && served.from == ServedFrom::Cache
        {
            served = Box::pin(before.replace(&served.session, ports, deadline)).await?;
            let previous = (&served.session, &served.made_by);
            assumed = self.provider.assume(index, previous, ports, deadline).await;
        }
        // When the primary trust anchor is asked again is stored with the first session only.
        Ok(Fetched {
            session: assumed?,
            made_by: served.made_by,
            primary_error: None,
            renewal_error: None,
        })
    }
}

impl From<Fetched> for ServedSession {
    fn from(fetched: Fetched) -> Self {
        let Fetched { session, made_by, primary_error: _, renewal_error: _ } = fetched;
        Self { session, from: ServedFrom::Aws, made_by }
    }
}

impl From<CachedSession> for ServedSession {
    fn from(cached: CachedSession) -> Self {
        let CachedSession { session, made_by, .. } = cached;
        Self { session, from: ServedFrom::Cache, made_by }
    }
}

#[cfg(test)]
mod tests;
