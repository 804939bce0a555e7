//! Files in memory, and those of this repository.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::input_source::{Action, FileError, Files, InputSource, Location, MAX_SIZE};
use crate::secret::SecretBytes;

/// A file system: some sources by name, and a rule for all others. Copies share their state.
#[derive(Clone, Debug)]
pub struct FakeFiles(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    named: BTreeMap<Location, Vec<u8>>,
    others: Others,
    modes: BTreeMap<Location, u32>,
    reads: Vec<InputSource>,
}

/// The contents of sources without an entry in `named`.
#[derive(Debug)]
enum Others {
    Missing,
    Same(Vec<u8>),
    /// The contents of the file with that path in this folder.
    Folder(PathBuf),
    /// None may be read.
    Unused,
}

impl FakeFiles {
    /// Returns a file system without files.
    pub fn empty() -> Self {
        Self::of(Others::Missing)
    }

    /// Returns a file system in which every source holds `contents`.
    pub fn holding(contents: impl Into<Vec<u8>>) -> Self {
        Self::of(Others::Same(contents.into()))
    }

    /// Returns the files of this repository, by their paths from `folder`, or from the root.
    pub fn of_repository(folder: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Self::of(Others::Folder(root.join(folder)))
    }

    /// Returns a file system that panics if it is used.
    pub fn unused() -> Self {
        Self::of(Others::Unused)
    }

    fn of(others: Others) -> Self {
        let (named, modes) = (BTreeMap::new(), BTreeMap::new());
        Self(Arc::new(Mutex::new(State { named, others, modes, reads: Vec::new() })))
    }

    /// Adds a source, as an option would name it (`env:NAME`, a path).
    #[must_use]
    pub fn with(self, source: &str, contents: impl Into<Vec<u8>>) -> Self {
        self.put(source, contents);
        self
    }

    /// Sets the contents of a source, as an option would name it.
    pub fn put(&self, source: &str, contents: impl Into<Vec<u8>>) {
        self.state().named.insert(InputSource::parse(source).location, contents.into());
    }

    /// Lets others than its owner read a source, by this mode.
    #[must_use]
    pub fn with_mode(self, source: &str, mode: u32) -> Self {
        self.state().modes.insert(InputSource::parse(source).location, mode);
        self
    }

    /// Sets the contents of all sources without their own contents; `None` makes them missing.
    pub fn hold(&self, contents: Option<&str>) {
        self.state().others =
            contents.map_or(Others::Missing, |contents| Others::Same(contents.into()));
    }

    /// Returns the sources that were read, in that order.
    pub fn reads(&self) -> Vec<InputSource> {
        self.state().reads.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn contents(&self, location: &Location) -> io::Result<Vec<u8>> {
        if let Some(contents) = self.named.get(location) {
            return Ok(contents.clone());
        }
        match &self.others {
            Others::Missing => Err(io::ErrorKind::NotFound.into()),
            Others::Same(contents) => Ok(contents.clone()),
            Others::Folder(folder) => {
                let Location::File(path) = location else { unreachable!("it is a file") };
                read_committed(&folder.join(path))
            }
            Others::Unused => unreachable!("no file may be read here"),
        }
    }
}

/// Reads a file of this repository, by its path from the root.
pub fn committed(path: &str) -> Vec<u8> {
    read_committed(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

fn read_committed(path: &Path) -> io::Result<Vec<u8>> {
    #[expect(clippy::disallowed_methods, reason = "a test reads a committed file")]
    std::fs::read(path)
}

impl Files for FakeFiles {
    fn read(&self, source: &InputSource) -> Result<SecretBytes, FileError> {
        let mut state = self.state();
        state.reads.push(source.clone());
        let contents = state.contents(&source.location).and_then(|contents| {
            let fits = contents.len() as u64 <= MAX_SIZE;
            fits.then_some(contents).ok_or_else(|| io::ErrorKind::FileTooLarge.into())
        });
        contents.map(SecretBytes::new).map_err(|error| FileError {
            action: Action::Read,
            place: source.name(false),
            source: error,
        })
    }

    fn readable_by_others(&self, source: &InputSource) -> Option<u32> {
        let state = self.state();
        assert!(!matches!(state.others, Others::Unused), "no file may be looked at here");
        state.modes.get(&source.location).copied()
    }
}
