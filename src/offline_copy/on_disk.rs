//! The copies in a private directory.

mod file_outcomes;
mod port;
mod reading;
mod refusals;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::io;
use std::mem;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::select;
use tokio::sync::{Notify, oneshot};

pub use self::port::NoCopy;
use self::refusals::Refusals;
use super::age::{CopyNotServed, age};
use super::index::{CopyIndex, KnownCopy};
use super::key::CopyKey;
use super::writes::{
    DirectoryWork, FileChange, FileChanges, RemovalReason, RemovedCopy, WorkOutcome,
};
use crate::output::log::Log;
use crate::output::log::events::OFFLINE_COPIES_OPENED;
use crate::private_dir::Store;
use crate::secrets_cache::FetchedValue;
use crate::server::secrets::AccessPattern;
use roles_anywhere_client::ports::Ports;

/// The time after which it is tried again to remove what could not be removed.
const RETRY_INTERVAL: Duration = Duration::from_mins(1);

/// What is kept, and for how long.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CopyRules {
    /// What is kept; nothing without a pattern.
    pub keep: Vec<AccessPattern>,
    /// How long ago AWS may have confirmed a copy that is served.
    pub max_age: Duration,
}

impl CopyRules {
    fn keeps(&self, value: &FetchedValue) -> bool {
        self.keep.iter().any(|pattern| pattern.is_of(value))
    }
}

/// The copies in a private directory. Files are changed by [`CopiesOnDisk::keep`], which has to run beside
/// the readers, or by [`CopiesOnDisk::flush`].
pub struct CopiesOnDisk {
    store: Arc<dyn Store + Send>,
    key: CopyKey,
    rules: RefCell<CopyRules>,
    ports: Ports,
    log: RefCell<Arc<dyn Log>>,
    index: RefCell<CopyIndex>,
    refusals: RefCell<Refusals>,
    pending: RefCell<FileChanges>,
    /// Removals that failed, which are tried again at `retry_at`, an uptime.
    retries: RefCell<FileChanges>,
    retry_at: Cell<Option<Duration>>,
    handed_over: Arc<Mutex<HandedOver>>,
    /// Wakes what changes the files.
    changed: Notify,
    failures: Cell<u64>,
}

/// What another thread does. It holds the lock of it meanwhile.
#[derive(Default)]
struct HandedOver {
    work: DirectoryWork,
    outcome: WorkOutcome,
}

fn locked(handed_over: &Mutex<HandedOver>) -> MutexGuard<'_, HandedOver> {
    handed_over.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does what was handed over, unless another thread has done it.
fn perform(handed_over: &Mutex<HandedOver>, store: &dyn Store) {
    let mut handed_over = locked(handed_over);
    let work = mem::take(&mut handed_over.work);
    if !work.is_empty() {
        handed_over.outcome = work.perform(store);
    }
}

impl CopiesOnDisk {
    /// Reads the copies in `store`. Those that cannot be used are logged; those that are not to be kept are
    /// removed.
    pub fn open(
        store: Arc<dyn Store + Send>,
        (key, rules): (CopyKey, CopyRules),
        ports: Ports,
        log: Arc<dyn Log>,
    ) -> io::Result<Self> {
        let copies = Self {
            store,
            key,
            rules: RefCell::new(rules),
            ports,
            log: RefCell::new(log),
            index: RefCell::default(),
            refusals: RefCell::default(),
            pending: RefCell::default(),
            retries: RefCell::default(),
            retry_at: Cell::default(),
            handed_over: Arc::default(),
            changed: Notify::new(),
            failures: Cell::default(),
        };
        let files = copies.store.list(reading::is_of_copies)?.unwrap_or_default();
        files.iter().for_each(|file| copies.read(file));
        let count = copies.index.borrow().all().len() as u64;
        copies.log().event(&OFFLINE_COPIES_OPENED, &[("copies", &count)]);
        Ok(copies)
    }

    /// Writes events to another log from now on.
    pub fn log_to(&self, log: Arc<dyn Log>) {
        self.log.replace(log);
    }

