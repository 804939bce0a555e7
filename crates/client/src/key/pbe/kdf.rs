//! Derives keys from passwords: PBKDF2, scrypt, and the derivation of PKCS#12.

use der::Sequence;
use der::asn1::OctetStringRef;
use hmac::digest::Digest;
use pkcs8::AlgorithmIdentifierRef;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use zeroize::Zeroizing;

use crate::key::KeyError;
use crate::key::pbe::Hash;

/// A password in the two forms that derivations take it in.
#[derive(Debug)]
pub(crate) struct Password {
    utf8: Zeroizing<Vec<u8>>,
    /// UTF-16, big-endian, with a final zero; empty if there is no password.
    utf16: Zeroizing<Vec<u8>>,
}

impl Password {
    /// Returns the password `text`, which may be empty.
    pub(crate) fn new(text: &str) -> Self {
        let mut utf16 = Zeroizing::new(Vec::with_capacity(2 * text.len() + 2));
        for unit in text.encode_utf16().chain([0]) {
            utf16.extend(unit.to_be_bytes());
        }
        Self { utf8: Zeroizing::new(text.as_bytes().to_vec()), utf16 }
    }

    /// Returns the missing password, which PKCS#12 distinguishes from an empty one.
    pub(crate) fn none() -> Self {
        Self { utf8: Zeroizing::default(), utf16: Zeroizing::default() }
    }
}

/// Calls a function that is generic over the hash function.
macro_rules! with {
    ($hash:expr, $function:ident($($argument:expr),*)) => {
        match $hash {
            Hash::Sha1 => $function::<Sha1>($($argument),*),
            Hash::Sha224 => $function::<Sha224>($($argument),*),
            Hash::Sha256 => $function::<Sha256>($($argument),*),
            Hash::Sha384 => $function::<Sha384>($($argument),*),
            Hash::Sha512 => $function::<Sha512>($($argument),*),
            Hash::Sha512To224 => $function::<Sha512_224>($($argument),*),
            Hash::Sha512To256 => $function::<Sha512_256>($($argument),*),
        }
    };
}

#[cfg(test)]
std::thread_local! {
    /// The number of keys that this thread has derived.
    pub(crate) static DERIVED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// A key derivation function and its parameters.
#[derive(Debug)]
pub(crate) struct Kdf {
    salt: Vec<u8>,
    function: Function,
}

#[derive(Clone, Copy, Debug)]
enum Function {
    Pbkdf2 { hash: Hash, iterations: u32 },
    Scrypt { cost: u64, block: u32, lanes: u32 },
    Pkcs12 { hash: Hash, iterations: u32 },
}

/// The cost of a derivation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cost {
    Iterations(u64),
    /// Memory in bytes for each lane, and the number of lanes.
    Scrypt {
        memory: u128,
        lanes: u32,
    },
}

impl Kdf {
    /// Reads a derivation of PBES2, and the length of the key if it is given.
    pub(crate) fn parse(
        algorithm: &AlgorithmIdentifierRef<'_>,
    ) -> Result<(Self, Option<usize>), KeyError> {
        let parameters = algorithm.parameters.ok_or(KeyError::Damaged)?;
        let (salt, function, length) = match algorithm.oid.to_string().as_str() {
            "1.2.840.113549.1.5.12" => {
                let pbkdf2: Pbkdf2Parameters<'_> =
                    parameters.decode_as().map_err(|_| KeyError::Damaged)?;
                let hash = match pbkdf2.prf {
                    None => Hash::Sha1,
                    Some(AlgorithmIdentifierRef { oid, .. }) => Hash::of_hmac(oid)
                        .ok_or_else(|| KeyError::Encryption(format!("PBKDF2 with {oid}")))?,
                };
                let function =
                    Function::Pbkdf2 { hash, iterations: iterations(pbkdf2.iterations)? };
                (pbkdf2.salt, function, pbkdf2.key_length)
            }
            "1.3.6.1.4.1.11591.4.11" => {
                let scrypt: ScryptParameters<'_> =
                    parameters.decode_as().map_err(|_| KeyError::Damaged)?;
                let ScryptParameters { cost, block, lanes, .. } = scrypt;
                (scrypt.salt, Function::Scrypt { cost, block, lanes }, scrypt.key_length)
            }
            other => {
                return Err(KeyError::Encryption(format!("PBES2 with the derivation {other}")));
            }
        };
        let length = length.map(|length| length.try_into().unwrap_or(usize::MAX));
        Ok((Self { salt: salt.as_bytes().to_vec(), function }, length))
    }

