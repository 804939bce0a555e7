//! The sources of certificates, keys and passwords, and the port that reads files.

pub mod snapshot;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::secret::SecretBytes;
use crate::text::disclosure::{Sensitivity, shown};
use crate::text::path;

/// The source of a certificate, a key or a password, and the option that names it.
///
/// It has no `Display`: what a user typed as the name may be the key itself, so messages use
/// [`InputSource::name`], which shows it only if it cannot be one.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub struct InputSource {
    /// Its location.
    pub location: Location,
    /// The flag or variable that names it, if any.
    pub origin: Option<String>,
    /// Whether messages may show the location.
    pub sensitivity: Sensitivity,
}

/// The location of an input.
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

impl InputSource {
    /// Parses `-`, `fd:N`, `env:NAME` or a path. A file with such a name is given as `./-`.
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

    /// Adds the flag or variable that named it, and whether messages may show what it says.
    #[must_use]
    pub fn named_by(self, origin: impl Into<String>, sensitivity: Sensitivity) -> Self {
        Self { origin: Some(origin.into()), sensitivity, ..self }
    }

    /// Returns its name for messages; `exists` says whether it is known to exist.
    pub fn name(&self, exists: bool) -> InputSourceName {
        let judged = |text: &str, name: &str| {
            shown(text, self.sensitivity, || exists).value().map(|_| name.to_owned())
        };
        let (kind, value) = match &self.location {
            Location::File(path) => {
                let path = path.to_string_lossy();
                (InputSourceKind::File, judged(&path, &path))
            }
            Location::Stdin => (InputSourceKind::Stdin, None),
            Location::Descriptor(number) => {
                let number = number.to_string();
                (InputSourceKind::Descriptor, judged(&format!("fd:{number}"), &number))
            }
            Location::Variable(name) => {
                (InputSourceKind::Variable, judged(&format!("env:{name}"), name))
            }
        };
        let origin = self.origin.as_deref().map(Into::into);
        let begins = |path: &Path| path.to_string_lossy().starts_with(['~', '$']);
        let unexpanded = matches!(&self.location, Location::File(path) if begins(path));
        InputSourceName { kind, value: value.map(String::into_boxed_str), origin, unexpanded }
    }
}

impl From<Location> for InputSource {
    fn from(location: Location) -> Self {
        Self { location, origin: None, sensitivity: Sensitivity::Sensitive }
    }
}

impl fmt::Debug for InputSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.name(false), f)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        InputSource::from(self.clone()).fmt(f)
    }
}

/// The name of a [`InputSource`] for messages: its value if that may be shown, and its option.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InputSourceName {
    /// Its kind.
    pub kind: InputSourceKind,
    /// The path, number or name, if it may be shown.
    pub value: Option<Box<str>>,
    /// The flag or variable that names it, if any.
    pub origin: Option<Box<str>>,
    /// Whether it is a path that begins with `~` or `$`, as a shell would expand it.
    pub unexpanded: bool,
}

/// The kind of an input source.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InputSourceKind {
    /// A file.
    File,
    /// Standard input.
    Stdin,
    /// An open file descriptor.
    Descriptor,
    /// An environment variable.
    Variable,
}

impl InputSourceName {
    /// Returns the name of a path that does not come from an option for key material.
    pub fn of_path(path: &Path, exists: bool) -> Self {
        let path = path.to_string_lossy();
        let value = shown(&path, Sensitivity::Public, || exists).value().map(Into::into);
        Self {
            kind: InputSourceKind::File,
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

impl fmt::Display for InputSourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = match self.kind {
            InputSourceKind::File => "file",
            InputSourceKind::Stdin => "standard input",
            InputSourceKind::Descriptor => "file descriptor",
            InputSourceKind::Variable => "environment variable",
        };
        match (self.kind, &self.value, &self.origin) {
            (InputSourceKind::Stdin, ..) => f.write_str(noun)?,
            (InputSourceKind::File, Some(path), _) => write!(f, "`{path}`")?,
            (InputSourceKind::Descriptor, Some(number), _) => write!(f, "{noun} {number}")?,
            (InputSourceKind::Variable, Some(name), _) => write!(f, "the {noun} `{name}`")?,
            (_, None, Some(origin)) => return write!(f, "the {noun} named by `{origin}`"),
            (_, None, None) => return write!(f, "a {noun} whose name is not shown"),
        }
        match &self.origin {
            Some(origin) => write!(f, " (from {origin})"),
            None => Ok(()),
        }
    }
}

/// Reads certificates and keys.
pub trait Files: Send + Sync {
    /// Reads all of `source`, at most [`MAX_SIZE`] bytes.
    ///
    /// A directory is refused, and so is a pipe without a writer. A source that is not a regular file
    /// can be read only once, so it is kept for the rest of the process.
    fn read(&self, source: &InputSource) -> Result<SecretBytes, FileError>;

    /// Returns the permissions of a file if others than its owner may read it; else, and if it is not a
    /// file, `None`.
    fn readable_by_others(&self, source: &InputSource) -> Option<u32>;
}

/// The size of the largest file that is read, in bytes.
pub const MAX_SIZE: u64 = 1 << 20;

/// Why a file could not be read, written or removed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {} {place}", action.verb())]
pub struct FileError {
    /// The attempted action.
    pub action: Action,
    /// The file.
    pub place: InputSourceName,
    /// The error of the system.
    pub source: io::Error,
}

/// An action on a file.
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
    fn parses_sources_and_paths() {
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
            assert_eq!(InputSource::parse(text).location, location);
        }
    }

    #[test]
    fn a_source_is_named_by_its_option_and_a_showable_value() {
        let (key, password) = (Sensitivity::Sensitive, Sensitivity::Password);
        let rows = [
            ("key.pem", "--private-key", key, "`key.pem` (from --private-key)"),
            ("hunter2", "--private-key", key, "the file named by `--private-key`"),
            ("-", "--private-key", key, "standard input (from --private-key)"),
            ("fd:3", "--certificate", key, "file descriptor 3 (from --certificate)"),
            (
                "env:KEY",
                "--certificate",
                key,
                "the environment variable `KEY` (from --certificate)",
            ),
            (
                "env:MHcCAQEEIA",
                "--certificate",
                key,
                "the environment variable named by `--certificate`",
            ),
            (
                "env:PIN",
                "--key-password-env",
                password,
                "the environment variable named by `--key-password-env`",
            ),
            (
                "fd:1234",
                "--key-password-fd",
                password,
                "the file descriptor named by `--key-password-fd`",
            ),
        ];
        for (text, origin, sensitivity, name) in rows {
            let source = InputSource::parse(text).named_by(origin, sensitivity);
            assert_eq!(source.name(false).to_string(), name);
            assert!(format!("{source:?}").contains(origin), "{source:?}");
        }
        assert_eq!(
            InputSource::parse("hunter2").name(false).to_string(),
            "a file whose name is not shown"
        );
        assert_eq!(InputSource::parse("client").name(true).to_string(), "`client`");
    }
}
