//! What the copies become by what became of their files.

use super::refusals::RefusedCopies;
use super::{CopiesOnDisk, RETRY_INTERVAL};
use crate::offline_copy::index::{CopyFile, KnownCopy};
use crate::offline_copy::sealing::SealedCopy;
use crate::offline_copy::writes::{
    ChangeKind, FailedChange, FileChange, RemovalReason, RemovedCopy, WorkOutcome,
};
use crate::output::log::Field;
use crate::output::log::events::{OFFLINE_COPY_FAILED, OFFLINE_COPY_REMOVED};

impl CopiesOnDisk {
    /// Takes what became of the work.
    pub(super) fn take(&self, WorkOutcome { written, removed, failed, found }: WorkOutcome) {
        for name in &written {
            self.index.borrow_mut().set_written(name);
        }
        for (file, copy) in removed {
            let ((kind, name), reason) = (copy.subject(), copy.reason.as_str());
            let fields: [Field<'_>; 3] = [(kind, name), ("file", &file), ("reason", &reason)];
            self.log().event(&OFFLINE_COPY_REMOVED, &fields);
        }
        for change in failed {
            let file = (change.name.as_str(), change.removed.as_ref());
            self.log_failed(change.kind.as_str(), Some(file), &change.error);
            match change.kind {
                ChangeKind::Write => self.take_failed_write(&change),
                ChangeKind::Remove => self.retry(change),
            }
        }
        match found {
            Some(Ok(found)) => self.take_found(found),
            Some(Err(error)) => {
                self.log_failed("list", None, &error);
                self.retry_later();
            }
            None => {}
        }
    }

    /// Takes that a file still holds what it held before a write that failed. If that is another value, it is
    /// removed: it is out of date, and would not be found if AWS refused it. The next confirmation by AWS
    /// makes the copy again.
    fn take_failed_write(&self, change: &FailedChange) {
        let name = &change.name;
        if self.pending.borrow().has(name) {
            return;
        }
        let left = match &change.left {
            Ok(Some(contents)) => self.key.open(name, contents).ok().map(|record| {
                let (name, contents) = (name.clone(), contents.clone());
                self.known(&record, SealedCopy { name, contents }, CopyFile::Written)
            }),
            _ => None,
        };
        let mut index = self.index.borrow_mut();
        let is_same = |copy: &KnownCopy| {
            index.named(name).is_some_and(|known| known.fingerprint == copy.fingerprint)
        };
        match left {
            Some(left) if is_same(&left) => drop(index.add(left)),
            _ => {
                let replaced = index.remove(|copy| copy.sealed.name == *name).pop();
                drop(index);
                if !matches!(change.left, Ok(None)) {
                    let removed = replaced
                        .map(|copy| RemovedCopy::new(copy.identity, RemovalReason::OutOfDate));
                    self.change(name.clone(), FileChange::Remove(removed));
                }
            }
        }
    }

    /// Tries a removal again later, unless something else is to become of the file.
    fn retry(&self, FailedChange { name, removed, .. }: FailedChange) {
        if !self.pending.borrow().has(&name) {
            self.retries.borrow_mut().set(name, FileChange::Remove(removed));
            self.retry_later();
        }
    }

    fn retry_later(&self) {
        let at = self.ports.clock.uptime() + RETRY_INTERVAL;
        self.retry_at.set(Some(self.retry_at.get().map_or(at, |known| known.min(at))));
    }

    /// Takes what was found of other processes: what AWS refuses is removed.
    fn take_found(&self, found: Vec<SealedCopy>) {
        let refusals = self.refusals.borrow_mut().end_search();
        let names = refusals.iter().filter_map(RefusedCopies::identity);
        let names: Vec<_> = names.map(|identity| self.key.file_name(&identity)).collect();
        for sealed in found {
            // It is about to be removed, or that has just failed.
            if self.pending.borrow().has(&sealed.name) || self.retries.borrow().has(&sealed.name) {
                continue;
            }
            match self.key.open(&sealed.name, &sealed.contents) {
                Ok(record) => {
                    let copy = self.known(&record, sealed, CopyFile::Written);
                    if refusals.iter().any(|refused| refused.has(&copy)) {
                        self.remove_all(vec![copy], RemovalReason::Refused);
                    }
                }
                // It might be used again when it can be read.
                Err(_) if names.contains(&sealed.name) => {
                    self.change(sealed.name, FileChange::Remove(None));
                }
                Err(_) => {}
            }
        }
    }

    fn log_failed(
        &self,
        action: &str,
        file: Option<(&str, Option<&RemovedCopy>)>,
        error: &std::io::Error,
    ) {
        self.count_failure();
        let reason = error.to_string();
        let mut fields: Vec<Field<'_>> = vec![("action", &action)];
        let subject = file.and_then(|(_, copy)| copy).map(RemovedCopy::subject);
        fields.extend(subject.iter().map(|(kind, name)| -> Field<'_> { (kind, name) }));
        fields.extend(file.iter().map(|(name, _)| -> Field<'_> { ("file", name) }));
        fields.push(("reason", &reason));
        self.log().event(&OFFLINE_COPY_FAILED, &fields);
    }
}
