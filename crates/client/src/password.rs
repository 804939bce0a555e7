//! The password of an encrypted key: its source, and the port that reads it.

use crate::input_source::{FileError, InputSource, InputSourceName};
use crate::secret::Secret;

/// The source of the password of an encrypted key.
#[derive(Clone, Debug)]
pub enum PasswordSource {
    /// No option names one: the systemd credential if there is one, else the terminal.
    Default {
        /// `$CREDENTIALS_DIRECTORY/roles-anywhere-key-password`, if systemd sets that variable.
        credential: Option<InputSource>,
    },
    /// A file, a descriptor or a variable; one line break at the end is not part of the password.
    From(InputSource),
    /// The password itself.
    Inline {
        /// The password.
        password: Secret,
        /// The option that it was given by.
        origin: String,
    },
}

/// Reads the password of an encrypted key.
pub trait Passwords: Send + Sync {
    /// Returns the password of `file_name`, e.g. `client.key`. A prompt is shown once per process.
    fn password(&self, file_name: &str) -> Result<Secret, PasswordError>;

    /// Returns whether it may ask a person, who may take any time to answer.
    fn prompts(&self) -> bool {
        false
    }

    /// Returns the option whose password was not needed since the last call.
    fn unused(&self) -> Option<String> {
        None
    }
}

/// A password could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// No password was given, and there is no terminal for a prompt.
    #[error("no password was given, and there is no terminal to ask for it")]
    NoTerminal,
    /// No password was given, and a program in the background may not ask.
    #[error("no password was given, and a process in the background does not ask for it")]
    Background,
    /// No password was given, and the program does not ask for one.
    #[error("no password was given, and none is requested")]
    NotRequested,
    /// The terminal did not answer.
    #[error("cannot read the password from the terminal")]
    NoAnswer(#[source] std::io::Error),
    /// Its source cannot be read.
    #[error(transparent)]
    Unreadable(#[from] FileError),
    /// Its source is not UTF-8.
    #[error("the password in {0} is not valid UTF-8")]
    NotText(InputSourceName),
}
