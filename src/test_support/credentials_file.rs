//! A credentials file in memory for tests, which other programs write at the moments of a test's
//! choice.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::credentials_file::port::{
    Edit, FileSnapshot, ProfileFileError, ReplacedFile, SharedCredentialsFile, Stamp, WriteMethod,
    WriteOutcome,
};
use roles_anywhere_client::secret::SecretBytes;

/// A name, and the files that were ever under it, each by its number.
#[derive(Clone, Default)]
pub(crate) struct FakeCredentialsFile(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: Vec<Inode>,
    /// Which is under the name.
    current: Option<usize>,
    /// Why it cannot be written.
    obstacle: Option<io::ErrorKind>,
    /// Whose it is, if it is another user's.
    owner: Option<u32>,
    edits: usize,
    /// What another program does between the last look and the rename.
    in_between: Option<Act>,
}

type Act = Box<dyn FnOnce(&FakeCredentialsFile) + Send>;

#[derive(Default)]
struct Inode {
    text: Vec<u8>,
    version: i64,
    /// Whether it was as it is for hours when it was first seen.
    is_old: bool,
    writer: Option<u32>,
}

impl FakeCredentialsFile {
    /// Makes a file that has been as it is for hours.
    pub(crate) fn holding(text: &str) -> Self {
        let file = Self::default();
        file.rename_over(text);
        file.state().files[0].is_old = true;
        file
    }

    /// Writes over the current file.
    pub(crate) fn put(&self, text: &str) {
        let current = self.current().unwrap_or_else(|| self.rename_over(""));
        self.write_to(current, text);
    }

    /// Puts a new file under the name.
    pub(crate) fn rename_over(&self, text: &str) -> usize {
        let mut state = self.state();
        state.files.push(Inode { text: text.into(), ..Inode::default() });
        let new = state.files.len() - 1;
        state.current = Some(new);
        new
    }

    pub(crate) fn remove(&self) {
        self.state().current = None;
    }

    /// Returns which file is under the name.
    pub(crate) fn current(&self) -> Option<usize> {
        self.state().current
    }

    /// Writes over a file, whether it still is under the name or not.
    pub(crate) fn write_to(&self, file: usize, text: &str) {
        let file = &mut self.state().files[file];
        (file.text, file.version, file.is_old) = (text.into(), file.version + 1, false);
    }

    /// Shows a process that has a file open for writing.
    pub(crate) fn show_writer(&self, file: usize, writer: impl Into<Option<u32>>) {
        self.state().files[file].writer = writer.into();
    }

    /// Does something between the last look and the rename of the next edit.
    pub(crate) fn in_between(&self, act: impl FnOnce(&Self) + Send + 'static) {
        self.state().in_between = Some(Box::new(act));
    }

    pub(crate) fn obstruct(&self, obstacle: impl Into<Option<io::ErrorKind>>) {
        self.state().obstacle = obstacle.into();
    }

    /// Gives the file to another user.
    pub(crate) fn give_to(&self, owner: u32) {
        self.state().owner = Some(owner);
    }

    pub(crate) fn text(&self) -> String {
        let state = self.state();
        let text = state.current.map(|current| state.files[current].text.clone());
        String::from_utf8(text.unwrap_or_default()).unwrap()
    }

    /// Returns how often it was edited, or tried to be.
    pub(crate) fn edits(&self) -> usize {
        self.state().edits
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn snapshot_of(&self, number: usize) -> FileSnapshot {
        let file = &self.state().files[number];
        let stamp = Stamp {
            inode: number as u64,
            size: file.text.len() as u64,
            modified: (file.version, 0),
            ..Stamp::default()
        };
        let age = Duration::from_secs(if file.is_old { 10_000 } else { 0 });
        let (in_place, text) = (file.version > 0, SecretBytes::new(file.text.clone()));
        FileSnapshot { stamp: Some(stamp), age, in_place, text }
    }
}

impl SharedCredentialsFile for FakeCredentialsFile {
    fn read(&self, path: &Path) -> Result<FileSnapshot, ProfileFileError> {
        if let Some(owner) = self.state().owner {
            return Err(ProfileFileError::ForeignOwner { path: path.to_owned(), owner });
        }
        Ok(self.current().map_or_else(FileSnapshot::default, |current| self.snapshot_of(current)))
    }

    fn writer(&self, _path: &Path) -> Option<u32> {
        self.current().and_then(|current| self.state().files[current].writer)
    }

    fn try_edit(
        &self,
        path: &Path,
        expected: Option<Stamp>,
        edit: &mut Edit<'_>,
    ) -> Result<WriteOutcome, ProfileFileError> {
        self.state().edits += 1;
        if let Some(kind) = self.state().obstacle {
            return Err(ProfileFileError::Write { path: path.to_owned(), source: kind.into() });
        }
        let snapshot = self.read(path)?;
        if snapshot.stamp != expected {
            return Err(ProfileFileError::Busy { path: path.to_owned() });
        }
        let new = edit(snapshot.text.expose())
            .map_err(|source| ProfileFileError::Text { path: path.to_owned(), source })?;
        let act = self.state().in_between.take();
        act.into_iter().for_each(|act| act(self));
        let old = self.current();
        self.rename_over(std::str::from_utf8(new.expose()).unwrap());
        let replaced = old.map(|old| {
            let file: Box<dyn ReplacedFile> = Box::new(FakeReplaced(self.clone(), old));
            (file, snapshot)
        });
        Ok(WriteOutcome { written: WriteMethod::Whole, replaced })
    }

    fn readable_by_others(&self, _path: &Path) -> Option<u32> {
        None
    }
}

struct FakeReplaced(FakeCredentialsFile, usize);

impl ReplacedFile for FakeReplaced {
    fn read(&self) -> io::Result<FileSnapshot> {
        Ok(self.0.snapshot_of(self.1))
    }

    fn writer(&self) -> Option<u32> {
        self.0.state().files[self.1].writer
    }
}
