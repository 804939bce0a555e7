//! Where key material comes from, and files as the rest of the program sees them.

pub mod snapshot;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::secret::SecretBytes;

/// A place that a certificate, a key or a password is read from, as the user writes it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Source {
    /// A file, read anew each time.
    File(PathBuf),
    /// `-`: standard input, read once to its end and kept.
    Stdin,
    /// `fd:N`: an open file descriptor, read once to its end and kept.
    Descriptor(u32),
    /// `env:NAME`: an environment variable.
    Variable(String),
}

impl Source {
    /// Reads `-`, `fd:N`, `env:NAME` or a path; a file of such a name is written `./-`.
    pub fn parse(text: &str) -> Self {
        if text == "-" {
            return Self::Stdin;
        }
        if let Some(number) = text.strip_prefix("fd:").and_then(|number| number.parse().ok()) {
            return Self::Descriptor(number);
        }
        match text.strip_prefix("env:") {
            Some(name) if !name.is_empty() => Self::Variable(name.to_owned()),
            _ => Self::File(PathBuf::from(text)),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "`{}`", path.display()),
            Self::Stdin => f.write_str("standard input"),
            Self::Descriptor(number) => write!(f, "file descriptor {number}"),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
        }
    }
}

/// The place that certificates and keys are read from and secrets are written to.
pub trait Files: Sync {
    /// Reads all of `source`, at most [`MAX_SIZE`] bytes.
    ///
    /// A directory is refused, and so is a pipe that nobody writes to. What is no file is read once
    /// a process and kept.
    fn read(&self, source: &Source) -> Result<SecretBytes, FileError>;

    /// Returns the permissions of a file that others than its owner may read; `None` where nobody
    /// else may, or where it is no file.
    fn readable_by_others(&self, source: &Source) -> Option<u32>;

    /// Replaces `path` by a file of mode 0600 with these contents, whole or not at all.
    ///
    /// A pipe or device that belongs to this user or to root is written to, for `limit` at most.
    /// What belongs to another user, and what a link of another user leads to, is refused.
    fn write(&self, path: &Path, contents: &[u8], limit: Duration) -> Result<(), FileError>;
}

/// The largest file that is read, in bytes.
pub const MAX_SIZE: u64 = 1 << 20;

/// A file could not be read, written or removed.
#[derive(Debug, thiserror::Error)]
#[error("could not {} {place}", action.verb())]
pub struct FileError {
    /// What was attempted.
    pub action: Action,
    /// On what.
    pub place: Source,
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
    /// To remove it.
    Remove,
}

impl Action {
    fn verb(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Remove => "remove",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_sources_from_paths() {
        let rows = [
            ("-", Source::Stdin),
            ("fd:3", Source::Descriptor(3)),
            ("env:KEY", Source::Variable("KEY".to_owned())),
            ("./-", Source::File("./-".into())),
            ("fd:x", Source::File("fd:x".into())),
            ("env:", Source::File("env:".into())),
            ("key.pem", Source::File("key.pem".into())),
        ];
        for (text, source) in rows {
            assert_eq!(Source::parse(text), source);
        }
    }
}
