//! What is served from the cache, with a store in memory and a clock that stands still.

mod fallback;

use std::time::Duration;

use super::*;
use crate::session_cache::entry::CacheEntry;
use crate::session_cache::entry::tests::{RECEIVED, session};
use crate::test_support::FakeStore;
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::time::Timestamp;
use roles_anywhere_test_support::clock::ManualClock;
use roles_anywhere_test_support::ports::FakePorts;
use roles_anywhere_test_support::session::{request, variables};

/// A store in memory, and a clock that stands still.
struct CacheFixture {
    store: FakeStore,
    key: CacheKey,
    ports: FakePorts,
}

impl CacheFixture {
    /// Returns a store that holds `session`, `elapsed` seconds after it was received.
    fn holding(session: Session, elapsed: i64) -> Self {
        let clock = ManualClock::at(RECEIVED.after(elapsed));
        let fixture = Self {
            store: FakeStore::default(),
            key: CacheKey::new(&request(), [7; 32].into(), &Trust::System),
            ports: FakePorts { clock, ..FakePorts::default() },
        };
        fixture.put(session);
        fixture
    }

    fn put(&self, session: Session) {
        put(&self.store, &self.key, session);
    }

    fn is_empty(&self) -> bool {
        !self.store.has(self.key.as_str()).unwrap()
    }

    /// Runs `question` on the cache.
    fn ask<T>(&self, question: impl AsyncFnOnce(&SessionCache<'_>, &Ports) -> T) -> T {
        let provider = RolesAnywhere::new(variables(), request());
        let cached = EntryHandle {
            store: &self.store,
            key: self.key.clone(),
            provider: &provider,
            hop: None,
        };
        let cache = SessionCache { provider: &provider, cached: Some(cached), before: None };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(question(&cache, &self.ports.ports()))
    }
}

fn put(store: &FakeStore, key: &CacheKey, session: Session) {
    let entry = CacheEntry::new(&request(), session, None).render(key);
    store.write(key.as_str(), entry.expose()).unwrap();
}

fn deadline() -> Deadline {
    Deadline::new(Duration::ZERO, Duration::from_secs(20))
}

fn with_id(access_key_id: &str, lifetime_seconds: i64) -> Session {
    let mut session = session(lifetime_seconds);
    session.credentials.access_key_id = access_key_id.to_owned();
    session
}

#[test]
fn serves_a_session_that_another_process_refreshed_meanwhile() {
    let fixture = CacheFixture::holding(with_id("OLD", 3_600), 3_000);
    let key = fixture.key.clone();
    fixture.store.before_lock(move |store| put(store, &key, with_id("NEW", 9_000)));
    let served = fixture.ask(async |cache, ports| cache.session(ports, deadline()).await);
    let served = served.unwrap();
    assert_eq!(served.session.credentials.access_key_id, "NEW");
    assert_eq!(served.from, ServedFrom::Cache);
}

#[test]
fn serves_a_due_session_if_its_refresh_fails() {
    let fixture = CacheFixture::holding(with_id("OLD", 3_600), 3_000);
    let served = fixture.ask(async |cache, ports| cache.session(ports, deadline()).await);
    assert_eq!(served.unwrap().session.credentials.access_key_id, "OLD");
}

#[test]
fn drops_what_aws_refused_and_nothing_else() {
    let rejected = with_id("REJECTED", 3_600);
    let fixture = CacheFixture::holding(with_id("NEW", 3_600), 0);
    let instead = || {
        let rejected = rejected.clone();
        fixture.ask(async move |cache, ports| cache.replace(&rejected, ports, deadline()).await)
    };
    assert_eq!(instead().unwrap().session.credentials.access_key_id, "NEW");
    assert!(!fixture.is_empty());
    fixture.put(rejected.clone());
    assert_eq!(instead().unwrap_err().kind(), ErrorKind::Identity);
    assert!(fixture.is_empty());
}
