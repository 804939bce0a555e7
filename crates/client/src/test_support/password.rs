//! One password for all files, or none.

use crate::password::{PasswordError, Passwords};
use crate::secret::Secret;

/// A password that is known beforehand.
#[derive(Clone, Copy, Debug)]
pub struct FixedPassword(Answer);

#[derive(Clone, Copy, Debug)]
enum Answer {
    Known(&'static str),
    NoTerminal,
    Unused,
}

impl FixedPassword {
    /// Returns `password` for everything.
    pub const fn known(password: &'static str) -> Self {
        Self(Answer::Known(password))
    }

    /// Has no password, and no terminal to ask on.
    pub const fn none() -> Self {
        Self(Answer::NoTerminal)
    }

    /// Panics if a password is asked for.
    pub const fn unused() -> Self {
        Self(Answer::Unused)
    }
}

impl Passwords for FixedPassword {
    fn password(&self, file_name: &str) -> Result<Secret, PasswordError> {
        match self.0 {
            Answer::Known(password) => Ok(Secret::new(password.to_owned())),
            Answer::NoTerminal => Err(PasswordError::NoTerminal),
            Answer::Unused => unreachable!("no password may be asked for here: {file_name}"),
        }
    }
}