    /// Returns PKCS#12's derivation with SHA-1, for encryption.
    pub(crate) fn pkcs12(salt: &[u8], count: u64) -> Result<Self, KeyError> {
        Self::pkcs12_with(Hash::Sha1, salt, count)
    }

    /// Returns PKCS#12's derivation with `hash`, for MACs.
    pub(crate) fn pkcs12_with(hash: Hash, salt: &[u8], count: u64) -> Result<Self, KeyError> {
        let function = Function::Pkcs12 { hash, iterations: iterations(count)? };
        Ok(Self { salt: salt.to_vec(), function })
    }

    /// Returns the cost.
    pub(crate) fn cost(&self) -> Cost {
        match self.function {
            Function::Pbkdf2 { iterations, .. } | Function::Pkcs12 { iterations, .. } => {
                Cost::Iterations(iterations.into())
            }
            Function::Scrypt { cost, block, lanes } => {
                Cost::Scrypt { memory: 128 * u128::from(cost) * u128::from(block), lanes }
            }
        }
    }

    /// Returns whether it treats a missing and an empty password differently.
    pub(crate) fn distinguishes_null_from_empty(&self) -> bool {
        matches!(self.function, Function::Pkcs12 { .. })
    }

    /// Derives a key and, with PKCS#12's derivation, an initialization vector (else empty).
    pub(crate) fn key_and_iv(
        &self,
        password: &Password,
        key: usize,
        iv: usize,
    ) -> Option<(Zeroizing<Vec<u8>>, Vec<u8>)> {
        let iv = match self.function {
            Function::Pkcs12 { .. } => self.pkcs12_octets(password, KeyPurpose::Iv, iv).to_vec(),
            _ => Vec::new(),
        };
        Some((self.octets(password, KeyPurpose::Key, key)?, iv))
    }

    /// Derives the key of a MAC.
    pub(crate) fn mac_key(&self, password: &Password, size: usize) -> Option<Zeroizing<Vec<u8>>> {
        self.octets(password, KeyPurpose::Mac, size)
    }

    fn octets(
        &self,
        password: &Password,
        purpose: KeyPurpose,
        size: usize,
    ) -> Option<Zeroizing<Vec<u8>>> {
        #[cfg(test)]
        DERIVED.set(DERIVED.get() + 1);
        let mut key = Zeroizing::new(vec![0; size]);
        match self.function {
            Function::Pbkdf2 { hash, iterations } => {
                use pbkdf2::pbkdf2_hmac;
                with!(hash, pbkdf2_hmac(&password.utf8, &self.salt, iterations, &mut key));
            }
            Function::Scrypt { cost, block, lanes } => {
                let exponent = cost.is_power_of_two().then(|| cost.trailing_zeros() as u8)?;
                let parameters = scrypt::Params::new(exponent, block, lanes).ok()?;
                scrypt::scrypt(&password.utf8, &self.salt, &parameters, &mut key).ok()?;
            }
            Function::Pkcs12 { .. } => return Some(self.pkcs12_octets(password, purpose, size)),
        }
        Some(key)
    }

    fn pkcs12_octets(
        &self,
        password: &Password,
        purpose: KeyPurpose,
        size: usize,
    ) -> Zeroizing<Vec<u8>> {
        let Function::Pkcs12 { hash, iterations } = self.function else {
            return Zeroizing::default();
        };
        let input = Pkcs12Input {
            purpose,
            password: &password.utf16,
            salt: &self.salt,
            iterations,
            block: hash.block(),
        };
        with!(hash, pkcs12(&input, size))
    }
}

/// The purpose of bytes that PKCS#12 derives; the discriminant is its ID (RFC 7292, B.3).
#[derive(Clone, Copy)]
enum KeyPurpose {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

struct Pkcs12Input<'a> {
    purpose: KeyPurpose,
    password: &'a [u8],
    salt: &'a [u8],
    iterations: u32,
    block: usize,
}

