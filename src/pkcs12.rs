//! PKCS#12 (`.p12`, `.pfx`, RFC 7292): certificates and keys behind one password.
//!
//! `p12-keystore` reads it, old (RC2, 3DES) and new (AES, SHA-256). What its key derivation would
//! cost is checked before, for an attacker may write these files.

use cms::content_info::ContentInfo;
use cms::encrypted_data::EncryptedData;
use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, Encode, Sequence};
use p12_keystore::Pkcs12Archive;
use pkcs8::pkcs5::pbes2;
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs12::AuthenticatedSafe;
use pkcs12::pfx::Pfx;
use pkcs12::safe_bag::SafeContents;

use crate::key::{KeyError, check_cost};
use crate::password::Passwords;
use crate::secret::SecretBytes;

/// The most iterations of all key derivations and the integrity check of a file together.
const MAX_ITERATIONS: u64 = 3_000_000;
const MAX_ITERATIONS_TEXT: &str = "3,000,000 iterations in a file, 1,000,000 each";
/// The most derivations by scrypt in a file; what each may cost is capped as anywhere.
const MAX_SCRYPTS: u64 = 4;
const MAX_SCRYPTS_TEXT: &str = "4 derivations by scrypt in a file";
/// The largest file, in bytes, which bounds what is hidden in its encrypted parts.
const MAX_SIZE: usize = 64 << 10;
const MAX_SIZE_TEXT: &str = "65,536 bytes of PKCS#12";

/// What a PKCS#12 file holds.
#[derive(Debug, Default)]
pub struct Archive {
    /// The certificates, DER, in their order.
    pub certificates: Vec<Vec<u8>>,
    /// The private keys, unencrypted PKCS#8.
    pub keys: Vec<SecretBytes>,
}

/// Opens a file without a password where it has none, else with the one for `what`.
pub fn open(der: &[u8], what: &str, passwords: &dyn Passwords) -> Result<Archive, KeyError> {
    if der.len() > MAX_SIZE {
        let cost = format!("up to {} bytes of it", der.len());
        return Err(KeyError::TooCostly { cost, cap: MAX_SIZE_TEXT });
    }
    costs(der).ok_or(KeyError::Damaged)??.check()?;
    if let Ok(archive) = Pkcs12Archive::from_pkcs12(der, "") {
        return Ok(read(&archive));
    }
    let password = passwords.password(what)?;
    Pkcs12Archive::from_pkcs12(der, password.expose()).map(|archive| read(&archive)).map_err(
        |error| match error {
            p12_keystore::error::Error::UnsupportedEncryptionScheme
            | p12_keystore::error::Error::UnsupportedMacAlgorithm => {
                KeyError::Encryption("a scheme of PKCS#12".to_owned())
            }
            p12_keystore::error::Error::InvalidParameters => {
                KeyError::TooCostly { cost: "too much".to_owned(), cap: MAX_ITERATIONS_TEXT }
            }
            _ => KeyError::WrongPassword,
        },
    )
}

fn read(archive: &Pkcs12Archive) -> Archive {
    let certificates = archive.certs.iter().map(|bag| bag.cert.as_der().to_vec());
    let keys = archive.keys.iter().map(|bag| SecretBytes::new(bag.key.as_der().to_vec()));
    Archive { certificates: certificates.collect(), keys: keys.collect() }
}

/// What the key derivations of a file cost together.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    iterations: u64,
    scrypts: u64,
}

impl Cost {
    fn add(&mut self, other: Self) {
        self.iterations = self.iterations.saturating_add(other.iterations);
        self.scrypts = self.scrypts.saturating_add(other.scrypts);
    }

    fn check(self) -> Result<(), KeyError> {
        let too_costly = |cost, cap| Err(KeyError::TooCostly { cost, cap });
        match self {
            Self { iterations, .. } if iterations > MAX_ITERATIONS => {
                too_costly(format!("{iterations} iterations"), MAX_ITERATIONS_TEXT)
            }
            Self { scrypts, .. } if scrypts > MAX_SCRYPTS => {
                too_costly(format!("{scrypts} derivations by scrypt"), MAX_SCRYPTS_TEXT)
            }
            _ => Ok(()),
        }
    }
}

/// Adds up each key derivation that can be seen without the password; `None` where the file is
/// damaged. What is inside encrypted parts is bounded by the size of the file, and by
/// `p12-keystore` itself.
fn costs(der: &[u8]) -> Option<Result<Cost, KeyError>> {
    let pfx = Pfx::from_der(der).ok()?;
    let mut total = Cost::default();
    if let Some(mac) = &pfx.mac_data {
        let iterations = u64::try_from(mac.iterations).unwrap_or(0);
        total.add(Cost { iterations, scrypts: 0 });
    }
    let safes = content_of(&pfx.auth_safe)?;
    for safe in AuthenticatedSafe::from_der(&safes).ok()? {
        let found = match content_of(&safe) {
            Some(contents) => costs_of_bags(&contents)?,
            None => {
                let encrypted: EncryptedData = safe.content.decode_as().ok()?;
                let algorithm = encrypted.enc_content_info.content_enc_alg.to_der().ok()?;
                cost(&AlgorithmIdentifierRef::from_der(&algorithm).ok()?)
            }
        };
        match found {
            Ok(cost) => total.add(cost),
            Err(error) => return Some(Err(error)),
        }
    }
    Some(Ok(total))
}

fn costs_of_bags(contents: &[u8]) -> Option<Result<Cost, KeyError>> {
    let mut total = Cost::default();
    for bag in SafeContents::from_der(contents).ok()? {
        // Not every bag holds a key; what is no algorithm has no cost.
        if let Ok(value) = AnyRef::from_der(&bag.bag_value)
            && let Ok(shrouded) = Shrouded::from_der(value.value())
        {
            match cost(&shrouded.algorithm) {
                Ok(cost) => total.add(cost),
                Err(error) => return Some(Err(error)),
            }
        }
    }
    Some(Ok(total))
}

/// Returns the octets of a `ContentInfo` of the type data, `None` for another type.
fn content_of(info: &ContentInfo) -> Option<Vec<u8>> {
    let content = info.content.to_der().ok()?;
    <&OctetStringRef>::from_der(&content).ok().map(|octets| octets.as_bytes().to_vec())
}

fn cost(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<Cost, KeyError> {
    let Some(parameters) = algorithm.parameters else { return Ok(Cost::default()) };
    if let Ok(parameters) = parameters.decode_as::<pbes2::Parameters>() {
        check_cost(&parameters)?;
        return Ok(match &parameters.kdf {
            pbes2::Kdf::Pbkdf2(kdf) => {
                Cost { iterations: u64::from(kdf.iteration_count), scrypts: 0 }
            }
            _ => Cost { iterations: 0, scrypts: 1 },
        });
    }
    let iterations = parameters.decode_as::<Pbe<'_>>().map_or(0, |pbe| pbe.iterations);
    Ok(Cost { iterations, scrypts: 0 })
}

/// `EncryptedPrivateKeyInfo`, as far as its cost goes.
#[derive(Sequence)]
struct Shrouded<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    _data: &'a OctetStringRef,
}

/// `pkcs-12PbeParams` (RFC 7292, appendix C).
#[derive(Sequence)]
struct Pbe<'a> {
    _salt: &'a OctetStringRef,
    iterations: u64,
}
