//! Where key material comes from, and files as the rest of the program sees them.

pub mod snapshot;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::secret::SecretBytes;
use crate::text::disclosure::{Holds, shown};
use crate::text::path;

/// A place that a certificate, a key or a password is read from, and the option that named it.
///
/// It has no `Display`: the name that a user typed may be the key itself, so that [`Source::name`]
/// judges what a message may say.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub struct Source {
    /// Where it is.
    pub location: Location,
    /// The flag or variable that named it, if one did.
    pub origin: Option<String>,
}

/// Where something is read from.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub enum Location {
    /// A file, read again each time.
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
            return Location::Stdin.into();
        }
        if let Some(number) = text.strip_prefix("fd:").and_then(|number| number.parse().ok()) {
            return Location::Descriptor(number).into();
        }
        match text.strip_prefix("env:") {
            Some(name) if !name.is_empty() => Location::Variable(name.to_owned()).into(),
            _ => Self::file(path::path(text)),
        }
    }

    /// Returns the file of that path.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Location::File(path.into()).into()
    }

    /// Adds the flag or variable that named it.
    #[must_use]
    pub fn named_by(self, origin: impl Into<String>) -> Self {
        Self { origin: Some(origin.into()), ..self }
    }

    /// Returns its name for messages; `exists` says whether it is known to be there.
    pub fn name(&self, exists: bool) -> SourceName {
        let holds = self.origin.as_deref().map_or(Holds::Sensitive, Holds::of);
        let judged =
            |text: &str, name: &str| shown(text, holds, || exists).value().map(|_| name.to_owned());
        let (kind, value) = match &self.location {
            Location::File(path) => {
                let path = path.to_string_lossy();
                (SourceKind::File, judged(&path, &path))
            }
            Location::Stdin => (SourceKind::Stdin, None),
            Location::Descriptor(number) => {
                let number = number.to_string();
                (SourceKind::Descriptor, judged(&format!("fd:{number}"), &number))
            }
            Location::Variable(name) => {
                (SourceKind::Variable, judged(&format!("env:{name}"), name))
            }
        };
        let origin = self.origin.as_deref().map(Into::into);
        let begins = |path: &Path| path.to_string_lossy().starts_with(['~', '$']);
        let unexpanded = matches!(&self.location, Location::File(path) if begins(path));
        SourceName { kind, value: value.map(String::into_boxed_str), origin, unexpanded }
    }
}

impl From<Location> for Source {
    fn from(location: Location) -> Self {
        Self { location, origin: None }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.name(false), f)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Source::from(self.clone()).fmt(f)
    }
}

/// The name of a [`Source`] for messages: its value if that may be shown, and its option.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceName {
    /// What kind of place it is.
    pub kind: SourceKind,
    /// The path, number or name, if it may be shown.
    pub value: Option<Box<str>>,
    /// The flag or variable that named it, if one did.
    pub origin: Option<Box<str>>,
    /// Whether it is a path that begins with `~` or `$`, as a shell would expand it.
    pub unexpanded: bool,
}

/// A kind of place that something is read from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SourceKind {
    /// A file.
    File,
    /// Standard input.
    Stdin,
    /// An open file descriptor.
    Descriptor,
    /// An environment variable.
    Variable,
}

impl SourceName {
    /// Returns the name of a path that no option for key material named.
    pub fn of_path(path: &Path, exists: bool) -> Self {
        let path = path.to_string_lossy();
        let value = shown(&path, Holds::Text, || exists).value().map(Into::into);
        Self {
            kind: SourceKind::File,
            value,
            origin: None,
            unexpanded: path.starts_with(['~', '$']),
        }
    }

    /// Adds the flag or variable that named it.
    #[must_use]
    pub fn named_by(self, origin: impl Into<Box<str>>) -> Self {
        Self { origin: Some(origin.into()), ..self }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = match self.kind {
            SourceKind::File => "file",
            SourceKind::Stdin => "standard input",
            SourceKind::Descriptor => "file descriptor",
            SourceKind::Variable => "environment variable",
        };
        match (self.kind, &self.value, &self.origin) {
            (SourceKind::Stdin, ..) => f.write_str(noun)?,
            (SourceKind::File, Some(path), _) => write!(f, "`{path}`")?,
            (SourceKind::Descriptor, Some(number), _) => write!(f, "{noun} {number}")?,
            (SourceKind::Variable, Some(name), _) => write!(f, "the {noun} {name}")?,
            (_, None, Some(origin)) => return write!(f, "the {noun} that `{origin}` names"),
            (_, None, None) => return write!(f, "a {noun} whose name is not shown"),
        }
        match &self.origin {
            Some(origin) => write!(f, " (from {origin})"),
            None => Ok(()),
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
    pub place: SourceName,
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
            ("-", Location::Stdin),
            ("fd:3", Location::Descriptor(3)),
            ("env:KEY", Location::Variable("KEY".to_owned())),
            ("./-", Location::File("./-".into())),
            ("fd:x", Location::File("fd:x".into())),
            ("env:", Location::File("env:".into())),
            ("key.pem", Location::File("key.pem".into())),
        ];
        for (text, location) in rows {
            assert_eq!(Source::parse(text).location, location);
        }
    }

    #[test]
    fn names_a_source_by_its_option_and_by_what_may_be_shown() {
        let rows = [
            ("key.pem", "--private-key", "`key.pem` (from --private-key)"),
            ("hunter2", "--private-key", "the file that `--private-key` names"),
            ("-", "--private-key", "standard input (from --private-key)"),
            ("fd:3", "--certificate", "file descriptor 3 (from --certificate)"),
            ("env:KEY", "--certificate", "the environment variable KEY (from --certificate)"),
            (
                "env:MHcCAQEEIA",
                "--certificate",
                "the environment variable that `--certificate` names",
            ),
            (
                "env:PIN",
                "--key-password-env",
                "the environment variable that `--key-password-env` names",
            ),
            ("fd:1234", "--key-password-fd", "the file descriptor that `--key-password-fd` names"),
        ];
        for (text, origin, name) in rows {
            let source = Source::parse(text).named_by(origin);
            assert_eq!(source.name(false).to_string(), name);
            assert!(format!("{source:?}").contains(origin), "{source:?}");
        }
        assert_eq!(
            Source::parse("hunter2").name(false).to_string(),
            "a file whose name is not shown"
        );
        assert_eq!(Source::parse("client").name(true).to_string(), "`client`");
    }
}
