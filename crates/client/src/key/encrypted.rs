//! Encrypted PKCS#8 (RFC 5958).
//!
//! The file may come from an attacker, so the cost of a derivation is checked before it runs.

use der::Decode;
use zeroize::Zeroizing;

use crate::key::KeyError;
use crate::key::pbe::{Cost, Encrypted, Kdf, Password, Scheme};
use crate::password::Passwords;

/// The most iterations of PBKDF2.
const MAX_ITERATIONS: u64 = 10_000_000;
const MAX_ITERATIONS_TEXT: &str = "10,000,000 iterations";
/// The most memory of scrypt for one lane, and for all lanes together.
const MAX_SCRYPT_MEMORY: u128 = 256 << 20;
const MAX_SCRYPT_WORK: u128 = 1 << 30;
const MAX_SCRYPT_TEXT: &str = "256 MiB of scrypt, 1 GiB over all its lanes,";

/// Decrypts `EncryptedPrivateKeyInfo`; the password request names `file_name`.
pub(super) fn decrypt(
    der: &[u8],
    file_name: &str,
    passwords: &dyn Passwords,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let info = Encrypted::from_der(der).map_err(|_| KeyError::Damaged)?;
    if info.data.is_empty() {
        return Err(KeyError::Damaged);
    }
    let scheme = Scheme::parse(&info.algorithm)?;
    check_cost(scheme.kdf())?;
    let password = Password::new(passwords.password(file_name)?.expose());
    scheme.decrypt(&password, info.data.as_bytes()).ok_or(KeyError::WrongPassword)
}

/// Refuses a derivation whose cost exceeds the limit.
pub(crate) fn check_cost(kdf: &Kdf) -> Result<(), KeyError> {
    match kdf.cost() {
        Cost::Iterations(count) if count > MAX_ITERATIONS => Err(KeyError::TooCostly {
            cost: format!("{count} iterations"),
            cap: MAX_ITERATIONS_TEXT,
        }),
        Cost::Scrypt { memory, lanes } => {
            let work = memory.saturating_mul(u128::from(lanes));
            if memory <= MAX_SCRYPT_MEMORY && work <= MAX_SCRYPT_WORK {
                return Ok(());
            }
            let cost = format!("{} MiB of scrypt in {lanes} lanes", memory.div_ceil(1 << 20));
            Err(KeyError::TooCostly { cost, cap: MAX_SCRYPT_TEXT })
        }
        Cost::Iterations(_) => Ok(()),
    }
}
