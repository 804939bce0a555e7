//! Hash functions, by their OIDs in files.

use hmac::{Hmac, KeyInit, Mac};
use pkcs8::ObjectIdentifier;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};

/// A hash function.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512To224,
    Sha512To256,
}

impl Hash {
    /// Returns the hash function that `oid` names.
    pub(crate) fn of_digest(oid: ObjectIdentifier) -> Option<Self> {
        Some(match oid.to_string().as_str() {
            "1.3.14.3.2.26" => Self::Sha1,
            "2.16.840.1.101.3.4.2.4" => Self::Sha224,
            "2.16.840.1.101.3.4.2.1" => Self::Sha256,
            "2.16.840.1.101.3.4.2.2" => Self::Sha384,
            "2.16.840.1.101.3.4.2.3" => Self::Sha512,
            "2.16.840.1.101.3.4.2.5" => Self::Sha512To224,
            "2.16.840.1.101.3.4.2.6" => Self::Sha512To256,
            _ => return None,
        })
    }

    /// Returns the hash function of the HMAC that `oid` names.
    pub(crate) fn of_hmac(oid: ObjectIdentifier) -> Option<Self> {
        Some(match oid.to_string().as_str() {
            "1.2.840.113549.2.7" => Self::Sha1,
            "1.2.840.113549.2.8" => Self::Sha224,
            "1.2.840.113549.2.9" => Self::Sha256,
            "1.2.840.113549.2.10" => Self::Sha384,
            "1.2.840.113549.2.11" => Self::Sha512,
            "1.2.840.113549.2.12" => Self::Sha512To224,
            "1.2.840.113549.2.13" => Self::Sha512To256,
            _ => return None,
        })
    }

    /// Returns the length of a digest, in bytes.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 | Self::Sha512To224 => 28,
            Self::Sha256 | Self::Sha512To256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Returns the length of an input block, in bytes.
    pub(super) fn block(self) -> usize {
        match self {
            Self::Sha1 | Self::Sha224 | Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 | Self::Sha512To224 | Self::Sha512To256 => 128,
        }
    }

    /// Returns whether `tag` is the HMAC of `message`.
    pub(crate) fn verifies(self, key: &[u8], message: &[u8], tag: &[u8]) -> bool {
        macro_rules! verify {
            ($digest:ty) => {{
                let mac =
                    Hmac::<$digest>::new_from_slice(key).expect("HMAC takes keys of any length");
                mac.chain_update(message).verify_slice(tag).is_ok()
            }};
        }
        match self {
            Self::Sha1 => verify!(Sha1),
            Self::Sha224 => verify!(Sha224),
            Self::Sha256 => verify!(Sha256),
            Self::Sha384 => verify!(Sha384),
            Self::Sha512 => verify!(Sha512),
            Self::Sha512To224 => verify!(Sha512_224),
            Self::Sha512To256 => verify!(Sha512_256),
        }
    }
}
