//! The copies in a private directory.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::age::{CopyNotServed, age, is_time_worth_a_write};
use super::identity::{CopyIdentity, CopyKind};
use super::index::{CopyIndex, KnownCopy};
use super::key::CopyKey;
use super::record::CopyRecord;
use super::sealing::{SealedCopy, is_copy_name};
use super::writes::{FailedChange, FileChanges};
use crate::output::log::events::{
    OFFLINE_COPIES_OPENED, OFFLINE_COPY_FAILED, OFFLINE_COPY_IGNORED, OFFLINE_COPY_REMOVED,
};
use crate::output::log::{Field, Log};
use crate::private_dir::{DirEntry, Store, TEMPORARY_SUFFIX};
use crate::secrets_cache::{
    CallScope, FetchedValue, OfflineCopies, OfflineCopy, OfflineStatistics, ReadItem, RefusedPart,
};
use crate::server::secrets::AccessPattern;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::time::Timestamp;

/// After this time, a file that was not completed is of a process that has ended.
const ABANDONED_AFTER: i64 = 300;

/// What is kept, and for how long.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CopyRules {
    /// What is kept; nothing without a pattern.
    pub keep: Vec<AccessPattern>,
    /// How long ago AWS may have confirmed a copy that is served.
    pub max_age: Duration,
}

/// The copies in a private directory. Files are changed by [`CopiesOnDisk::keep`], which has to run beside
/// the readers, or by [`CopiesOnDisk::flush`].
pub struct CopiesOnDisk {
    store: Arc<dyn Store + Send>,
    key: CopyKey,
    rules: RefCell<CopyRules>,
    ports: Ports,
    log: Arc<dyn Log>,
    index: RefCell<CopyIndex>,
    pending: RefCell<FileChanges>,
    /// The changes that another thread has not begun yet; locked while it makes them.
    handed_over: Arc<Mutex<FileChanges>>,
    /// Wakes what changes the files.
    changed: Notify,
    failures: Cell<u64>,
}

fn locked(changes: &Mutex<FileChanges>) -> MutexGuard<'_, FileChanges> {
    changes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes changes that were handed over, unless another thread has made them.
