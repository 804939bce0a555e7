//! The port to the credentials file: read, edited and written by one process at a time.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::credentials_file::ProfileError;
use crate::credentials_file::upkeep::Unsettled;
use crate::output::log::FieldValue;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::disclosure::path_name;

/// The largest credentials file that is edited, in bytes.
pub const MAX_SIZE: u64 = 1 << 20;

/// Turns the text of the file into its new text; the text of a file that is not there is empty.
///
/// It is called again if the file has changed in the meantime, so it must be a function of the text.
pub type Edit<'a> = dyn FnMut(&[u8]) -> Result<SecretBytes, ProfileError> + 'a;

/// A credentials file that several processes edit and others read at any time.
pub trait SharedCredentialsFile: Sync {
    /// Reads `path` as it is now.
    fn look(&self, path: &Path) -> Result<Look, ProfileFileError>;

    /// Returns a process that has the file open for writing, of those that this one may see.
    fn writer(&self, path: &Path) -> Option<u32>;

    /// Edits and writes `path`, unless another process does so now, or it is not as `expected`.
    ///
    /// It never waits for the other process: [`ProfileFileError::Busy`] asks to come back. A
    /// process that was killed blocks no other, and leaves the old file or the new one. Owner,
    /// group, mode and a link stay as they are; a link of another user is refused unless the file
    /// is theirs. A file that is not there is made of mode 0600, and its directory, if that is all
    /// that is missing, of mode 0700.
    fn try_edit(
        &self,
        path: &Path,
        expected: Option<Stamp>,
        edit: &mut Edit<'_>,
    ) -> Result<Edited, ProfileFileError>;

    /// Returns the permissions of a file that others than its owner may read.
    fn readable_by_others(&self, path: &Path) -> Option<u32>;
}

/// A file that another one has replaced, kept open: programs that opened it before may write to it.
pub trait ReplacedFile {
    /// Reads it as it is now.
    fn look(&self) -> io::Result<Look>;

    /// Returns a process that has it open for writing, of those that this one may see.
    fn writer(&self) -> Option<u32>;
}

/// A file as it was found.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Which file it is, and which version of it; `None` if there is none.
    pub stamp: Option<Stamp>,
    /// How long ago it was modified, by the wall clock.
    pub age: Duration,
    /// Whether nothing happened to it since it was modified: it did not get its name by a rename.
    pub in_place: bool,
    /// Its text; empty if there is none.
    pub text: SecretBytes,
}

/// Tells a file, and a version of it, from others.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stamp {
    /// The file system.
    pub device: u64,
    /// The file.
    pub inode: u64,
    /// Its size in bytes.
    pub size: u64,
    /// When it was modified, in seconds and nanoseconds.
    pub modified: (i64, i64),
}

/// What an edit came to.
pub struct Edited {
    /// What became of the file.
    pub written: Written,
    /// The file that was replaced, with the text that was edited.
    pub replaced: Option<(Box<dyn ReplacedFile>, Look)>,
}

impl From<Written> for Edited {
    fn from(written: Written) -> Self {
        Self { written, replaced: None }
    }
}

impl fmt::Debug for Edited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt(f)
    }
}

/// What became of the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Written {
    /// It says already what it has to, and was not touched.
    Unchanged,
    /// The new file took the place of the old one in one step.
    Whole,
    /// The old file was written over, since none could take its place.
    ///
    /// A reader in between, or after a loss of power, may see a part of it.
    InPlace(Obstacle),
}

/// Why no new file could take the place of the old one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Obstacle {
    /// The file is a mount of its own.
    Mounted,
    /// Nothing can be made or renamed in its directory.
    Directory,
    /// A new file could not be given its owner, group or access list.
    Owner,
    /// The file has other names, which a new file would not have.
    HardLinks,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mounted => "the file is a mount of its own",
            Self::Directory => "its directory cannot be written to",
            Self::Owner => "its owner, group or access list cannot be given to a new file",
            Self::HardLinks => "the file has several hard links",
        })
    }
}

impl FieldValue for Obstacle {}

/// The credentials file could not be edited.
#[derive(Debug, thiserror::Error)]
pub enum ProfileFileError {
    /// Another process edits it.
    #[error("another process is writing {}", path_name(path, true))]
    Busy {
        /// The credentials file.
        path: PathBuf,
    },
    /// Another program may be in the middle of writing it.
    #[error("did not write {}", path_name(path, true))]
    Unsettled {
        /// The credentials file.
        path: PathBuf,
        /// What tells so.
        source: Unsettled,
    },
    /// It is another user's, who could have put it there.
    #[error("{} belongs to another user (uid {owner})", path_name(path, true))]
    ForeignOwner {
        /// The credentials file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// It could not be read.
    #[error("could not read {}", path_name(path, false))]
    Read {
        /// The credentials file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It could not be written.
    #[error("could not write {}", path_name(path, false))]
    Write {
        /// The credentials file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its directory is not there, and could not be made.
    #[error("could not make the directory {}", path_name(path, false))]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is a directory, a pipe or a device.
    #[error("{} is not a regular file", path_name(path, true))]
    NotRegular {
        /// The credentials file.
        path: PathBuf,
    },
    /// It is a link to what is not there.
    #[error("{} is a link that leads nowhere", path_name(path, true))]
    Dangling {
        /// The link.
        path: PathBuf,
    },
    /// It is a link of another user to a file that is not theirs.
    #[error(
        "{} is a link of another user (uid {owner}), to a file that is not theirs",
        path_name(path, true)
    )]
    ForeignLink {
        /// The link.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// It is, or would become, larger than any credentials file.
    #[error("{} is larger than {MAX_SIZE} bytes", path_name(path, true))]
    TooLarge {
        /// The credentials file.
        path: PathBuf,
    },
    /// Something stands where the new file is prepared, and it is not what we left there.
    #[error("{} is in the way: it is not a file of ours", path_name(path, true))]
    InTheWay {
        /// The temporary file.
        path: PathBuf,
    },
    /// Its text could not be edited.
    #[error("could not edit {}", path_name(path, true))]
    Text {
        /// The credentials file.
        path: PathBuf,
        /// Why.
        source: ProfileError,
    },
}
