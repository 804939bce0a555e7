//! The password of an encrypted key: where it may come from, and the port that gets it.

use crate::input_source::{FileError, Source, SourceName};
use crate::secret::Secret;

/// Where the password of an encrypted key is, as the user says.
#[derive(Clone, Debug)]
pub enum PasswordSource {
    /// The user did not say: a systemd credential of that path where there is one, else the terminal.
    Unsaid {
        /// `$CREDENTIALS_DIRECTORY/roles-anywhere-key-password`, where systemd set one.
        credential: Option<Source>,
    },
    /// A file, a descriptor or a variable; one line break at its end is not part of it.
    Place(Source),
    /// The password itself, as `--pkcs8-password` has it.
    Given(Secret),
}

/// Gets the password of an encrypted key.
pub trait Passwords: Sync {
    /// Returns the password that opens `what`, e.g. "`client.key`"; a person is asked once a process.
    fn password(&self, what: &str) -> Result<Secret, PasswordError>;

    /// Returns the option that names a password which nothing asked for since this was called last.
    fn unused(&self) -> Option<String> {
        None
    }
}

/// No password could be had.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// None was given, and there is no terminal to ask on.
    #[error("no password was given for it, and there is no terminal to ask on")]
    NoTerminal,
    /// None was given, and a program in the background may not ask.
    #[error("no password was given for it, and a program in the background does not ask")]
    Background,
    /// The terminal did not answer.
    #[error("the terminal gave no password for it")]
    NoAnswer(#[source] std::io::Error),
    /// The place that was named could not be read.
    #[error(transparent)]
    Unreadable(#[from] FileError),
    /// The place that was named holds no text.
    #[error("the password in {0} is not UTF-8")]
    NotText(SourceName),
}
