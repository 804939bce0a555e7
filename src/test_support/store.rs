//! A private directory in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, MutexGuard};

use crate::private_dir::{DirEntry, Lock, Store};
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::time::Timestamp;

/// Files and locks, as of several processes of one user.
#[derive(Default)]
pub(crate) struct FakeStore(Mutex<State>);

#[derive(Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    locked: BTreeSet<String>,
    before_lock: Option<BeforeLock>,
    /// When all files were written; they are not listed without it.
    modified: Option<Timestamp>,
    /// What fails until it is allowed again.
    failing: Vec<StoreAction>,
}

/// What can fail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum StoreAction {
    Write,
    Remove,
    Truncate,
    Sync,
}

type BeforeLock = Box<dyn FnOnce(&FakeStore) + Send>;

impl FakeStore {
    /// Does something, as another process would, just before the next lock is taken.
    pub(crate) fn before_lock(&self, act: impl FnOnce(&Self) + Send + 'static) {
        self.state().before_lock = Some(Box::new(act));
    }

    /// Lists the files, as if they were written at this time.
    pub(crate) fn list_as_of(&self, modified: Timestamp) {
        self.state().modified = Some(modified);
    }

    /// Makes these actions fail, as on a full disk or one that is read-only, and no others.
    pub(crate) fn fail(&self, actions: &[StoreAction]) {
        self.state().failing = actions.to_vec();
    }

    fn check(&self, action: StoreAction) -> io::Result<()> {
        match self.state().failing.contains(&action) {
            true => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
            false => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Store for FakeStore {
    fn read(&self, name: &str) -> io::Result<Option<SecretBytes>> {
        Ok(self.state().files.get(name).cloned().map(SecretBytes::new))
    }

    fn write(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        self.check(StoreAction::Write)?;
        self.state().files.insert(name.to_owned(), contents.to_vec());
        Ok(())
    }

    fn has(&self, name: &str) -> io::Result<bool> {
        Ok(self.state().files.contains_key(name))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.check(StoreAction::Remove)?;
        self.state().files.remove(name);
        Ok(())
    }

    fn truncate(&self, name: &str) -> io::Result<()> {
        self.check(StoreAction::Truncate)?;
        self.state()
            .files
            .get_mut(name)
            .map(Vec::clear)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync(&self) -> io::Result<()> {
        self.check(StoreAction::Sync)
    }

    fn try_lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock + '_>>> {
        let act = self.state().before_lock.take();
        act.into_iter().for_each(|act| act(self));
        if !self.state().locked.insert(name.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(FakeLock { store: self, name: name.to_owned() })))
    }

    fn list(&self, matches: fn(&str) -> bool) -> io::Result<Option<Vec<DirEntry>>> {
        let state = self.state();
        let Some(modified) = state.modified else { return Ok(None) };
        let names = state.files.keys().filter(|name| matches(name));
        Ok(Some(names.map(|name| DirEntry { name: name.clone(), modified }).collect()))
    }
}

struct FakeLock<'a> {
    store: &'a FakeStore,
    name: String,
}

impl Lock for FakeLock<'_> {
    fn write(&mut self, contents: &[u8]) -> io::Result<()> {
        self.store.write(&self.name, contents)
    }
}

impl Drop for FakeLock<'_> {
    fn drop(&mut self) {
        self.store.state().locked.remove(&self.name);
    }
}
