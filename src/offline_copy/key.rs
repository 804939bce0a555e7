//! The key of the copies, and what is derived from it.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac::{self, HMAC_SHA256};

/// The length of a key in bytes.
pub const KEY_LENGTH: usize = 32;

/// The bytes in a file that tell by which key it was encrypted.
pub(super) type KeyId = [u8; 8];

/// The key of the copies: one to encrypt them and one to name their files, both derived from the bytes that
/// the user keeps. `Debug` does not show it.
pub struct CopyKey {
    pub(super) encryption: LessSafeKey,
    pub(super) names: hmac::Key,
    pub(super) id: KeyId,
}

/// The error for a key that is not [`KEY_LENGTH`] bytes long.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("it has {0} bytes, and a key has {KEY_LENGTH}")]
pub struct WrongKeyLength(
    /// Its length.
    pub usize,
);

impl CopyKey {
    /// Returns the key that consists of these bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, WrongKeyLength> {
        if bytes.len() != KEY_LENGTH {
            return Err(WrongKeyLength(bytes.len()));
        }
        Ok(Self::derived(bytes).expect("both keys are shorter than HKDF allows"))
    }

    fn derived(bytes: &[u8]) -> Result<Self, Unspecified> {
        // RFC 5869: the salt separates these keys from what the same bytes may be used for elsewhere.
        let derived = Salt::new(HKDF_SHA256, b"roles-anywhere offline copy").extract(bytes);
        let encryption = UnboundKey::from(derived.expand(&[b"encryption"], &AES_256_GCM)?);
        let names = hmac::Key::from(derived.expand(&[b"file names"], HMAC_SHA256)?);
        let tag = hmac::sign(&names, b"key id");
        let mut id = KeyId::default();
        id.copy_from_slice(&tag.as_ref()[..size_of::<KeyId>()]);
        Ok(Self { encryption: LessSafeKey::new(encryption), names, id })
    }
}

impl fmt::Debug for CopyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_32_bytes_are_accepted() {
        for length in [0, 16, 31, 33, 64] {
            let error = CopyKey::new(&vec![7; length]).unwrap_err();
            assert_eq!(error, WrongKeyLength(length));
        }
        let key = CopyKey::new(&[7; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "<redacted>");
        assert_ne!(key.id, CopyKey::new(&[8; 32]).unwrap().id);
    }
}
