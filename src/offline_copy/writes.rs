//! Changes of files that are to be made, of which the last one of each file counts.

use std::collections::BTreeMap;
use std::io;

use super::sealing::SealedCopy;
use crate::private_dir::Store;

/// What becomes of a file.
#[derive(Clone, Debug)]
pub(super) enum FileChange {
    /// It gets these contents.
    Write(Vec<u8>),
    /// It is removed.
    Remove,
}

/// A change that could not be made.
#[derive(Debug)]
pub(super) struct FailedChange {
    pub(super) name: String,
    /// What could not be done: `write` or `remove`.
    pub(super) action: &'static str,
    pub(super) error: io::Error,
}

/// Changes by the names of the files.
#[derive(Debug, Default)]
pub(super) struct FileChanges(BTreeMap<String, FileChange>);

impl FileChanges {
    pub(super) fn write(&mut self, SealedCopy { name, contents }: SealedCopy) {
        self.0.insert(name, FileChange::Write(contents));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.insert(name.to_owned(), FileChange::Remove);
    }

    /// Removes a file, unless something else is to become of it.
    pub(super) fn remove_later(&mut self, name: String) {
        self.0.entry(name).or_insert(FileChange::Remove);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes the changes, and returns those that failed. Removed names do not come back after a loss of
    /// power.
    pub(super) fn perform(self, store: &dyn Store) -> Vec<FailedChange> {
        let mut failed = Vec::new();
        let mut removed = None;
        for (name, change) in self.0 {
            let (action, result) = match change {
                FileChange::Write(contents) => ("write", store.write(&name, &contents)),
                FileChange::Remove => ("remove", store.remove(&name)),
            };
            match result {
                Ok(()) if action == "remove" => removed = Some(name),
                Ok(()) => {}
                Err(error) => failed.push(FailedChange { name, action, error }),
            }
        }
        if let Some(name) = removed
            && let Err(error) = store.sync()
        {
            failed.push(FailedChange { name, action: "remove", error });
        }
        failed
    }
}
