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

/// The most iterations of a key derivation or of the integrity check.
const MAX_ITERATIONS: u64 = 1_000_000;
const MAX_ITERATIONS_TEXT: &str = "1,000,000 iterations";

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
    for safe in costs(der).ok_or(KeyError::Damaged)? {
        safe?;
    }
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

/// Returns a verdict on each key derivation that can be seen without the password; `None` where the
/// file is damaged. What is inside encrypted parts is bounded by `p12-keystore` itself.
fn costs(der: &[u8]) -> Option<Vec<Result<(), KeyError>>> {
    let pfx = Pfx::from_der(der).ok()?;
    let mut verdicts = Vec::new();
    if let Some(mac) = &pfx.mac_data {
        verdicts.push(within(u64::try_from(mac.iterations).unwrap_or(0)));
    }
    let safes = content_of(&pfx.auth_safe)?;
    for safe in AuthenticatedSafe::from_der(&safes).ok()? {
        if let Some(contents) = content_of(&safe) {
            for bag in SafeContents::from_der(&contents).ok()? {
                // Not every bag holds a key; what is no algorithm has no cost.
                if let Ok(value) = AnyRef::from_der(&bag.bag_value)
                    && let Ok(shrouded) = Shrouded::from_der(value.value())
                {
                    verdicts.push(cost(&shrouded.algorithm));
                }
            }
        } else {
            let encrypted: EncryptedData = safe.content.decode_as().ok()?;
            let algorithm = encrypted.enc_content_info.content_enc_alg.to_der().ok()?;
            verdicts.push(cost(&AlgorithmIdentifierRef::from_der(&algorithm).ok()?));
        }
    }
    Some(verdicts)
}

/// Returns the octets of a `ContentInfo` of the type data, `None` for another type.
fn content_of(info: &ContentInfo) -> Option<Vec<u8>> {
    let content = info.content.to_der().ok()?;
    <&OctetStringRef>::from_der(&content).ok().map(|octets| octets.as_bytes().to_vec())
}

fn cost(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<(), KeyError> {
    let Some(parameters) = algorithm.parameters else { return Ok(()) };
    if let Ok(parameters) = parameters.decode_as::<pbes2::Parameters>() {
        if let pbes2::Kdf::Pbkdf2(kdf) = &parameters.kdf {
            within(u64::from(kdf.iteration_count))?;
        }
        return check_cost(&parameters);
    }
    match parameters.decode_as::<Pbe<'_>>() {
        Ok(parameters) => within(parameters.iterations),
        Err(_) => Ok(()),
    }
}

fn within(iterations: u64) -> Result<(), KeyError> {
    if iterations <= MAX_ITERATIONS {
        return Ok(());
    }
    let cost = format!("{iterations} iterations");
    Err(KeyError::TooCostly { cost, cap: MAX_ITERATIONS_TEXT })
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
