//! One session of the cache: its entry, the locks of its refresh, and waiting for another process.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::output::error::Error;
use crate::output::run::RunError;
use crate::private_dir::{Lock, Store};
use crate::session_cache::entry::CacheEntry;
use crate::session_cache::failure_record::FailureRecord;
use crate::session_cache::key::{CacheKey, is_cache_file};
use crate::session_cache::policy::{freshness, may_refresh, stale_files, wait_timeout};
use roles_anywhere_client::aws::assume_role::AssumeRole;
use roles_anywhere_client::credentials::{Freshness, Session};
use roles_anywhere_client::ports::{Ports, Trace};
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::provider::fallback::{FallbackState, Fetched, MadeBy, Order};
use roles_anywhere_client::time::{Clock, Deadline, Timestamp};

/// A session of the cache.
pub(super) struct CachedSession {
    pub(super) session: Session,
    /// When the primary trust anchor is asked again, if a fallback made the session.
    pub(super) fallback: FallbackState,
    /// The trust anchor of the first session of its chain.
    pub(super) made_by: MadeBy,
}

impl CachedSession {
    /// Returns whether it is served and refreshed at `now`. One of a fallback is due as soon as the
    /// primary trust anchor may be asked again.
    pub(super) fn freshness(&self, now: Timestamp) -> Freshness {
        match freshness(&self.session, now) {
            Freshness::Fresh if self.fallback.until_probe(now.unix()) == Some(0) => Freshness::Due,
            freshness => freshness,
        }
    }

    /// Returns the order in which the trust anchors are asked for the session after it.
    pub(super) fn order(&self, now: Timestamp) -> Order {
        match freshness(&self.session, now) {
            Freshness::Fresh => Order::PrimaryOnly,
            Freshness::Due | Freshness::Expired => self.fallback.order(now.unix()),
        }
    }

    /// Returns how long it is valid, and which fallback made it.
    pub(super) fn describe(&self, now: Timestamp) -> String {
        let seconds = self.session.seconds_left(now);
        match &self.made_by {
            MadeBy::Fallback(trust_anchor) => {
                let region = trust_anchor.region();
                format!("hit, valid for {seconds} s, made by the fallback {region}")
            }
            MadeBy::Primary(_) => format!("hit, valid for {seconds} s"),
        }
    }
}

/// The session of one key in a store.
pub(super) struct EntryHandle<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) key: CacheKey,
    pub(super) provider: &'a RolesAnywhere,
    /// The last hop of the session, if it has one.
    pub(super) hop: Option<&'a AssumeRole>,
}

/// Whether this process refreshes a session that is due.
pub(super) enum RefreshLock<'a> {
    Acquired(Box<dyn Lock + 'a>),
    NotAcquired(NotAcquired),
}

/// Why this process does not refresh a session that is due.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAcquired {
    #[error("another process is refreshing it")]
    Busy,
    #[error("a refresh failed a moment ago")]
    Backoff,
    #[error("cannot lock it: {0}")]
    Unavailable(io::Error),
}

