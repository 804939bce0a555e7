//! The source of a private key, which is not necessarily a file.

use crate::identity::IdentityError;
use crate::identity::source::{Permissions, open_bundle, open_key};
use crate::input_source::{Files, InputSource, InputSourceName};
use crate::key::signer::Signer;
use crate::password::Passwords;

/// The source of a private key.
///
/// Only this module depends on its kind: others ask which inputs the key is read from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeySource {
    /// A file, or another input that holds the encoded key.
    File(InputSource),
}

impl KeySource {
    /// Returns the inputs that the key is read from. They are what a snapshot holds, and what a daemon
    /// watches for changes.
    pub fn inputs(&self) -> impl Iterator<Item = &InputSource> {
        match self {
            Self::File(input) => std::iter::once(input),
        }
    }

    /// Returns its name for messages.
    pub fn name(&self) -> InputSourceName {
        match self {
            Self::File(input) => input.name(true),
        }
    }

    /// Returns the permissions of the key if others than its owner may read it.
    pub fn readable_by_others(&self, files: &dyn Files) -> Option<u32> {
        match self {
            Self::File(input) => files.readable_by_others(input),
        }
    }

    /// Opens the private key, without checking it against a certificate.
    pub fn open(
        &self,
        permissions: Permissions,
        files: &dyn Files,
        passwords: &dyn Passwords,
    ) -> Result<Box<dyn Signer>, IdentityError> {
        match self {
            Self::File(input) => {
                let mut bundle = open_bundle(input, files, passwords)?;
                open_key(input, &mut bundle, permissions, files, passwords)
            }
        }
    }
}

impl From<InputSource> for KeySource {
    fn from(input: InputSource) -> Self {
        Self::File(input)
    }
}
