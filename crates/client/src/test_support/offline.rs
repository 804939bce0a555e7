//! A machine without an identity, and so without AWS.

use std::path::Path;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use crate::http::{Request, Response, Transport, TransportError};
use crate::identity::{IdentitySource, Permissions};
use crate::input_source::{Action, FileError, Files, Location, Source};
use crate::password::{PasswordError, Passwords};
use crate::secret::{Secret, SecretBytes};

/// A world without an identity, and so without AWS: all its files hold the same text, or none
/// can be read.
#[derive(Debug, Default)]
pub struct Offline(Mutex<Option<&'static str>>);

impl Offline {
    /// Returns a machine whose files all hold `text`.
    pub fn holding(text: &'static str) -> Self {
        Self(Mutex::new(Some(text)))
    }

    /// Makes all files hold `text`, or none be readable.
    pub fn hold(&self, text: Option<&'static str>) {
        *self.0.lock().unwrap() = text;
    }
}

/// Returns where the identity would be.
pub fn source() -> IdentitySource {
    let place = |name: &str| Source::from(Location::Variable(name.to_owned()));
    IdentitySource {
        certificate: place("certificate"),
        private_key: place("key"),
        intermediates: None,
        permissions: Permissions::Lenient,
    }
}

impl Files for Offline {
    fn read(&self, source: &Source) -> Result<SecretBytes, FileError> {
        let text = *self.0.lock().unwrap();
        text.map(|text| SecretBytes::new(text.as_bytes().to_vec())).ok_or_else(|| FileError {
            action: Action::Read,
            place: source.name(false),
            source: std::io::ErrorKind::NotFound.into(),
        })
    }

    fn readable_by_others(&self, _source: &Source) -> Option<u32> {
        None
    }

    fn write(&self, _path: &Path, _contents: &[u8], _limit: Duration) -> Result<(), FileError> {
        unreachable!("an identity is not written")
    }
}

impl Passwords for Offline {
    fn password(&self, _what: &str) -> Result<Secret, PasswordError> {
        Err(PasswordError::NoTerminal)
    }
}

impl Transport for Offline {
    fn send<'a>(
        &'a self,
        _request: &'a Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, TransportError>> + 'a>> {
        unreachable!("there is no identity to sign with")
    }
}
