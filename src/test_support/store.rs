//! The directory of the session cache in memory.

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

    /// Returns whether there is a file of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.state().files.contains_key(name)
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
        self.state().files.insert(name.to_owned(), contents.to_vec());
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.state().files.remove(name);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
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