    fn log(&self) -> Arc<dyn Log> {
        Arc::clone(&self.log.borrow())
    }

    /// Goes on by other rules. What is not to be kept any more is removed.
    pub fn replace_rules(&self, rules: CopyRules) {
        let removed = self.index.borrow_mut().remove(|copy| {
            let opened = self.key.open(&copy.sealed.name, &copy.sealed.contents);
            !opened.is_ok_and(|record| rules.keeps(&record.value))
        });
        self.remove_all(removed, RemovalReason::NotConfigured);
        self.rules.replace(rules);
    }

    /// Makes the changes of files that are to be made, on another thread; never ends.
    pub async fn keep(&self) -> Infallible {
        loop {
            self.wait_for_work().await;
            let work = self.next_work();
            if work.is_empty() {
                continue;
            }
            locked(&self.handed_over).work = work;
            let (done, ended) = oneshot::channel();
            let (store, handed_over) = (Arc::clone(&self.store), Arc::clone(&self.handed_over));
            let work = move || {
                perform(&handed_over, &*store);
                let _ = done.send(());
            };
            self.ports.blocking.run(Box::new(work));
            // Without an answer, the thread has ended before its end, and there is no outcome.
            let _ = ended.await;
            let outcome = mem::take(&mut locked(&self.handed_over).outcome);
            self.take(outcome);
        }
    }

    /// Makes the changes of files that are to be made. Waits for those that another thread makes.
    pub fn flush(&self) {
        perform(&self.handed_over, &*self.store);
        let outcome = mem::take(&mut locked(&self.handed_over).outcome);
        self.take(outcome);
        self.retry_at.set(self.retry_at.get().and(Some(Duration::ZERO)));
        loop {
            let work = self.next_work();
            if work.is_empty() {
                return;
            }
            let outcome = work.perform(&*self.store);
            self.take(outcome);
        }
    }

    async fn wait_for_work(&self) {
        let retry = async {
            match self.retry_at.get() {
                Some(at) => {
                    let time = at.saturating_sub(self.ports.clock.uptime());
                    self.ports.timer.sleep(time).await;
                }
                None => pending().await,
            }
        };
        select(pin!(self.changed.notified()), pin!(retry)).await;
    }

    /// Returns what is to be done now.
    fn next_work(&self) -> DirectoryWork {
        let mut changes = self.pending.take();
        let is_due = |at| at <= self.ports.clock.uptime();
        if self.retry_at.get().is_some_and(is_due) {
            self.retry_at.set(None);
            changes.add_if_absent(self.retries.take());
            self.refusals.borrow_mut().search_again();
        }
        let names = || self.index.borrow().all().iter().map(|it| it.sealed.name.clone()).collect();
        let search_except = self.refusals.borrow_mut().begin_search().then(names);
        DirectoryWork { changes, search_except }
    }

    fn max_age(&self) -> Duration {
        self.rules.borrow().max_age
    }

    fn change(&self, name: String, change: FileChange) {
        self.retries.borrow_mut().drop_change(&name);
        self.pending.borrow_mut().set(name, change);
        self.changed.notify_one();
    }

    /// Removes the files of copies that are not in the index any more.
    fn remove_all(&self, copies: Vec<KnownCopy>, reason: RemovalReason) {
        for KnownCopy { identity, sealed, .. } in copies {
            let removed = RemovedCopy::new(identity, reason);
            self.change(sealed.name, FileChange::Remove(Some(removed)));
        }
    }

    /// Removes the copies that AWS last confirmed too long ago. AWS has just answered, so the clock is right.
    fn remove_too_old(&self) {
        let (now, max_age) = (self.ports.clock.now(), self.max_age());
        let is_too_old =
            |copy: &KnownCopy| age(copy.confirmed, now, max_age) == Err(CopyNotServed::TooOld);
        let removed = self.index.borrow_mut().remove(is_too_old);
        self.remove_all(removed, RemovalReason::TooOld);
    }
}

impl fmt::Debug for CopiesOnDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} copies>", self.index.borrow().all().len())
    }
}

#[cfg(test)]
mod tests;
