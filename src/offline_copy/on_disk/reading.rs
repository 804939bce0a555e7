//! The copies that are found at the start.

use std::time::Duration;

use super::CopiesOnDisk;
use crate::offline_copy::age::{CopyNotServed, age};
use crate::offline_copy::index::{CopyFile, KnownCopy};
use crate::offline_copy::record::CopyRecord;
use crate::offline_copy::sealing::{SealedCopy, is_copy_name};
use crate::offline_copy::writes::{FileChange, RemovalReason};
use crate::output::log::events::OFFLINE_COPY_IGNORED;
use crate::private_dir::{DirEntry, TEMPORARY_SUFFIX};

/// After this time, a file that was not completed is of a process that has ended.
const ABANDONED_AFTER: i64 = 300;

/// Returns whether a file is a copy, or one that was not completed.
pub(super) fn is_of_copies(name: &str) -> bool {
    let is_unfinished = name.strip_suffix(TEMPORARY_SUFFIX).and_then(|name| name.rsplit_once('.'));
    is_copy_name(is_unfinished.map_or(name, |(name, _)| name))
}

impl CopiesOnDisk {
    /// Takes a file into the index, or tells why not.
    pub(super) fn read(&self, file: &DirEntry) {
        let now = self.ports.clock.now();
        let since = file.modified.seconds_until(now);
        let remove = || self.change(file.name.clone(), FileChange::Remove(None));
        if file.name.ends_with(TEMPORARY_SUFFIX) {
            if since > ABANDONED_AFTER {
                remove();
            }
            return;
        }
        let contents = match self.store.read(&file.name) {
            Ok(Some(contents)) => contents.expose().to_vec(),
            // Another process has removed it.
            Ok(None) => return,
            Err(error) => return self.ignore(&file.name, &error),
        };
        // A copy that could not be removed.
        if contents.is_empty() {
            return remove();
        }
        let record = match self.key.open(&file.name, &contents) {
            Ok(record) => record,
            Err(error) => {
                self.ignore(&file.name, &error);
                // It cannot be used any more, whatever its key was.
                if Duration::from_secs(u64::try_from(since).unwrap_or(0)) > self.max_age() {
                    remove();
                }
                return;
            }
        };
        let sealed = SealedCopy { name: file.name.clone(), contents };
        let copy = self.known(&record, sealed, CopyFile::Written);
        if !self.rules.borrow().keeps(&record.value) {
            return self.remove_all(vec![copy], RemovalReason::NotConfigured);
        }
        match age(record.confirmed, now, self.max_age()) {
            Ok(_) => {}
            // The clock may be wrong, so it is removed when AWS has answered.
            Err(error @ CopyNotServed::TooOld) => self.log_ignored(&file.name, &error),
            Err(error @ CopyNotServed::InFuture) => self.ignore(&file.name, &error),
        }
        let removed = self.index.borrow_mut().add(copy);
        self.remove_all(removed, RemovalReason::TooMany);
    }

    /// Returns a copy as it is in the index.
    pub(super) fn known(
        &self,
        record: &CopyRecord,
        sealed: SealedCopy,
        file: CopyFile,
    ) -> KnownCopy {
        KnownCopy {
            identity: record.identity.clone(),
            arn: record.value.arn().map(str::to_owned),
            confirmed: record.confirmed,
            fingerprint: self.key.fingerprint(&record.identity, &record.value),
            sealed,
            file,
        }
    }

    fn ignore(&self, file: &str, error: &dyn std::error::Error) {
        self.count_failure();
        self.log_ignored(file, error);
    }

    fn log_ignored(&self, file: &str, error: &dyn std::error::Error) {
        let reason = error.to_string();
        self.log().event(&OFFLINE_COPY_IGNORED, &[("file", &file), ("reason", &reason)]);
    }

    pub(super) fn count_failure(&self) {
        self.failures.set(self.failures.get() + 1);
    }
}
