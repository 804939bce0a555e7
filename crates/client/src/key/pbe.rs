//! Encryption by a password: PBES2 (RFC 8018) and PKCS#12's own (RFC 7292, appendices B and C).
//!
//! We do not use `pkcs5`: it limits salts to 32 bytes and supports only text as a password. The cost
//! of a derivation is known before it runs, because the file may come from an attacker.

mod hash;
mod kdf;

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit};
use der::Sequence;
use der::asn1::{AnyRef, OctetStringRef};
use des::{TdesEde2, TdesEde3};
pub(crate) use hash::Hash;
#[cfg(test)]
pub(crate) use kdf::DERIVED;
pub(crate) use kdf::{Cost, Kdf, Password};
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier};
use rc2::Rc2;
use zeroize::Zeroizing;

use crate::key::KeyError;

/// An encryption scheme and its parameters.
#[derive(Debug)]
pub(crate) struct Scheme {
    kdf: Kdf,
    cipher: Cipher,
    /// `None` if it is derived from the password, like the key.
    iv: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug)]
enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    Des3,
    Des3TwoKeys,
    Rc2With40Bits,
    Rc2With128Bits,
}

impl Scheme {
    /// Reads an algorithm identifier.
    pub(crate) fn parse(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<Self, KeyError> {
        if algorithm.oid == PBES2 {
            return Self::pbes2(algorithm.parameters.ok_or(KeyError::Damaged)?);
        }
        let found = OF_PKCS12.iter().find(|(oid, _)| *oid == algorithm.oid);
        let Some((_, cipher)) = found else {
            return Err(KeyError::Encryption(name(algorithm.oid)));
        };
        let parameters = algorithm.parameters.ok_or(KeyError::Damaged)?;
        let parameters: Pkcs12Parameters<'_> =
            parameters.decode_as().map_err(|_| KeyError::Damaged)?;
        let kdf = Kdf::pkcs12(parameters.salt.as_bytes(), parameters.iterations)?;
        Ok(Self { kdf, cipher: *cipher, iv: None })
    }

    fn pbes2(parameters: AnyRef<'_>) -> Result<Self, KeyError> {
        let parameters: Pbes2Parameters<'_> =
            parameters.decode_as().map_err(|_| KeyError::Damaged)?;
        let encryption = &parameters.encryption;
        let cipher = OF_PBES2.iter().find(|(oid, _)| *oid == encryption.oid);
        let Some((_, cipher)) = cipher else {
            return Err(KeyError::Encryption(format!("PBES2 with the cipher {}", encryption.oid)));
        };
        let (kdf, length) = Kdf::parse(&parameters.kdf)?;
        let iv = encryption.parameters.and_then(|iv| iv.decode_as::<&OctetStringRef>().ok());
        let iv = iv.ok_or(KeyError::Damaged)?.as_bytes().to_vec();
        if iv.len() != cipher.block() || length.is_some_and(|length| length != cipher.key()) {
            return Err(KeyError::Damaged);
        }
        Ok(Self { kdf, cipher: *cipher, iv: Some(iv) })
    }

    /// Returns the key derivation function.
    pub(crate) fn kdf(&self) -> &Kdf {
        &self.kdf
    }

    /// Decrypts `data`, or returns `None` if the password is wrong or the data is damaged.
    pub(crate) fn decrypt(&self, password: &Password, data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (key, iv) = self.kdf.key_and_iv(password, self.cipher.key(), self.cipher.block())?;
        let iv = self.iv.as_ref().unwrap_or(&iv);
        let mut buffer = Zeroizing::new(data.to_vec());
        let decrypt = match self.cipher {
            Cipher::Aes128 => cbc::<Aes128>,
            Cipher::Aes192 => cbc::<Aes192>,
            Cipher::Aes256 => cbc::<Aes256>,
            Cipher::Des3 => cbc::<TdesEde3>,
            Cipher::Des3TwoKeys => cbc::<TdesEde2>,
            Cipher::Rc2With40Bits | Cipher::Rc2With128Bits => cbc::<Rc2>,
        };
        let length = decrypt(&key, iv, &mut buffer)?;
        buffer.truncate(length);
        Some(buffer)
    }
}

impl Cipher {
    /// Returns the length of its key, in bytes.
    fn key(self) -> usize {
        match self {
            Self::Aes128 | Self::Des3TwoKeys | Self::Rc2With128Bits => 16,
            Self::Aes192 | Self::Des3 => 24,
            Self::Aes256 => 32,
            Self::Rc2With40Bits => 5,
        }
    }

    /// Returns the length of its blocks, in bytes.
    fn block(self) -> usize {
        match self {
            Self::Aes128 | Self::Aes192 | Self::Aes256 => 16,
            Self::Des3 | Self::Des3TwoKeys | Self::Rc2With40Bits | Self::Rc2With128Bits => 8,
        }
    }
}

/// Decrypts a buffer in place and returns the length of the plaintext.
fn cbc<C: BlockCipherDecrypt + KeyInit>(key: &[u8], iv: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, iv).ok()?;
    cipher.decrypt_padded::<Pkcs7>(buffer).ok().map(<[u8]>::len)
}

const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");

const OF_PKCS12: [(ObjectIdentifier, Cipher); 4] = [
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3"), Cipher::Des3),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.4"), Cipher::Des3TwoKeys),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.5"), Cipher::Rc2With128Bits),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.6"), Cipher::Rc2With40Bits),
];

const OF_PBES2: [(ObjectIdentifier, Cipher); 4] = [
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2"), Cipher::Aes128),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22"), Cipher::Aes192),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42"), Cipher::Aes256),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.3.7"), Cipher::Des3),
];

/// Returns the name of an unsupported scheme.
fn name(oid: ObjectIdentifier) -> String {
    let name = match oid.to_string().as_str() {
        "1.2.840.113549.1.5.1" => "PBES1 (MD2 and DES)",
        "1.2.840.113549.1.5.3" => "PBES1 (MD5 and DES)",
        "1.2.840.113549.1.5.4" => "PBES1 (MD2 and RC2)",
        "1.2.840.113549.1.5.6" => "PBES1 (MD5 and RC2)",
        "1.2.840.113549.1.5.10" => "PBES1 (SHA-1 and DES)",
        "1.2.840.113549.1.5.11" => "PBES1 (SHA-1 and RC2)",
        "1.2.840.113549.1.12.1.1" | "1.2.840.113549.1.12.1.2" => "PKCS#12's PBE (RC4)",
        other => return format!("the scheme {other}"),
    };
    name.to_owned()
}

/// `PBES2-params` (RFC 8018, A.4).
#[derive(Sequence)]
struct Pbes2Parameters<'a> {
    kdf: AlgorithmIdentifierRef<'a>,
    encryption: AlgorithmIdentifierRef<'a>,
}

/// `pkcs-12PbeParams` (RFC 7292, appendix C).
#[derive(Sequence)]
struct Pkcs12Parameters<'a> {
    salt: &'a OctetStringRef,
    iterations: u64,
}

/// `EncryptedPrivateKeyInfo` (RFC 5958).
#[derive(Sequence)]
pub(crate) struct Encrypted<'a> {
    /// The encryption scheme.
    pub(crate) algorithm: AlgorithmIdentifierRef<'a>,
    /// The encrypted key.
    pub(crate) data: &'a OctetStringRef,
}
