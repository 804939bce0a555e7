//! How a copy is encrypted: AES-256-GCM with a random nonce for each write.
//!
//! A file is a heading that says its format, the id of its key, the nonce, and the encrypted copy with its
//! tag. Role, Region, account, secret, version and time are encrypted and authenticated with the value. The
//! name of the file is a keyed hash of the first five of them, and is authenticated too: a file that was
//! moved to the name of another one is refused.

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::identity::CopyIdentity;
use super::key::{CopyKey, KeyId};
use super::record::{CopyRecord, FieldSink, write_contents};
use crate::secrets_cache::FetchedValue;
use roles_anywhere_client::hex;
use roles_anywhere_client::secret::Entropy;

/// What a file of this format begins with.
const FORMAT: &[u8] = b"roles-anywhere offline copy 1\n";

/// The bytes of the authentication tag.
const TAG: usize = 16;

/// How the name of a file begins; 32 hexadecimal digits follow.
const NAME_START: &str = "copy-";
const NAME_DIGITS: usize = 32;

/// The largest file, in bytes: a secret has at most 65,536, and its names and labels a few thousand.
pub const MAX_FILE_SIZE: u64 = 128 << 10;

/// A file with a copy.
#[derive(Clone, Debug)]
pub struct SealedCopy {
    /// Its name.
    pub name: String,
    /// Its contents.
    pub contents: Vec<u8>,
}

/// Why a file is not used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SealingError {
    /// It begins otherwise.
    #[error("not an offline copy, or one of another version of roles-anywhere")]
    OtherFormat,
    /// It is too short.
    #[error("it is not complete")]
    Truncated,
    /// It was encrypted with another key.
    #[error("it was encrypted with another key")]
    OtherKey,
    /// The tag is wrong.
    #[error("it was changed or renamed")]
    NotAuthentic,
    /// It was encrypted with the key, but does not hold what a copy holds.
    #[error("its contents cannot be read")]
    Contents,
}

/// Returns whether a file with this name is a copy.
pub fn is_copy_name(name: &str) -> bool {
    name.strip_prefix(NAME_START).is_some_and(|digits| {
        digits.len() == NAME_DIGITS
            && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

impl CopyKey {
    /// Returns the name of the file of a copy, which tells nothing of it without the key.
    pub fn file_name(&self, identity: &CopyIdentity) -> String {
        let mut context = hmac::Context::with_key(&self.names);
        context.update(b"name");
        identity.write(&mut FieldSink(&mut |bytes| context.update(bytes)));
        let digits = hex::encode(&context.sign().as_ref()[..NAME_DIGITS / 2]);
        format!("{NAME_START}{digits}")
    }

    /// Returns a digest of all that a copy holds but the time. It tells nothing of it without the key.
    pub fn fingerprint(&self, identity: &CopyIdentity, value: &FetchedValue) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.names);
        context.update(b"contents");
        write_contents(identity, value, &mut FieldSink(&mut |bytes| context.update(bytes)));
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }

    /// Encrypts a copy.
    pub fn seal(&self, record: &CopyRecord, entropy: &dyn Entropy) -> SealedCopy {
        let name = self.file_name(&record.identity);
        let nonce = nonce(entropy);
        let mut size = 0;
        record.write(&mut |bytes| size += bytes.len());
        let start = FORMAT.len() + self.id.len() + NONCE_LEN;
        let mut contents = Zeroizing::new(Vec::with_capacity(start + size + TAG));
        contents.extend([FORMAT, &self.id, &nonce].concat());
        record.write(&mut |bytes| contents.extend(bytes));
        let tag = self.encryption.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(self.authenticated(&name)),
            &mut contents[start..],
        );
        let tag = tag.expect("a copy is far shorter than AES-GCM allows");
        contents.extend(tag.as_ref());
        // It is ciphertext now.
        SealedCopy { name, contents: std::mem::take(&mut *contents) }
    }

    /// Decrypts the contents of the file `name`.
    pub fn open(&self, name: &str, contents: &[u8]) -> Result<CopyRecord, SealingError> {
        let rest = contents.strip_prefix(FORMAT).ok_or(SealingError::OtherFormat)?;
        let heading = rest.split_first_chunk::<{ size_of::<KeyId>() }>();
        let (id, rest) = heading.ok_or(SealingError::Truncated)?;
        if *id != self.id {
            return Err(SealingError::OtherKey);
        }
        let (nonce, sealed) =
            rest.split_first_chunk::<NONCE_LEN>().ok_or(SealingError::Truncated)?;
        if sealed.len() < TAG {
            return Err(SealingError::Truncated);
        }
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let opened = self.encryption.open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(self.authenticated(name)),
            &mut buffer,
        );
        let opened = opened.map_err(|_| SealingError::NotAuthentic)?;
        let record = CopyRecord::read(opened).ok_or(SealingError::Contents)?;
        match self.file_name(&record.identity) == name {
            true => Ok(record),
            false => Err(SealingError::NotAuthentic),
        }
    }

    /// Returns what is authenticated beside the copy: the format, the key and the name of the file.
    fn authenticated(&self, name: &str) -> Vec<u8> {
        [FORMAT, &self.id, name.as_bytes()].concat()
    }
}

fn nonce(entropy: &dyn Entropy) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    let random = [entropy.bits().to_be_bytes(), entropy.bits().to_be_bytes()].concat();
    nonce.copy_from_slice(&random[..NONCE_LEN]);
    nonce
}

#[cfg(test)]
mod tests;
