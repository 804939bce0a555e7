//! What is written to a profile.

use crate::credentials_file::conflicts::KeyInFile;
use crate::credentials_file::ini::{KEYS, ProfileError};
use crate::credentials_file::key_comment::KeyComment;
use roles_anywhere_client::credentials::{AccessKey, Credentials};

/// The credentials of a profile.
#[derive(Clone, Debug)]
pub struct ProfileCredentials {
    /// The key. Without a session token, that of another key is removed.
    pub key: AccessKey,
    /// The ARN of the secret that the key is of, which a comment says; `None` for a session.
    pub secret_arn: Option<String>,
}

impl From<&Credentials> for ProfileCredentials {
    fn from(credentials: &Credentials) -> Self {
        Self { key: AccessKey::from(credentials), secret_arn: None }
    }
}

impl ProfileCredentials {
    /// Returns the comment about the secret.
    pub fn comment(&self) -> Option<KeyComment<'_>> {
        let secret_arn = self.secret_arn.as_deref()?;
        Some(KeyComment { key_id: &self.key.id, secret_arn })
    }

    /// Returns whether it may take the place of a long-lived key: an earlier one of the same secret.
    pub fn may_replace(&self, found: KeyInFile<'_>) -> bool {
        let is_of = |arn: &String| found.comment.is_some_and(|it| it.secret_arn == *arn);
        self.secret_arn.as_ref().is_some_and(is_of)
    }

    /// Returns the values of the settings, in the order of [`KEYS`]; `None` for one that is removed.
    pub(super) fn values(&self) -> Result<[Option<&str>; 3], ProfileError> {
        let AccessKey { id, secret, session_token } = &self.key;
        let token = session_token.as_ref().map(|token| token.expose());
        let values = [Some(id.as_str()), Some(secret.expose()), token];
        // `#` and `;` begin a comment: to some SDKs only after a blank, to others anywhere.
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"#;".contains(&byte);
        let is_valid = |value: &str| !value.is_empty() && value.bytes().all(is_plain);
        let named = KEYS.into_iter().zip(values);
        let named = named.chain([("ARN", self.secret_arn.as_deref())]);
        for (name, value) in named {
            if value.is_some_and(|value| !is_valid(value)) {
                return Err(match self.secret_arn {
                    Some(_) => ProfileError::OfSecret(name),
                    None => ProfileError::Value(name),
                });
            }
        }
        Ok(values)
    }
}