/// RFC 7292, B.2, in whose letters `block` is v, `mixed` is I, `hashed` is A and `addend` is B.
fn pkcs12<D: Digest>(input: &Pkcs12Input<'_>, size: usize) -> Zeroizing<Vec<u8>> {
    let Pkcs12Input { purpose, password, salt, iterations, block } = *input;
    let filled = |text: &[u8]| text.len().next_multiple_of(block);
    let mut mixed = Zeroizing::new(Vec::with_capacity(filled(salt) + filled(password)));
    mixed.extend(salt.iter().cycle().take(filled(salt)));
    mixed.extend(password.iter().cycle().take(filled(password)));
    let diversifier = vec![purpose as u8; block];
    let mut octets = Zeroizing::new(Vec::with_capacity(size + block));
    loop {
        let mut hashed = D::new().chain_update(&diversifier).chain_update(&*mixed).finalize();
        for _ in 1..iterations {
            hashed = D::digest(&hashed);
        }
        octets.extend_from_slice(&hashed);
        if octets.len() >= size {
            octets.truncate(size);
            return octets;
        }
        let addend: Zeroizing<Vec<u8>> =
            Zeroizing::new(hashed.iter().copied().cycle().take(block).collect());
        for part in mixed.chunks_exact_mut(block) {
            let mut carry = 1;
            for (octet, more) in part.iter_mut().zip(addend.iter()).rev() {
                let sum = u16::from(*octet) + u16::from(*more) + carry;
                (*octet, carry) = (sum as u8, sum >> 8);
            }
        }
    }
}

/// Refuses a count of iterations that no derivation has; what is too costly is refused later, by
/// its number.
fn iterations(count: u64) -> Result<u32, KeyError> {
    match count {
        0 => Err(KeyError::Damaged),
        count => Ok(u32::try_from(count).unwrap_or(u32::MAX)),
    }
}

/// `PBKDF2-params` (RFC 8018, A.2); its salt may be from elsewhere, which no program is known to write.
#[derive(Sequence)]
struct Pbkdf2Parameters<'a> {
    salt: &'a OctetStringRef,
    iterations: u64,
    #[asn1(optional = "true")]
    key_length: Option<u64>,
    #[asn1(optional = "true")]
    prf: Option<AlgorithmIdentifierRef<'a>>,
}

/// `scrypt-params` (RFC 7914, 7.1).
#[derive(Sequence)]
struct ScryptParameters<'a> {
    salt: &'a OctetStringRef,
    cost: u64,
    block: u32,
    lanes: u32,
    #[asn1(optional = "true")]
    key_length: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By OpenSSL 3.0: `openssl kdf -keylen 40 -kdfopt digest:SHA1 -kdfopt hexpass:… -kdfopt
    /// hexsalt:0102030405060708 -kdfopt iter:1000 -kdfopt id:1 PKCS12KDF`.
    #[test]
    fn derives_as_openssl_does() {
        let octets = |hash, password: &Password, size| {
            let kdf = Kdf::pkcs12_with(hash, &[1, 2, 3, 4, 5, 6, 7, 8], 1_000).unwrap();
            let octets = kdf.octets(password, KeyPurpose::Key, size).unwrap();
            crate::hex::encode(&*octets)
        };
        let password = Password::new("a😀b");
        assert_eq!(*password.utf16, [0, b'a', 0xd8, 0x3d, 0xde, 0x00, 0, b'b', 0, 0]);
        assert_eq!(
            octets(Hash::Sha1, &password, 40),
            "413a548ed8e401f35acb4c88cfac2550470bd063080336056d381751a4b72b82302b496b6a817142"
        );
        assert_eq!(
            octets(Hash::Sha512, &password, 70),
            "0464ee61d596338b8360c6d1ad2b33dcd4b9326067b655e7dad901553e1fe72e99e4b0775eb7a66678b4f3585de9669c7948dac92931b8f0c9ec7e43b0bb6b6749e22a58a7de"
        );
        assert_eq!(
            octets(Hash::Sha1, &Password::new(""), 24),
            "8513922b91c9b23619baf63283ab12c8e2f0a171b4e4528e"
        );
    }

    #[test]
    fn tells_no_password_from_an_empty_one() {
        let kdf = Kdf::pkcs12(&[1; 8], 1).unwrap();
        let key = |password: &Password| kdf.mac_key(password, 20).unwrap();
        assert_ne!(key(&Password::none()), key(&Password::new("")));
    }

    #[test]
    fn has_no_derivation_without_a_round() {
        assert!(matches!(Kdf::pkcs12(&[], 0), Err(KeyError::Damaged)));
        assert_eq!(Kdf::pkcs12(&[], 1 << 40).unwrap().cost(), Cost::Iterations(u32::MAX.into()));
    }
}
