//! Encrypted PKCS#8 (RFC 5958) by PBES2 (RFC 8018): PBKDF2 or scrypt, AES-CBC or 3DES.
//!
//! An attacker may write these files, so what the derivation would cost is checked before it is run.

use der::Decode;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{Kdf, Parameters};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{EncryptedPrivateKeyInfoRef, ObjectIdentifier, SecretDocument};

use crate::key::KeyError;
use crate::password::Passwords;

/// The most iterations of PBKDF2.
const MAX_ITERATIONS: u32 = 10_000_000;
const MAX_ITERATIONS_TEXT: &str = "10,000,000 iterations";
/// The most memory of scrypt, and the most that all its lanes may go through.
const MAX_SCRYPT_MEMORY: u128 = 256 << 20;
const MAX_SCRYPT_WORK: u128 = 1 << 30;
const MAX_SCRYPT_TEXT: &str = "256 MiB of scrypt, 1 GiB over all its lanes,";

/// Decrypts `EncryptedPrivateKeyInfo`; `what` names the key where its password is asked for.
pub(super) fn decrypt(
    der: &[u8],
    what: &str,
    passwords: &dyn Passwords,
) -> Result<SecretDocument, KeyError> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| refused(der))?;
    match &info.encryption_algorithm {
        EncryptionScheme::Pbes2(parameters) => check_cost(parameters)?,
        other => return Err(KeyError::Encryption(scheme_name(other.oid()))),
    }
    let password = passwords.password(what)?;
    info.decrypt(password.expose()).map_err(|_| KeyError::WrongPassword)
}

/// Refuses a derivation that would cost more than is allowed.
pub(crate) fn check_cost(parameters: &Parameters) -> Result<(), KeyError> {
    match &parameters.kdf {
        Kdf::Pbkdf2(kdf) if kdf.iteration_count > MAX_ITERATIONS => Err(KeyError::TooCostly {
            cost: format!("{} iterations", kdf.iteration_count),
            cap: MAX_ITERATIONS_TEXT,
        }),
        Kdf::Scrypt(kdf) => {
            let memory = 128 * u128::from(kdf.cost_parameter) * u128::from(kdf.block_size);
            let work = memory.saturating_mul(u128::from(kdf.parallelization));
            if memory <= MAX_SCRYPT_MEMORY && work <= MAX_SCRYPT_WORK {
                return Ok(());
            }
            let lanes = kdf.parallelization;
            let cost = format!("{} MiB of scrypt in {lanes} lanes", memory.div_ceil(1 << 20));
            Err(KeyError::TooCostly { cost, cap: MAX_SCRYPT_TEXT })
        }
        _ => Ok(()),
    }
}

/// Names why the structure could not be read: its scheme where that is legible.
fn refused(der: &[u8]) -> KeyError {
    #[derive(der::Sequence)]
    struct Outer<'a> {
        algorithm: AlgorithmIdentifierRef<'a>,
        data: &'a der::asn1::OctetStringRef,
    }
    match Outer::from_der(der) {
        Ok(outer) if !outer.data.is_empty() => {
            KeyError::Encryption(scheme_name(outer.algorithm.oid))
        }
        _ => KeyError::Damaged,
    }
}

fn scheme_name(oid: ObjectIdentifier) -> String {
    let name = match oid.to_string().as_str() {
        "1.2.840.113549.1.5.1" => "PBES1 (MD2 and DES)",
        "1.2.840.113549.1.5.3" => "PBES1 (MD5 and DES)",
        "1.2.840.113549.1.5.4" => "PBES1 (MD2 and RC2)",
        "1.2.840.113549.1.5.6" => "PBES1 (MD5 and RC2)",
        "1.2.840.113549.1.5.10" => "PBES1 (SHA-1 and DES)",
        "1.2.840.113549.1.5.11" => "PBES1 (SHA-1 and RC2)",
        "1.2.840.113549.1.5.13" => "PBES2 with a cipher or parameters of its own",
        "1.2.840.113549.1.12.1.1" => "PKCS#12's PBE (RC4)",
        "1.2.840.113549.1.12.1.3" => "PKCS#12's PBE (3DES)",
        "1.2.840.113549.1.12.1.5" | "1.2.840.113549.1.12.1.6" => "PKCS#12's PBE (RC2)",
        other => return format!("the scheme {other}"),
    };
    name.to_owned()
}