/// The outcome of waiting for another process.
pub(super) enum WaitOutcome<'a> {
    /// It stored a session.
    Refreshed(CachedSession),
    /// It gave up the first lock, which this process now holds.
    FirstLock(Box<dyn Lock + 'a>),
    /// It takes too long, and this process now holds the second lock.
    SecondLock(Box<dyn Lock + 'a>),
    /// It failed, and this process would fail in the same way.
    Failed(Error),
    /// This process fetches a session without a lock.
    NoLock,
}

/// Why no session is served from the cache.
#[derive(Debug, thiserror::Error)]
pub(super) enum CacheMiss {
    #[error("no cached session")]
    Absent,
    #[error("the cached session is damaged")]
    Damaged,
    #[error("cannot read the cached session: {0}")]
    Unreadable(io::Error),
}

/// How often a process that waits checks the entry. Each check is two or three system calls; a caller
/// does not notice 15 ms.
const POLL_INTERVAL: Duration = Duration::from_millis(15);
/// The same after half of the time, when hundreds of processes may wait for a slow AWS.
const SLOW_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The lock that was taken, if any.
enum LockAttempt<'a> {
    First(Box<dyn Lock + 'a>),
    Second(Box<dyn Lock + 'a>),
    Neither,
}

impl<'a> EntryHandle<'a> {
    /// Returns the session of the entry.
    pub(super) fn read(&self, clock: &dyn Clock) -> Result<CachedSession, CacheMiss> {
        let entry = self.entry()?;
        let fallback = FallbackState::restore(entry.backoff);
        let trust_anchor = entry.trust_anchor.clone();
        let made_by = match trust_anchor == self.provider.session.trust_anchor {
            true => MadeBy::Primary(trust_anchor),
            false => MadeBy::Fallback(trust_anchor),
        };
        let session = entry.into_session(clock.now(), clock.running().as_ref());
        Ok(CachedSession { session, fallback, made_by })
    }

    fn entry(&self) -> Result<CacheEntry, CacheMiss> {
        let bytes = self.store.read(self.key.as_str()).map_err(CacheMiss::Unreadable)?;
        let bytes = bytes.ok_or(CacheMiss::Absent)?;
        CacheEntry::parse(&self.key, bytes.expose()).ok_or(CacheMiss::Damaged)
    }

    /// Returns the session if another process has refreshed it since.
    pub(super) fn refreshed(&self, ports: &Ports) -> Option<CachedSession> {
        let found = self.read(&*ports.clock).ok()?;
        let is_fresh = found.freshness(ports.clock.now()) == Freshness::Fresh;
        is_fresh.then(|| {
            self.trace(&*ports.trace, format_args!("another process refreshed it in the meantime"));
            found
        })
    }

    /// Takes the lock of a refresh, unless one failed a moment ago.
    pub(super) fn try_refresh_lock(&self, now: Timestamp) -> RefreshLock<'a> {
        if !may_refresh(self.failure().as_ref().map(FailureRecord::failed), now) {
            return RefreshLock::NotAcquired(NotAcquired::Backoff);
        }
        match self.store.try_lock(&self.key.lock()) {
            Ok(Some(lock)) => RefreshLock::Acquired(lock),
            Ok(None) => RefreshLock::NotAcquired(NotAcquired::Busy),
            Err(error) => RefreshLock::NotAcquired(NotAcquired::Unavailable(error)),
        }
    }

    /// Waits until another process has stored a session, has failed, or takes too long.
    ///
    /// If a process fails on AWS's side, all that wait fail with it: if each tried again, AWS would get
    /// the most requests when it can handle the fewest. After another failure (a proxy, a password, a
    /// shorter time limit) they all try by themselves at once: one after the other would take longer
    /// than they have.
    ///
    /// After half of the time, one of the processes that wait calls AWS too, since the one that they
    /// wait for may be stuck. The others wait until their time is up. So do those that have too little
    /// time left, as a process with more time has already failed for lack of it.
    pub(super) async fn wait(&self, ports: &Ports, deadline: Deadline) -> WaitOutcome<'a> {
        let before = self.failures();
        let proxy = self.proxy(ports);
        let begun = ports.clock.uptime();
        let until = begun + wait_timeout(deadline.remaining(begun));
        loop {
            let now = ports.clock.uptime();
            let attempt = self.lock(now >= until);
            // Read after the lock is taken: its last holder has written everything by then.
            if let Some(session) = self.refreshed(ports) {
                return WaitOutcome::Refreshed(session);
            }
            let failures = new_failures(self.failures(), &before);
            if let Some(error) = failures.iter().find_map(|record| record.error(proxy.as_deref())) {
                return WaitOutcome::Failed(error);
            }
            let left = deadline.remaining(now);
            let attempt = match failures.iter().any(|record| record.is_hopeless(left)) {
                true => Ok(LockAttempt::Neither),
                false => attempt,
            };
            match attempt {
                Ok(LockAttempt::First(lock)) => return WaitOutcome::FirstLock(lock),
                Ok(LockAttempt::Second(lock)) => {
                    self.trace(&*ports.trace, format_args!("another process is taking too long"));
                    return WaitOutcome::SecondLock(lock);
                }
                Ok(LockAttempt::Neither)
                    if failures.iter().any(|record| record.may_succeed(left)) =>
                {
                    self.trace(&*ports.trace, format_args!("another process failed"));
                    return WaitOutcome::NoLock;
                }
                Ok(LockAttempt::Neither) if left.is_zero() => {
                    return WaitOutcome::Failed(
                        RunError::WaitTimedOut { limit: deadline.limit() }.into(),
                    );
                }
                Ok(LockAttempt::Neither) => {
                    let interval = if now >= until { SLOW_POLL_INTERVAL } else { POLL_INTERVAL };
                    ports.timer.sleep(interval.min(left)).await;
                }
                Err(error) => {
                    self.trace(&*ports.trace, format_args!("no lock: {error}"));
                    return WaitOutcome::NoLock;
                }
            }
        }
    }

    /// Takes the first lock, or the second one if `may_be_second`.
    fn lock(&self, may_be_second: bool) -> io::Result<LockAttempt<'a>> {
        if let Some(lock) = self.store.try_lock(&self.key.lock())? {
            return Ok(LockAttempt::First(lock));
        }
        if may_be_second && let Some(lock) = self.store.try_lock(&self.key.second_lock())? {
            return Ok(LockAttempt::Second(lock));
        }
        Ok(LockAttempt::Neither)
    }

    /// Returns the session that another process stores while this one fetches one too.
    pub(super) async fn wait_for_refresh(&self, ports: &Ports) -> CachedSession {
        loop {
            ports.timer.sleep(SLOW_POLL_INTERVAL).await;
            if let Some(session) = self.refreshed(ports) {
                return session;
            }
        }
    }

    /// Returns the last failure of a process that held the first lock.
    fn failure(&self) -> Option<FailureRecord> {
        self.failure_in(&self.key.lock())
    }

    /// Returns the last failures of processes that held the first and the second lock.
    fn failures(&self) -> [Option<FailureRecord>; 2] {
        [self.failure(), self.failure_in(&self.key.second_lock())]
    }

    fn failure_in(&self, file: &str) -> Option<FailureRecord> {
        let record = self.store.read(file).ok()??;
        FailureRecord::parse(record.expose())
    }

    fn proxy(&self, ports: &Ports) -> Option<String> {
        let session = &self.provider.session.endpoint;
        ports.transport.proxy(self.hop.map_or(session, |hop| &hop.sts.endpoint))
    }

    /// Records for the other processes that this one failed, and how if `error` concerns them too.
    pub(super) fn record_failure(
        &self,
        mut lock: Box<dyn Lock + '_>,
        error: Option<&Error>,
        ports: &Ports,
    ) {
        let record = FailureRecord::new(ports.entropy.bits(), ports.clock.now());
        let record = match error {
            Some(error) => record.with_error(error, self.proxy(ports)),
            None => record,
        };
        if let Err(error) = lock.write(&record.render()) {
            self.trace(&*ports.trace, format_args!("cannot record the failure: {error}"));
        }
    }

    /// Stores a session that was fetched in the state `before`, and removes stale files; returns whether
    /// the session was stored.
    pub(super) fn store_session(
        &self,
        fetched: &Fetched,
        before: FallbackState,
        ports: &Ports,
    ) -> bool {
        let (running, now) = (ports.clock.running(), ports.clock.now().unix());
        let request = self.provider.request_of(&fetched.made_by);
        let after = before.fetched(fetched, now, ports.entropy.bits());
        let entry = CacheEntry::new(request, fetched.session.clone(), running)
            .with_backoff(after.backoff());
        let entry = match self.hop {
            Some(hop) => entry.of_hop(hop),
            None => entry,
        };
        let bytes = entry.render(&self.key);
        if let Err(error) = self.store.write(self.key.as_str(), bytes.expose()) {
            self.trace(&*ports.trace, format_args!("not cached: {error}"));
            return false;
        }
        self.trace(&*ports.trace, format_args!("cached"));
        let files = self.store.list(is_cache_file).ok().flatten().unwrap_or_default();
        for file in stale_files(&files, ports.clock.now()) {
            // The next process that stores a session tries again.
            let _ = self.store.remove(file);
        }
        true
    }

    /// Stores with the session in use when the primary trust anchor is asked again; returns whether that
    /// was stored. A session that another process has stored since stays as it is.
    pub(super) fn store_backoff(&self, found: &CachedSession, after: FallbackState) -> bool {
        let id = |session: &Session| session.credentials.access_key_id.clone();
        match self.entry() {
            Ok(entry) if id(&entry.session) == id(&found.session) => {
                let bytes = entry.with_backoff(after.backoff()).render(&self.key);
                self.store.write(self.key.as_str(), bytes.expose()).is_ok()
            }
            Ok(_) | Err(_) => true,
        }
    }

    /// Writes a line about this session to the debug output.
    pub(super) fn trace(&self, trace: &dyn Trace, message: fmt::Arguments<'_>) {
        trace.show(format_args!("cache: {}: {message}", self.key));
    }
}

/// Returns the failures that were recorded since `before`.
fn new_failures(
    records: [Option<FailureRecord>; 2],
    before: &[Option<FailureRecord>; 2],
) -> Vec<FailureRecord> {
    let is_new = |(record, before): (Option<FailureRecord>, &Option<FailureRecord>)| {
        record.filter(|record| record.differs_from(before.as_ref()))
    };
    records.into_iter().zip(before).filter_map(is_new).collect()
}

#[cfg(test)]
mod tests;
