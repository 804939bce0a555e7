//! Changes of files that are to be made, of which the last one of each file counts.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::identity::{CopyIdentity, CopyKind};
use super::sealing::{SealedCopy, is_copy_name};
use crate::private_dir::Store;

/// What becomes of a file.
#[derive(Clone, Debug)]
pub(super) enum FileChange {
    /// It gets these contents.
    Write(Vec<u8>),
    /// It gets these contents if it does not exist.
    WriteIfMissing(Vec<u8>),
    /// It is removed.
    Remove(Option<RemovedCopy>),
}

/// What is done to a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ChangeKind {
    Write,
    Remove,
}

impl ChangeKind {
    /// Returns its name in the log.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Remove => "remove",
        }
    }
}

/// Why a copy is removed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RemovalReason {
    /// It is not to be kept any more.
    NotConfigured,
    /// AWS confirmed it too long ago.
    TooOld,
    /// There are too many copies.
    TooMany,
    /// AWS refuses it.
    Refused,
    /// AWS returned another value, whose copy could not be written.
    OutOfDate,
}

impl RemovalReason {
    /// Returns its name in the log.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NotConfigured => "not_configured",
            Self::TooOld => "too_old",
            Self::TooMany => "too_many",
            Self::Refused => "refused",
            Self::OutOfDate => "out_of_date",
        }
    }
}

/// A copy that is removed.
#[derive(Clone, Debug)]
pub(super) struct RemovedCopy {
    kind: CopyKind,
    name: String,
    pub(super) reason: RemovalReason,
}

impl RemovedCopy {
    pub(super) fn new(identity: CopyIdentity, reason: RemovalReason) -> Self {
        Self { kind: identity.kind, name: identity.name, reason }
    }

    /// Returns its kind in the log, and its name.
    pub(super) fn subject(&self) -> (&'static str, &String) {
        let kind = match self.kind {
            CopyKind::Secret => "secret",
            CopyKind::Parameter | CopyKind::EncryptedParameter => "parameter",
        };
        (kind, &self.name)
    }
}

/// A change that could not be made.
#[derive(Debug)]
pub(super) struct FailedChange {
    pub(super) name: String,
    pub(super) kind: ChangeKind,
    /// The copy that was to be removed.
    pub(super) removed: Option<RemovedCopy>,
    pub(super) error: io::Error,
    /// What the file holds after a failed write; `None` if it does not exist. An error if that is not known.
    pub(super) left: io::Result<Option<Vec<u8>>>,
}

/// Changes by the names of the files.
#[derive(Debug, Default)]
pub(super) struct FileChanges(BTreeMap<String, FileChange>);

impl FileChanges {
    pub(super) fn set(&mut self, name: String, change: FileChange) {
        self.0.insert(name, change);
    }

    pub(super) fn drop_change(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds `others`, except those of files that have a change.
    pub(super) fn add_if_absent(&mut self, others: Self) {
        for (name, change) in others.0 {
            self.0.entry(name).or_insert(change);
        }
    }
}

/// What another thread does with the directory: it makes changes, then it searches for copies.
#[derive(Debug, Default)]
pub(super) struct DirectoryWork {
    pub(super) changes: FileChanges,
    /// The names of the files that are known, if the others are searched for.
    pub(super) search_except: Option<BTreeSet<String>>,
}

/// What became of a [`DirectoryWork`].
#[derive(Debug, Default)]
pub(super) struct WorkOutcome {
    /// The files that were written or are there.
    pub(super) written: Vec<String>,
    /// The copies that were removed, with the names of their files.
    pub(super) removed: Vec<(String, RemovedCopy)>,
    pub(super) failed: Vec<FailedChange>,
    /// What was found; an error if the directory cannot be listed. `None` without a search.
    pub(super) found: Option<io::Result<Vec<SealedCopy>>>,
}

impl DirectoryWork {
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.search_except.is_none()
    }

    /// Does it. Removed names do not come back after a loss of power.
    pub(super) fn perform(self, store: &dyn Store) -> WorkOutcome {
        let mut outcome = WorkOutcome::default();
        let mut removed = Vec::new();
        for (name, change) in self.changes.0 {
            match change {
                FileChange::Write(contents) => outcome.write(name, &contents, store),
                FileChange::WriteIfMissing(contents) => match store.has(&name) {
                    Ok(false) => outcome.write(name, &contents, store),
                    Ok(true) => outcome.written.push(name),
                    Err(error) => outcome.failed.push(failed_write(name, error, store)),
                },
                FileChange::Remove(copy) => match remove(&name, store) {
                    Ok(()) => removed.push((name, copy)),
                    Err(error) => outcome.failed.push(failed_removal(name, copy, error)),
                },
            }
        }
        match if removed.is_empty() { Ok(()) } else { store.sync() } {
            Ok(()) => {
                let named = removed.into_iter().filter_map(|(name, copy)| Some((name, copy?)));
                outcome.removed.extend(named);
            }
            Err(error) => outcome.failed.extend(removed.into_iter().map(|(name, copy)| {
                failed_removal(name, copy, io::Error::new(error.kind(), error.to_string()))
            })),
        }
        outcome.found = self.search_except.map(|known| search(&known, store));
        outcome
    }
}

impl WorkOutcome {
    fn write(&mut self, name: String, contents: &[u8], store: &dyn Store) {
        match store.write(&name, contents) {
            Ok(()) => self.written.push(name),
            Err(error) => self.failed.push(failed_write(name, error, store)),
        }
    }
}

fn failed_write(name: String, error: io::Error, store: &dyn Store) -> FailedChange {
    let left = store.read(&name).map(|contents| contents.map(|it| it.expose().to_vec()));
    FailedChange { name, kind: ChangeKind::Write, removed: None, error, left }
}

fn failed_removal(name: String, removed: Option<RemovedCopy>, error: io::Error) -> FailedChange {
    FailedChange { name, kind: ChangeKind::Remove, removed, error, left: Ok(None) }
}

/// Removes a file, or at least its contents, for which the directory need not be writable.
fn remove(name: &str, store: &dyn Store) -> io::Result<()> {
    store.remove(name).or_else(|error| store.truncate(name).map_err(|_| error))
}

/// Returns the copies whose names are not `known`. One that cannot be read has no contents.
fn search(known: &BTreeSet<String>, store: &dyn Store) -> io::Result<Vec<SealedCopy>> {
    let files = store.list(is_copy_name)?.unwrap_or_default();
    let unknown = files.into_iter().filter(|file| !known.contains(&file.name));
    let copies = unknown.map(|file| {
        let contents = store.read(&file.name).ok().flatten();
        let contents = contents.map(|it| it.expose().to_vec()).unwrap_or_default();
        SealedCopy { name: file.name, contents }
    });
    Ok(copies.collect())
}
