//! Encrypted PKCS#8 (RFC 5958).
//!
//! An attacker may have written the file, so the cost of a derivation is checked before it runs.

use der::Decode;
use zeroize::Zeroizing;

use crate::key::KeyError;
use crate::key::pbe::{Cost, Encrypted, Kdf, Password, Scheme};
use crate::password::Passwords;

/// The most iterations of PBKDF2.
const MAX_ITERATIONS: u64 = 10_000_000;
const MAX_ITERATIONS_TEXT: &str = "10,000,000 iterations";
/// The most memory of scrypt, and the most that all its lanes may go through.
const MAX_SCRYPT_MEMORY: u128 = 256 << 20;
const MAX_SCRYPT_WORK: u128 = 1 << 30;
const MAX_SCRYPT_TEXT: &str = "256 MiB of scrypt, 1 GiB over all its lanes,";

/// Decrypts `EncryptedPrivateKeyInfo`; `what` names the key if its password has to be asked for.
pub(super) fn decrypt(
    der: &[u8],
    what: &str,
    passwords: &dyn Passwords,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let info = Encrypted::from_der(der).map_err(|_| KeyError::Damaged)?;
    if info.data.is_empty() {
        return Err(KeyError::Damaged);
    }
    let scheme = Scheme::parse(&info.algorithm)?;
    check_cost(scheme.kdf())?;
    let password = Password::new(passwords.password(what)?.expose());
    scheme.decrypt(&password, info.data.as_bytes()).ok_or(KeyError::WrongPassword)
}

/// Refuses a derivation that would cost more than is allowed.
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
