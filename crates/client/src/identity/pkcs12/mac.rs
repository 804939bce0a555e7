//! The MAC of a PKCS#12 file: by its own derivation (RFC 7292, 4), or PBMAC1 (RFC 9579).

use der::Sequence;
use der::asn1::OctetStringRef;
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier};

use crate::key::KeyError;
use crate::key::pbe::{Hash, Kdf, Password};

/// A MAC, and the derivation of its key.
pub(super) struct Mac<'a> {
    kdf: Kdf,
    key_size: usize,
    hash: Hash,
    tag: &'a [u8],
}

impl<'a> Mac<'a> {
    /// Parses it.
    pub(super) fn parse(data: &MacData<'a>) -> Result<Self, KeyError> {
        let DigestInfo { algorithm, digest } = &data.mac;
        let unread = |oid| KeyError::Encryption(format!("PKCS#12 with the MAC {oid}"));
        let tag = digest.as_bytes();
        if algorithm.oid != PBMAC1 {
            let hash = Hash::of_digest(algorithm.oid).ok_or_else(|| unread(algorithm.oid))?;
            let kdf = Kdf::pkcs12_with(hash, data.salt.as_bytes(), data.iterations)?;
            return Ok(Self { kdf, key_size: hash.size(), hash, tag });
        }
        let parameters = algorithm.parameters.ok_or(KeyError::Damaged)?;
        let parameters: Pbmac1<'_> = parameters.decode_as().map_err(|_| KeyError::Damaged)?;
        let scheme = parameters.scheme.oid;
        let hash = Hash::of_hmac(scheme).ok_or_else(|| unread(scheme))?;
        // RFC 9579, 4: the key length is required; the outer salt and iteration count are ignored.
        match Kdf::parse(&parameters.kdf)? {
            (kdf, Some(key_size @ 1..=MAX_KEY_SIZE)) => Ok(Self { kdf, key_size, hash, tag }),
            _ => Err(KeyError::Damaged),
        }
    }

    /// Returns the key derivation function.
    pub(super) fn kdf(&self) -> &Kdf {
        &self.kdf
    }

    /// Returns whether it is the MAC of `message` by `password`.
    pub(super) fn verifies(&self, password: &Password, message: &[u8]) -> bool {
        let key = self.kdf.mac_key(password, self.key_size);
        key.is_some_and(|key| self.hash.verifies(&key, message, self.tag))
    }
}

/// The longest key of a PBMAC1: the output of SHA-512. A second block would double the cost.
const MAX_KEY_SIZE: usize = 64;

const PBMAC1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.14");

#[derive(Sequence)]
pub(super) struct MacData<'a> {
    mac: DigestInfo<'a>,
    salt: &'a OctetStringRef,
    #[asn1(default = "once")]
    iterations: u64,
}

fn once() -> u64 {
    1
}

#[derive(Sequence)]
struct DigestInfo<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    digest: &'a OctetStringRef,
}

/// `PBMAC1-params` (RFC 8018, A.5).
#[derive(Sequence)]
struct Pbmac1<'a> {
    kdf: AlgorithmIdentifierRef<'a>,
    scheme: AlgorithmIdentifierRef<'a>,
}
