//! Sessions kept on disk between runs.
//!
//! Read [`sessions::Sessions::session`] first: what is served, who refreshes, who waits.

pub mod entry;
mod entry_lock;
mod failure_record;
pub mod key;
pub mod policy;
pub mod sessions;

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::time::Timestamp;

/// Where sessions are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// They are not.
    Nowhere,
    /// In this directory.
    Directory(Directory),
}

/// A directory that belongs to this user alone; it is made if there is none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Directory {
    /// Its path.
    pub path: PathBuf,
    /// The flag or variable that named it.
    pub origin: Cow<'static, str>,
    /// Whose the directory above it has to be.
    pub above: Above,
}

/// Whose the directory above another one has to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Above {
    /// Any user's, since the user named the directory itself; missing ones above it are made too.
    Anybodys,
    /// This user's: its variable may be inherited from another user, whose own programs would be
    /// kept out by what was made there (`sudo`, `su`).
    Own,
}

/// A directory that belongs to this user alone, of small files that it alone can read.
///
/// What stands there and is not such a file fails like one that cannot be read.
pub trait Store: Sync {
    /// Returns what is in a file; `None` where there is none.
    fn read(&self, name: &str) -> io::Result<Option<SecretBytes>>;

    /// Replaces a file whole or not at all, and makes the directory where there is none.
    fn write(&self, name: &str, contents: &[u8]) -> io::Result<()>;

    /// Removes a file; one that is not there is no error.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Locks a file against other processes, and makes it where there is none; does not wait.
    ///
    /// Returns `None` where another process has it. The system unlocks what a dead process held.
    fn try_lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock + '_>>>;

    /// Returns the files that are the cache's by their names ([`key::Role`]), some hundreds at the
    /// most; `None` if there is no directory.
    fn list(&self) -> io::Result<Option<Vec<Listed>>>;
}

/// A file that is locked until this is dropped.
pub trait Lock {
    /// Replaces what is in the file.
    fn write(&mut self, contents: &[u8]) -> io::Result<()>;
}

/// A file of a [`Store`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// When it was written.
    pub modified: Timestamp,
}