fn perform(changes: &Mutex<FileChanges>, store: &dyn Store) -> Vec<FailedChange> {
    let mut changes = locked(changes);
    mem::take(&mut *changes).perform(store)
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
            log,
            index: RefCell::default(),
            pending: RefCell::default(),
            handed_over: Arc::default(),
            changed: Notify::new(),
            failures: Cell::default(),
        };
        let files = copies.store.list(is_of_copies)?.unwrap_or_default();
        files.iter().for_each(|file| copies.read(file));
        let count = copies.index.borrow().all().len() as u64;
        copies.log.event(&OFFLINE_COPIES_OPENED, &[("copies", &count)]);
        Ok(copies)
    }

    /// Goes on by other rules. What is not to be kept any more is removed.
    pub fn replace_rules(&self, rules: CopyRules) {
        let removed = self.index.borrow_mut().remove(|copy| {
            let opened = self.key.open(&copy.sealed.name, &copy.sealed.contents);
            !opened.is_ok_and(|record| rules.keeps(&record.value))
        });
        self.remove_all(removed, "not_configured");
        self.rules.replace(rules);
    }

    /// Makes the changes of files that are to be made, each on another thread; never ends.
    pub async fn keep(&self) -> Infallible {
        loop {
            self.changed.notified().await;
            let changes = self.pending.take();
            if changes.is_empty() {
                continue;
            }
            *locked(&self.handed_over) = changes;
            let (done, ended) = oneshot::channel();
            let (store, changes) = (Arc::clone(&self.store), Arc::clone(&self.handed_over));
            let work = move || drop(done.send(perform(&changes, &*store)));
            self.ports.blocking.run(Box::new(work));
            self.report(ended.await.unwrap_or_default());
        }
    }

    /// Makes the changes of files that are to be made. Waits for those that another thread makes.
    pub fn flush(&self) {
        let failed = perform(&self.handed_over, &*self.store);
        self.report(failed);
        let failed = self.pending.take().perform(&*self.store);
        self.report(failed);
    }

    /// Takes a file into the index, or tells why not.
    fn read(&self, file: &DirEntry) {
        let now = self.ports.clock.now();
        let since = file.modified.seconds_until(now);
        if file.name.ends_with(TEMPORARY_SUFFIX) {
            if since > ABANDONED_AFTER {
                self.change(|pending| pending.remove(&file.name));
            }
            return;
        }
        let contents = match self.store.read(&file.name) {
            Ok(Some(contents)) => contents.expose().to_vec(),
            // Another process has removed it.
            Ok(None) => return,
            Err(error) => return self.ignore(&file.name, &error),
        };
        let record = match self.key.open(&file.name, &contents) {
            Ok(record) => record,
            Err(error) => {
                self.ignore(&file.name, &error);
                // It cannot be used any more, whatever its key was.
                if Duration::from_secs(u64::try_from(since).unwrap_or(0)) > self.max_age() {
                    self.change(|pending| pending.remove(&file.name));
                }
                return;
            }
        };
        let copy = self.known(&record, SealedCopy { name: file.name.clone(), contents });
        let too_old = age(record.confirmed, now, self.max_age());
        if !self.rules.borrow().keeps(&record.value) {
            self.remove_all(vec![copy], "not_configured");
        } else if too_old == Err(CopyNotServed::TooOld) {
            self.remove_all(vec![copy], "too_old");
        } else {
            if let Err(error) = too_old {
                self.ignore(&file.name, &error);
            }
            let removed = self.index.borrow_mut().add(copy);
            self.remove_all(removed, "too_many");
        }
    }

    fn known(&self, record: &CopyRecord, sealed: SealedCopy) -> KnownCopy {
        KnownCopy {
            identity: record.identity.clone(),
            arn: record.value.arn().map(str::to_owned),
            confirmed: record.confirmed,
            fingerprint: self.key.fingerprint(&record.identity, &record.value),
            sealed,
        }
    }

    fn max_age(&self) -> Duration {
        self.rules.borrow().max_age
    }

    fn change(&self, change: impl FnOnce(&mut FileChanges)) {
        change(&mut self.pending.borrow_mut());
        self.changed.notify_one();
    }

    /// Removes the files of copies that are not in the index any more.
    fn remove_all(&self, copies: Vec<KnownCopy>, reason: &'static str) {
        for KnownCopy { identity, sealed, .. } in copies {
            self.change(|pending| pending.remove(&sealed.name));
            let kind = match identity.kind {
                CopyKind::Secret => "secret",
                CopyKind::Parameter | CopyKind::EncryptedParameter => "parameter",
            };
            let fields: [Field<'_>; 3] =
                [(kind, &identity.name), ("file", &sealed.name), ("reason", &reason)];
            self.log.event(&OFFLINE_COPY_REMOVED, &fields);
        }
    }

    fn ignore(&self, file: &str, error: &dyn std::error::Error) {
        self.failures.set(self.failures.get() + 1);
        let reason = error.to_string();
        self.log.event(&OFFLINE_COPY_IGNORED, &[("file", &file), ("reason", &reason)]);
    }

    fn report(&self, failed: Vec<FailedChange>) {
        for FailedChange { name, action, error } in failed {
            self.failures.set(self.failures.get() + 1);
            let reason = error.to_string();
            let fields: [Field<'_>; 3] =
                [("action", &action), ("file", &name), ("reason", &reason)];
            self.log.event(&OFFLINE_COPY_FAILED, &fields);
            match action {
                // It is written again when AWS confirms it the next time.
                "write" => drop(self.index.borrow_mut().remove(|copy| copy.sealed.name == name)),
                // It is removed with the next change.
                _ => self.pending.borrow_mut().remove_later(name),
            }
        }
    }
}

impl CopyRules {
    fn keeps(&self, value: &FetchedValue) -> bool {
        self.keep.iter().any(|pattern| pattern.is_of(value))
    }
}

impl OfflineCopies for CopiesOnDisk {
    fn load(&self, scope: &CallScope, item: &ReadItem) -> Option<OfflineCopy> {
        let index = self.index.borrow();
        let copy = index.find(scope, item)?;
        let max_age = self.max_age();
        let age = age(copy.confirmed, self.ports.clock.now(), max_age).ok()?;
        let SealedCopy { name, contents } = &copy.sealed;
        let record = self.key.open(name, contents).ok()?;
        Some(OfflineCopy { value: record.value, age, usable_for: max_age.saturating_sub(age) })
    }

    fn store(
        &self,
        scope: &CallScope,
        item: &ReadItem,
        value: &FetchedValue,
        confirmed: Timestamp,
    ) {
        if !self.rules.borrow().keeps(value) {
            return;
        }
        let identity = CopyIdentity::of(scope, item, value);
        let name = self.key.file_name(&identity);
        let fingerprint = self.key.fingerprint(&identity, value);
        let is_known = self.index.borrow().named(&name).is_some_and(|copy| {
            copy.fingerprint == fingerprint
                && !is_time_worth_a_write(copy.confirmed, confirmed, self.max_age())
        });
        if is_known {
            return;
        }
        let record = CopyRecord { identity, confirmed, value: value.clone() };
        let sealed = self.key.seal(&record, &*self.ports.entropy);
        self.change(|pending| pending.write(sealed.clone()));
        let removed = self.index.borrow_mut().add(self.known(&record, sealed));
        self.remove_all(removed, "too_many");
    }

    fn remove(&self, scope: &CallScope, item: &ReadItem, part: RefusedPart) {
        let removed =
            self.index.borrow_mut().remove(|KnownCopy { identity, arn, .. }| match part {
                RefusedPart::Whole => identity.is_about(scope, item, arn.as_deref()),
                RefusedPart::Version => identity.is_of(scope, item, arn.as_deref()),
            });
        self.remove_all(removed, "refused");
    }

    fn remove_role(&self, role_arn: &str) {
        let removed = self.index.borrow_mut().remove(|copy| copy.identity.role == role_arn);
        self.remove_all(removed, "refused");
    }

    fn roles(&self) -> Vec<String> {
        let mut roles: Vec<String> =
            self.index.borrow().all().iter().map(|copy| copy.identity.role.clone()).collect();
        roles.sort();
        roles.dedup();
        roles
    }

    fn statistics(&self) -> OfflineStatistics {
        let copies = self.index.borrow().all().len();
        OfflineStatistics { copies, failures: self.failures.get() }
    }
}

impl fmt::Debug for CopiesOnDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} copies>", self.index.borrow().all().len())
    }
}

/// Returns whether a file is a copy, or one that was not completed.
fn is_of_copies(name: &str) -> bool {
    let is_unfinished = name.strip_suffix(TEMPORARY_SUFFIX).and_then(|name| name.rsplit_once('.'));
    is_copy_name(is_unfinished.map_or(name, |(name, _)| name))
}

#[cfg(test)]
mod tests;
