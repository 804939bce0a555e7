//! The copies as the cache of secrets uses them.

use super::CopiesOnDisk;
use super::refusals::RefusedCopies;
use crate::offline_copy::age::{CopyNotServed, age, is_time_worth_a_write};
use crate::offline_copy::identity::CopyIdentity;
use crate::offline_copy::index::CopyFile;
use crate::offline_copy::record::CopyRecord;
use crate::offline_copy::writes::{FileChange, RemovalReason};
use crate::secrets_cache::{
    CallScope, FetchedValue, OfflineCopies, OfflineCopy, OfflineStatistics, ReadItem, RefusedPart,
};
use roles_anywhere_client::time::Timestamp;

/// Why there is no copy that may be served.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoCopy {
    /// No pattern is about it.
    #[error("`keep` of `[secrets.offline]` has no pattern for it")]
    NotKept,
    /// AWS has not returned it to the role yet, or has refused it since, or its file cannot be used.
    #[error("none was made with this role, or it was removed, or its file cannot be used")]
    NotThere,
    /// There is one of another time.
    #[error(transparent)]
    NotServed(CopyNotServed),
}

impl OfflineCopies for CopiesOnDisk {
    fn load(&self, scope: &CallScope, item: &ReadItem) -> Option<OfflineCopy> {
        let max_age = self.max_age();
        let (name, file, loaded) = {
            let index = self.index.borrow();
            let copy = index.find(scope, item)?;
            let age = age(copy.confirmed, self.ports.clock.now(), max_age).ok()?;
            let record = self.key.open(&copy.sealed.name, &copy.sealed.contents).ok()?;
            let usable_for = max_age.saturating_sub(age);
            let loaded = OfflineCopy { value: record.value, age, usable_for };
            (copy.sealed.name.clone(), copy.file, loaded)
        };
        if file == CopyFile::ToBeWritten {
            return Some(loaded);
        }
        match self.store.has(&name) {
            Ok(true) => Some(loaded),
            // Another process has removed it, as AWS refuses it.
            Ok(false) => {
                self.index.borrow_mut().remove(|copy| copy.sealed.name == name);
                None
            }
            Err(_) => None,
        }
    }

    fn store(
        &self,
        scope: &CallScope,
        item: &ReadItem,
        value: &FetchedValue,
        confirmed: Timestamp,
    ) {
        self.remove_too_old();
        if !self.rules.borrow().keeps(value) {
            return;
        }
        let identity = CopyIdentity::of(scope, item, value);
        let name = self.key.file_name(&identity);
        let fingerprint = self.key.fingerprint(&identity, value);
        if let Some(copy) = self.index.borrow().named(&name)
            && copy.fingerprint == fingerprint
            && !is_time_worth_a_write(copy.confirmed, confirmed, self.max_age())
        {
            if copy.file == CopyFile::Written {
                let contents = copy.sealed.contents.clone();
                self.change(name, FileChange::WriteIfMissing(contents));
            }
            return;
        }
        let record = CopyRecord { identity, confirmed, value: value.clone() };
        let sealed = self.key.seal(&record, &*self.ports.entropy);
        self.change(name, FileChange::Write(sealed.contents.clone()));
        let copy = self.known(&record, sealed, CopyFile::ToBeWritten);
        let removed = self.index.borrow_mut().add(copy);
        self.remove_all(removed, RemovalReason::TooMany);
    }

    fn remove(&self, scope: &CallScope, item: &ReadItem, part: RefusedPart) {
        self.refuse(&RefusedCopies::Item(scope.clone(), item.clone(), part));
    }

    fn remove_role(&self, role_arn: &str) {
        self.refuse(&RefusedCopies::Role(role_arn.to_owned()));
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

impl CopiesOnDisk {
    /// Returns why there is no copy of `item` that may be served.
    pub fn why_none(&self, scope: &CallScope, item: &ReadItem) -> NoCopy {
        if !self.rules.borrow().keep.iter().any(|pattern| pattern.may_be_of(item)) {
            return NoCopy::NotKept;
        }
        let index = self.index.borrow();
        let Some(copy) = index.find(scope, item) else { return NoCopy::NotThere };
        match age(copy.confirmed, self.ports.clock.now(), self.max_age()) {
            Ok(_) => NoCopy::NotThere,
            Err(error) => NoCopy::NotServed(error),
        }
    }

    /// Removes what AWS refuses, also what other processes have copied of it.
    fn refuse(&self, refusal: &RefusedCopies) {
        let removed = self.index.borrow_mut().remove(|copy| refusal.has(copy));
        self.remove_all(removed, RemovalReason::Refused);
        if self.refusals.borrow_mut().add(refusal, self.ports.clock.uptime()) {
            self.changed.notify_one();
        }
    }
}
