//! Files as the rest of the program sees them.

use std::io;
use std::path::{Path, PathBuf};

use crate::secret::SecretBytes;

/// The place that certificates and keys are read from and secrets are written to.
pub trait Files: Sync {
    /// Reads all of `path`, which must be no directory and at most [`MAX_SIZE`] bytes long.
    fn read(&self, path: &Path) -> Result<SecretBytes, FileError>;

    /// Replaces `path` by a file of mode 0600 with these contents, whole or not at all.
    fn replace(&self, path: &Path, contents: &[u8]) -> Result<(), FileError>;
}

/// The largest file that is read, in bytes.
pub const MAX_SIZE: u64 = 1 << 20;

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("could not {} `{}`", action.verb(), path.display())]
pub struct FileError {
    /// What was attempted.
    pub action: Action,
    /// On which file.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

/// What was attempted on a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// To read it.
    Read,
    /// To write it.
    Write,
}

impl Action {
    fn verb(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}
