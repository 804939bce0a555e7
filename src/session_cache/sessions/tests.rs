//! Who is served from the cache, on a store and in a world of a few lines.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::output::error::Kind;
use crate::session_cache::entry::Entry;
use crate::session_cache::entry::tests::{RECEIVED, session};
use crate::session_cache::{Listed, Lock};
use roles_anywhere_client::ports::NoTrace;
use roles_anywhere_client::secret::{Entropy, SecretBytes};
use roles_anywhere_client::test_support::offline::{Offline, source};
use roles_anywhere_client::test_support::session::request;
use roles_anywhere_client::time::{Timer, Timestamp};

/// A store, and a clock that stands still.
struct Shelf {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    /// What another process writes while this one takes the lock.
    meanwhile: Mutex<Option<Session>>,
    name: Name,
    now: Timestamp,
}

impl Shelf {
    /// A store that holds `session`, `elapsed` seconds after it came.
    fn holding(session: Session, elapsed: i64) -> Self {
        let shelf = Self {
            files: Mutex::default(),
            meanwhile: Mutex::default(),
            name: Name::new(&request(), &[7; 32], &Trust::System),
            now: RECEIVED.after(elapsed),
        };
        shelf.put(session);
        shelf
    }

    fn put(&self, session: Session) {
        let entry = Entry::new(&request(), session, None).render(&self.name);
        self.write(self.name.as_str(), entry.expose()).unwrap();
    }

    fn is_empty(&self) -> bool {
        !self.files.lock().unwrap().contains_key(self.name.as_str())
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
        Ok(Some(Box::new(Held)))
    }

    fn list(&self) -> io::Result<Option<Vec<Listed>>> {
        Ok(None)
    }
}

struct Held;

impl Lock for Held {
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
        unreachable!("nobody is waited for")
    }
}

impl Entropy for Shelf {
    fn bits(&self) -> u64 {
        7
    }
}

/// Asks the sessions on `shelf`, on a loop of their own.
fn ask<T>(shelf: &Shelf, question: impl AsyncFnOnce(&Sessions<'_>, &World<'_>) -> T) -> T {
    let provider = RolesAnywhere { source: source(), session: request() };
    let offline = Offline::default();
    let slot = Slot { store: shelf, name: shelf.name.clone(), provider: &provider };
    let sessions = Sessions { provider: &provider, slot: Some(slot) };
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
    runtime.block_on(question(&sessions, &world))
}

fn deadline() -> Deadline {
    Deadline::new(Duration::ZERO, Duration::from_secs(20))
}

fn called(access_key_id: &str, life: i64) -> Session {
    let mut session = session(life);
    session.credentials.access_key_id = access_key_id.to_owned();
    session
}

#[test]
fn serves_what_another_process_refreshed_before_the_lock_was_had() {
    let shelf = Shelf::holding(called("OLD", 3_600), 3_000);
    *shelf.meanwhile.lock().unwrap() = Some(called("NEW", 9_000));
    let served = ask(&shelf, async |sessions, world| sessions.session(world, deadline()).await);
    let served = served.unwrap();
    assert_eq!(served.session.credentials.access_key_id, "NEW");
    assert_eq!(served.origin, Origin::Cache);
}

#[test]
fn serves_what_is_due_where_its_refresh_fails() {
    let shelf = Shelf::holding(called("OLD", 3_600), 3_000);
    let served = ask(&shelf, async |sessions, world| sessions.session(world, deadline()).await);
    assert_eq!(served.unwrap().session.credentials.access_key_id, "OLD");
}

#[test]
fn drops_what_aws_refused_and_nothing_else() {
    let refused = called("REFUSED", 3_600);
    let shelf = Shelf::holding(called("NEW", 3_600), 0);
    let instead = |shelf: &Shelf| {
        let refused = refused.clone();
        ask(shelf, async move |sessions, world| {
            sessions.instead_of(&refused, world, deadline()).await
        })
    };
    assert_eq!(instead(&shelf).unwrap().session.credentials.access_key_id, "NEW");
    assert!(!shelf.is_empty());
    shelf.put(refused.clone());
    assert_eq!(instead(&shelf).unwrap_err().kind(), Kind::Identity);
    assert!(shelf.is_empty());
}
