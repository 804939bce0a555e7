//! The port of a private directory, and its types. The session cache is in one, and so is the token
//! file of `serve`.
//!
//! Those modules decide what its files hold and what they are called.

use std::io;
use std::path::PathBuf;

use crate::options::table::Origin;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::time::Timestamp;

/// What ends the name of a file that is being written, until it replaces the one that it is for.
pub const TEMPORARY_SUFFIX: &str = ".new";

/// A directory that belongs to this user only; it is created if it does not exist.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfiguredDir {
    /// Its path.
    pub path: PathBuf,
    /// The flag or variable that named it.
    pub origin: Origin,
    /// Who has to own its parent directory.
    pub parent_owner: ParentOwner,
}

/// Who has to own the parent of a directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ParentOwner {
    /// Any user, since the user named the directory itself; missing parents are created too.
    AnyUser,
    /// This user. The variable that named the parent may be inherited from another user (`sudo`,
    /// `su`), whose own programs could not use a directory that we created there.
    ThisUser,
}

/// A directory that belongs to this user only, of small files that only this user can read.
///
/// Anything else in it (a link, a pipe, a file that others can read) is an error, like a file that
/// cannot be read.
pub trait Store: Sync {
    /// Returns the contents of a file; `None` if it does not exist.
    fn read(&self, name: &str) -> io::Result<Option<SecretBytes>>;

    /// Replaces a file as a whole or not at all; creates the directory if it does not exist.
    fn write(&self, name: &str, contents: &[u8]) -> io::Result<()>;

    /// Returns whether a file exists. Reads nothing of it.
    fn has(&self, name: &str) -> io::Result<bool>;

    /// Removes a file; one that does not exist is not an error.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Removes the contents of a file, for one that cannot be removed itself.
    fn truncate(&self, name: &str) -> io::Result<()>;

    /// Makes the names of the files as they are now last through a loss of power.
    fn sync(&self) -> io::Result<()>;

    /// Locks a file against other processes, and creates it if it does not exist; does not wait.
    ///
    /// Returns `None` if another process holds the lock. The system releases the locks of a process
    /// that has died.
    fn try_lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock + '_>>>;

    /// Returns the files whose names `matches` accepts, some hundreds at most; `None` if the
    /// directory does not exist.
    fn list(&self, matches: fn(&str) -> bool) -> io::Result<Option<Vec<DirEntry>>>;
}

/// A file that is locked until this is dropped.
pub trait Lock {
    /// Replaces the contents of the file.
    fn write(&mut self, contents: &[u8]) -> io::Result<()>;
}

/// A file of a [`Store`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DirEntry {
    /// Its name.
    pub name: String,
    /// When it was written.
    pub modified: Timestamp,
}
