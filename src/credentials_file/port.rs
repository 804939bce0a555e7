//! The port of the credentials file, which one process at a time edits.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::credentials_file::ProfileError;
use crate::credentials_file::reconcile::NotSettled;
use crate::output::log::FieldValue;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::disclosure::path_name;

/// The largest credentials file that is edited, in bytes.
pub const MAX_SIZE: u64 = 1 << 20;

/// Returns the new text of the file for its current one, which is empty if the file does not exist.
///
/// It is called again if the file has changed meanwhile, so it must depend on the text only.
pub type Edit<'a> = dyn FnMut(&[u8]) -> Result<SecretBytes, ProfileError> + 'a;

/// A credentials file that several processes edit and others read at any time.
pub trait SharedCredentialsFile: Sync {
    /// Reads `path` as it is now.
    fn read(&self, path: &Path) -> Result<FileSnapshot, ProfileFileError>;

    /// Returns a process that has the file open for writing, if this process may see it.
    fn writer(&self, path: &Path) -> Option<u32>;

    /// Edits and writes `path` if it still is the version `expected`.
    ///
    /// It never waits for another process that edits: [`ProfileFileError::Busy`] means to try again. A
    /// killed process blocks no other one, and leaves the old file or the new one. Owner, group, mode
    /// and a link stay as they are; a link of another user is refused unless the file is theirs. A new
    /// file has mode 0600; if its directory is missing, it is created with mode 0700.
    fn try_edit(
        &self,
        path: &Path,
        expected: Option<Stamp>,
        edit: &mut Edit<'_>,
    ) -> Result<WriteOutcome, ProfileFileError>;

    /// Returns the mode of a file that other users than its owner may read.
    fn readable_by_others(&self, path: &Path) -> Option<u32>;
}

/// A file that was replaced, kept open since programs that opened it before may still write to it.
pub trait ReplacedFile {
    /// Reads it as it is now.
    fn read(&self) -> io::Result<FileSnapshot>;

    /// Returns a process that has it open for writing, if this process may see it.
    fn writer(&self) -> Option<u32>;
}

/// A file as it was read.
#[derive(Clone, Debug, Default)]
pub struct FileSnapshot {
    /// Which file it is, and which version of it; `None` if it does not exist.
    pub stamp: Option<Stamp>,
    /// How long ago it was modified, by the wall clock.
    pub age: Duration,
    /// Whether its last change was a write in place, not a rename.
    pub in_place: bool,
    /// Its text; empty if it does not exist.
    pub text: SecretBytes,
}

/// The identity of a file and of its version.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stamp {
    /// The device of its file system.
    pub device: u64,
    /// The inode.
    pub inode: u64,
    /// Its size in bytes.
    pub size: u64,
    /// When it was modified, in seconds and nanoseconds.
    pub modified: (i64, i64),
}

/// The outcome of an edit.
pub struct WriteOutcome {
    /// How the file was written.
    pub written: WriteMethod,
    /// The file that was replaced, with the text that was edited.
    pub replaced: Option<(Box<dyn ReplacedFile>, FileSnapshot)>,
}

impl From<WriteMethod> for WriteOutcome {
    fn from(written: WriteMethod) -> Self {
        Self { written, replaced: None }
    }
}

impl fmt::Debug for WriteOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt(f)
    }
}

/// How the file was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WriteMethod {
    /// Not at all: it had the right text already.
    Unchanged,
    /// A new file replaced the old one in one step.
    Whole,
    /// The old file was written in place, since it could not be replaced.
    ///
    /// A program that reads it meanwhile, or after a power failure, may see a part of it.
    InPlace(ReplaceObstacle),
}

/// Why the file could not be replaced by a new one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReplaceObstacle {
    /// The file is a mount point.
    Mounted,
    /// No file can be created or renamed in its directory.
    Directory,
    /// A new file could not be given its owner, group or access list.
    Owner,
    /// The file has other names, which a new file would not have.
    HardLinks,
}

impl fmt::Display for ReplaceObstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mounted => "the file is a mount point",
            Self::Directory => "its directory cannot be written to",
            Self::Owner => "a new file cannot have its owner, group or access list",
            Self::HardLinks => "the file has several hard links",
        })
    }
}

impl FieldValue for ReplaceObstacle {}

/// Why the credentials file could not be edited.
#[derive(Debug, thiserror::Error)]
pub enum ProfileFileError {
    /// Another process edits it.
    #[error("another process is writing {}", path_name(path, true))]
    Busy {
        /// The credentials file.
        path: PathBuf,
    },
    /// Another program may be in the middle of writing it.
    #[error("{} was not written", path_name(path, true))]
    NotSettled {
        /// The credentials file.
        path: PathBuf,
        /// The sign of it.
        source: NotSettled,
    },
    /// It belongs to another user, who could read what is written to it.
    #[error("{} belongs to another user (uid {owner})", path_name(path, true))]
    ForeignOwner {
        /// The credentials file.
        path: PathBuf,
        /// The uid of its owner.
        owner: u32,
    },
    /// It could not be read.
    #[error("cannot read {}", path_name(path, false))]
    Read {
        /// The credentials file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It could not be written.
    #[error("cannot write {}", path_name(path, false))]
    Write {
        /// The credentials file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its directory does not exist and could not be created.
    #[error("cannot create the directory {}", path_name(path, false))]
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
    /// It is a dangling link.
    #[error("{} is a dangling symbolic link", path_name(path, true))]
    Dangling {
        /// The link.
        path: PathBuf,
    },
    /// It is a link of another user to a file that is not theirs.
    #[error(
        "{} is a symbolic link of another user (uid {owner}) to a file of a different owner",
        path_name(path, true)
    )]
    ForeignLink {
        /// The link.
        path: PathBuf,
        /// The uid of its owner.
        owner: u32,
    },
    /// It is, or would become, larger than any credentials file.
    #[error("{} is larger than {MAX_SIZE} bytes", path_name(path, true))]
    TooLarge {
        /// The credentials file.
        path: PathBuf,
    },
    /// The temporary file exists, and is not one of a killed run.
    #[error("{} exists and was not created by this program", path_name(path, true))]
    InTheWay {
        /// The temporary file.
        path: PathBuf,
    },
    /// Its text could not be edited.
    #[error("cannot edit {}", path_name(path, true))]
    Text {
        /// The credentials file.
        path: PathBuf,
        /// Why.
        source: ProfileError,
    },
}

impl ProfileFileError {
    /// Returns whether one profile must not be written, and others may be.
    pub fn is_of_profile(&self) -> bool {
        matches!(self, Self::Text { source: ProfileError::LongLived(_), .. })
    }
}
