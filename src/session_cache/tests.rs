//! What is served from the cache, with a store in memory and a clock that stands still.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::output::error::Kind;
use crate::session_cache::entry::CacheEntry;
use crate::session_cache::entry::tests::{RECEIVED, session};
use crate::session_cache::storage::{DirEntry, Lock};
use roles_anywhere_client::ports::NoTrace;
use roles_anywhere_client::secret::{Entropy, SecretBytes};
use roles_anywhere_client::test_support::offline::{Offline, source};
use roles_anywhere_client::test_support::session::request;
use roles_anywhere_client::time::{Timer, Timestamp};

/// A store in memory, and a clock that stands still.
struct Shelf {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    /// The session that another process stores while this one takes the lock.
    meanwhile: Mutex<Option<Session>>,
    key: CacheKey,
    now: Timestamp,
}

impl Shelf {
    /// Returns a store that holds `session`, `elapsed` seconds after it was received.
    fn holding(session: Session, elapsed: i64) -> Self {
        let shelf = Self {
            files: Mutex::default(),
            meanwhile: Mutex::default(),
            key: CacheKey::new(&request(), &[7; 32], &Trust::System),
            now: RECEIVED.after(elapsed),
        };
        shelf.put(session);
        shelf
    }

    fn put(&self, session: Session) {
        let entry = CacheEntry::new(&request(), session, None).render(&self.key);
        self.write(self.key.as_str(), entry.expose()).unwrap();
    }

    fn is_empty(&self) -> bool {
        !self.files.lock().unwrap().contains_key(self.key.as_str())
    }
}

impl Store for Shelf {
    fn read(&self, name: &str) -> io::Result<Option<SecretBytes>> {
        Ok(self.files.lock().unwrap().get(name).cloned().map(SecretBytes::new))
    }

    fn write(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        self.files.lock().unwrap().insert(name.to_owned(), contents.to_vec());
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files.lock().unwrap().remove(name);
        Ok(())
    }

    fn try_lock(&self, _name: &str) -> io::Result<Option<Box<dyn Lock + '_>>> {
        if let Some(session) = self.meanwhile.lock().unwrap().take() {
            self.put(session);
        }
        Ok(Some(Box::new(ShelfLock)))
    }

    fn list(&self, _matches: fn(&str) -> bool) -> io::Result<Option<Vec<DirEntry>>> {
        Ok(None)
    }
}

struct ShelfLock;

impl Lock for ShelfLock {
    fn write(&mut self, _contents: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

impl Clock for Shelf {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn uptime(&self) -> Duration {
        Duration::ZERO
    }
}

impl Timer for Shelf {
    fn sleep(&self, _duration: Duration) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        unreachable!("no process waits")
    }
}

impl Entropy for Shelf {
    fn bits(&self) -> u64 {
        7
    }
}

/// Runs `question` on the cache in `shelf`.
fn ask<T>(shelf: &Shelf, question: impl AsyncFnOnce(&SessionCache<'_>, &World<'_>) -> T) -> T {
    let provider = RolesAnywhere { source: source(), session: request() };
    let offline = Offline::default();
    let cached = CachedSession { store: shelf, key: shelf.key.clone(), provider: &provider };
    let cache = SessionCache { provider: &provider, cached: Some(cached) };
    let world = World {
        clock: shelf,
        timer: shelf,
        entropy: shelf,
        files: &offline,
        passwords: &offline,
        transport: &offline,
        trace: &NoTrace,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(question(&cache, &world))
}

fn deadline() -> Deadline {
    Deadline::new(Duration::ZERO, Duration::from_secs(20))
}

fn with_id(access_key_id: &str, life: i64) -> Session {
    let mut session = session(life);
    session.credentials.access_key_id = access_key_id.to_owned();
    session
}

#[test]
fn serves_a_session_that_another_process_refreshed_meanwhile() {
    let shelf = Shelf::holding(with_id("OLD", 3_600), 3_000);
    *shelf.meanwhile.lock().unwrap() = Some(with_id("NEW", 9_000));
    let served = ask(&shelf, async |cache, world| cache.session(world, deadline()).await);
    let served = served.unwrap();
    assert_eq!(served.session.credentials.access_key_id, "NEW");
    assert_eq!(served.from, ServedFrom::Cache);
}

#[test]
fn serves_a_due_session_if_its_refresh_fails() {
    let shelf = Shelf::holding(with_id("OLD", 3_600), 3_000);
    let served = ask(&shelf, async |cache, world| cache.session(world, deadline()).await);
    assert_eq!(served.unwrap().session.credentials.access_key_id, "OLD");
}

#[test]
fn drops_what_aws_refused_and_nothing_else() {
    let rejected = with_id("REJECTED", 3_600);
    let shelf = Shelf::holding(with_id("NEW", 3_600), 0);
    let instead = |shelf: &Shelf| {
        let rejected = rejected.clone();
        ask(shelf, async move |cache, world| cache.replace(&rejected, world, deadline()).await)
    };
    assert_eq!(instead(&shelf).unwrap().session.credentials.access_key_id, "NEW");
    assert!(!shelf.is_empty());
    shelf.put(rejected.clone());
    assert_eq!(instead(&shelf).unwrap_err().kind(), Kind::Identity);
    assert!(shelf.is_empty());
}
