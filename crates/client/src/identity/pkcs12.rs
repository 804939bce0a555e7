//! PKCS#12 (`.p12`, `.pfx`, RFC 7292): certificates and keys, encrypted with one password.
//!
//! We do not use `p12-keystore`: it does not support BER, the null password, PBMAC1 or passwords beyond
//! U+FFFF, and it depends on pre-releases. The cost of all key derivations is limited, because the
//! file may come from an attacker.

mod mac;

use std::cell::Cell;

use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, Sequence};
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier};
use zeroize::Zeroizing;

use crate::encoding::Encoding;
use crate::encoding::ber;
use crate::key::pbe::{Cost, Encrypted, Kdf, Password, Scheme};
use crate::key::{KeyError, check_cost};
use crate::password::Passwords;
use crate::secret::SecretBytes;

use mac::{Mac, MacData};

/// The most iterations of one key derivation, and of all of a file together.
const MAX_ITERATIONS_EACH: u64 = 1_000_000;
const MAX_ITERATIONS: u64 = 3_000_000;
const MAX_ITERATIONS_TEXT: &str = "3,000,000 iterations in a file, 1,000,000 each";
/// The most derivations by scrypt in a file; the cost of each is limited by `check_cost`.
const MAX_SCRYPTS: u64 = 4;
const MAX_SCRYPTS_TEXT: &str = "4 derivations by scrypt in a file";
/// The deepest nesting of bags.
const MAX_DEPTH: usize = 4;

/// The contents of a PKCS#12 file.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    /// The certificates, DER, in their order.
    pub(crate) certificates: Vec<Vec<u8>>,
    /// The private keys, unencrypted PKCS#8.
    pub(crate) keys: Vec<SecretBytes>,
}

/// Opens a file without a password if possible, else with the one for `file_name`.
pub(crate) fn open(
    bytes: &[u8],
    file_name: &str,
    passwords: &dyn Passwords,
) -> Result<Archive, KeyError> {
    let file = ber::to_der(bytes).ok_or(KeyError::Damaged)?;
    let pfx = Pfx::from_der(&file).map_err(|_| KeyError::Damaged)?;
    if pfx.safe.kind == SIGNED {
        return Err(KeyError::Encryption("PKCS#12's public-key mode".to_owned()));
    }
    // The original bytes: the MAC is computed over them.
    let safe = pfx.safe.data_bytes().ok_or(KeyError::Damaged)?;
    let mac = pfx.mac.as_ref().map(Mac::parse).transpose()?;
    let distinguishes_no_password = Cell::new(false);
    let attempt = |password: Option<&Password>| {
        let (budget, archive) = Default::default();
        let mut walk = SafeWalk {
            password,
            budget,
            archive,
            distinguishes_no_password: &distinguishes_no_password,
        };
        if let Some(mac) = &mac {
            walk.count(mac.kdf())?;
            if password.is_some_and(|password| !mac.verifies(password, safe)) {
                return Err(KeyError::WrongPassword);
            }
        }
        walk.safes(safe)?;
        Ok(walk.archive)
    };
    // The first pass reads only unencrypted parts, to limit the cost before a password is requested.
    attempt(None)?;
    // Some programs write a missing password as an absent one, others as an empty one (RFC 7292, B.1).
    for password in [Password::none(), Password::new("")] {
        match attempt(Some(&password)) {
            Err(KeyError::WrongPassword) => {}
            Err(KeyError::Damaged) if mac.is_none() => {}
            opened => return opened,
        }
        if !distinguishes_no_password.get() {
            break;
        }
    }
    let password = passwords.password(file_name)?;
    if password.expose().is_empty() {
        return Err(KeyError::WrongPassword);
    }
    let password = Password::new(password.expose());
    attempt(Some(&password)).map_err(|error| match error {
        // Without a MAC, data decrypted with a wrong password looks damaged. Report the password.
        KeyError::Damaged if mac.is_none() => KeyError::WrongPassword,
        error => error,
    })
}

/// The cost of all key derivations of a file so far.
#[derive(Clone, Copy, Debug, Default)]
struct DerivationBudget {
    iterations: u64,
    scrypts: u64,
}

impl DerivationBudget {
    /// Adds a derivation, or refuses it if its cost or the total cost exceeds the limit.
    fn add(&mut self, kdf: &Kdf) -> Result<(), KeyError> {
        check_cost(kdf)?;
        let too_costly = |cost, cap| Err(KeyError::TooCostly { cost, cap });
        match kdf.cost() {
            Cost::Iterations(count) => {
                self.iterations = self.iterations.saturating_add(count);
                if count > MAX_ITERATIONS_EACH || self.iterations > MAX_ITERATIONS {
                    let cost = format!("{} iterations", self.iterations);
                    return too_costly(cost, MAX_ITERATIONS_TEXT);
                }
            }
            Cost::Scrypt { .. } => {
                self.scrypts += 1;
                if self.scrypts > MAX_SCRYPTS {
                    let cost = format!("{} derivations by scrypt", self.scrypts);
                    return too_costly(cost, MAX_SCRYPTS_TEXT);
                }
            }
        }
        Ok(())
    }
}

/// Walks a file. Without a password, it visits unencrypted parts only.
struct SafeWalk<'a> {
    password: Option<&'a Password>,
    budget: DerivationBudget,
    archive: Archive,
    /// Whether a key derivation in the file treats a missing and an empty password differently.
    distinguishes_no_password: &'a Cell<bool>,
}

impl SafeWalk<'_> {
    /// Walks an `AuthenticatedSafe`.
    fn safes(&mut self, octets: &[u8]) -> Result<(), KeyError> {
        let safes = ber::to_der(octets).ok_or(KeyError::Damaged)?;
        let safes: Vec<ContentInfo<'_>> = decode(&safes)?;
        for safe in &safes {
            match safe.kind {
                DATA => self.bags(safe.data_bytes().ok_or(KeyError::Damaged)?, MAX_DEPTH)?,
                ENCRYPTED => {
                    let (algorithm, data) = safe.encrypted().ok_or(KeyError::Damaged)?;
                    if let Some(bags) = self.decrypt(&decode(algorithm)?, &data)? {
                        self.bags(&bags, MAX_DEPTH)?;
                    }
                }
                ENVELOPED => {
                    return Err(KeyError::Encryption("PKCS#12's public-key mode".to_owned()));
                }
                _ => return Err(KeyError::Damaged),
            }
        }
        Ok(())
    }

    /// Walks `SafeContents`.
    fn bags(&mut self, octets: &[u8], depth: usize) -> Result<(), KeyError> {
        let depth = depth.checked_sub(1).ok_or(KeyError::Damaged)?;
        let bags = ber::to_der(octets).ok_or(KeyError::Damaged)?;
        let bags: Vec<SafeBag<'_>> = decode(&bags)?;
        for bag in &bags {
            let value = bag.value.value();
            match bag.kind {
                KEY => self.archive.keys.push(SecretBytes::new(value.to_vec())),
                SHROUDED_KEY => {
                    let shrouded: Encrypted<'_> = decode(value)?;
                    let data = shrouded.data.as_bytes();
                    if let Some(key) = self.decrypt(&shrouded.algorithm, data)? {
                        // With a wrong password, the padding is valid once in 256 times.
                        if Encoding::of(&key) != Encoding::Pkcs8 {
                            return Err(KeyError::Damaged);
                        }
                        self.archive.keys.push(SecretBytes::new(ber::trimmed(&key).to_vec()));
                    }
                }
                CERTIFICATE => {
                    let bag: CertificateBag<'_> = decode(value)?;
                    if bag.kind == X509 {
                        self.archive.certificates.push(bag.certificate.as_bytes().to_vec());
                    }
                }
                BAGS => self.bags(value, depth)?,
                // Revocation lists, secrets and other bag types.
                _ => {}
            }
        }
        Ok(())
    }

    /// Counts a derivation before it is run.
    fn count(&mut self, kdf: &Kdf) -> Result<(), KeyError> {
        self.distinguishes_no_password
            .set(self.distinguishes_no_password.get() || kdf.distinguishes_null_from_empty());
        self.budget.add(kdf)
    }

    /// Decrypts `data` if there is a password.
    fn decrypt(
        &mut self,
        algorithm: &AlgorithmIdentifierRef<'_>,
        data: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        let scheme = Scheme::parse(algorithm)?;
        self.count(scheme.kdf())?;
        let Some(password) = self.password else { return Ok(None) };
        scheme.decrypt(password, data).map(Some).ok_or(KeyError::WrongPassword)
    }
}

fn decode<'a, T: Decode<'a>>(der: &'a [u8]) -> Result<T, KeyError> {
    T::from_der(der).map_err(|_| KeyError::Damaged)
}

#[derive(Sequence)]
struct Pfx<'a> {
    _version: u8,
    safe: ContentInfo<'a>,
    #[asn1(optional = "true")]
    mac: Option<MacData<'a>>,
}

/// `ContentInfo` (RFC 5652, 3).
#[derive(Sequence)]
struct ContentInfo<'a> {
    kind: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: AnyRef<'a>,
}

impl<'a> ContentInfo<'a> {
    /// Returns the content if the type is `data`.
    fn data_bytes(&self) -> Option<&'a [u8]> {
        let octets = self.content.decode_as::<&OctetStringRef>().ok()?;
        (self.kind == DATA).then_some(octets.as_bytes())
    }

    /// Returns the algorithm identifier and the ciphertext of `EncryptedData` (RFC 5652, 8).
    fn encrypted(&self) -> Option<(&'a [u8], Zeroizing<Vec<u8>>)> {
        let mut data = self.content.value();
        let _version = ber::next(&mut data)?;
        let mut info = ber::next(&mut data)?.contents;
        let _kind = ber::next(&mut info)?;
        let algorithm = ber::next(&mut info)?.whole;
        let ciphertext = ber::next(&mut info)?;
        match ciphertext.tag {
            0x80 => Some((algorithm, Zeroizing::new(ciphertext.contents.to_vec()))),
            // In pieces, as NSS writes it.
            0xa0 => {
                let mut pieces = ciphertext.contents;
                let mut octets = Zeroizing::new(Vec::with_capacity(pieces.len()));
                while !pieces.is_empty() {
                    octets.extend(ber::next(&mut pieces).filter(|piece| piece.tag == 4)?.contents);
                }
                Some((algorithm, octets))
            }
            _ => None,
        }
    }
}

#[derive(Sequence)]
struct SafeBag<'a> {
    kind: ObjectIdentifier,
    /// Holds the explicit tag; `.value()` is the inner value.
    value: AnyRef<'a>,
    #[asn1(optional = "true")]
    _attributes: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct CertificateBag<'a> {
    kind: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    certificate: &'a OctetStringRef,
}

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const ENVELOPED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3");
const ENCRYPTED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");

const KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.1");
const SHROUDED_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");
const CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.3");
const BAGS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.6");
const X509: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.22.1");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::pbe::DERIVED;
    use crate::test_support::files;
    use crate::test_support::password::FixedPassword;

    const HUNTER2: FixedPassword = FixedPassword::known("hunter2");
    const WRONG: FixedPassword = FixedPassword::known("wrong");
    const EMPTY: FixedPassword = FixedPassword::known("");

    fn committed(name: &str) -> Vec<u8> {
        files::committed(&format!("certs/forms/{name}"))
    }

    #[test]
    fn files_of_other_programs_are_read() {
        for (name, certificates) in [
            ("modern", 3),
            ("legacy", 3),
            ("plain", 3),
            ("empty-password", 3),
            ("null-password", 2),
            ("null-password-3des", 2),
            ("nss", 3),
            ("pbmac1", 3),
            ("rc2-128", 2),
            ("2des", 2),
        ] {
            let archive = open(&committed(&format!("{name}.p12")), "it", &HUNTER2).unwrap();
            assert_eq!(
                (archive.keys.len(), archive.certificates.len()),
                (1, certificates),
                "{name}"
            );
        }
    }

    /// The MAC is computed over the original bytes, in BER too.
    #[test]
    fn changed_bytes_fail_the_mac() {
        // Only one change for NSS: its MAC takes 600,000 iterations.
        for (name, changes) in
            [("modern.p12", 9), ("nss.p12", 1), ("pbmac1.p12", 9), ("null-password.p12", 9)]
        {
            let file = committed(name);
            for change in 0..changes {
                let mut changed = file.clone();
                let at = 40 + (1 + change) * (file.len() - 180) / changes;
                changed[at] ^= 1;
                assert!(open(&changed, "it", &HUNTER2).is_err(), "{name}: {at}");
            }
        }
    }

    /// Returns `modern.p12` without its MAC and its certificates, and its encrypted key.
    fn without_mac() -> (Vec<u8>, Vec<u8>) {
        fn inside<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
            ber::next(bytes).unwrap().contents
        }
        fn last<'a>(mut bytes: &'a [u8]) -> ber::Tlv<'a> {
            std::iter::from_fn(|| ber::next(&mut bytes)).last().unwrap()
        }
        let file = committed("modern.p12");
        let mut pfx = inside(&mut file.as_slice());
        inside(&mut pfx);
        // [0] and the octet string in it, and in that the safe with the key.
        let octets = inside(&mut last(inside(&mut pfx)).contents);
        let safe = last(inside(&mut { octets }));
        let bag = inside(&mut inside(&mut inside(&mut last(safe.contents).contents)));
        let mut bag = bag;
        inside(&mut bag);
        let data = last(inside(&mut inside(&mut bag))).contents;
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
        let safes = [b"\x30\x82", &length(safe.whole)[..], safe.whole].concat();
        let file = [
            b"\x30\x80\x02\x01\x03\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80\x04\x82",
            &length(&safes)[..],
            &safes,
            &[0; 6],
        ]
        .concat();
        (file, data.to_vec())
    }

    /// Returns the number of keys that are derived to open a file.
    fn derived(file: &[u8], passwords: &dyn Passwords) -> u32 {
        DERIVED.set(0);
        let _ = open(file, "it", passwords);
        DERIVED.get()
    }

    #[test]
    fn each_password_form_is_derived_once() {
        let (file, _) = without_mac();
        // PBES2 treats a missing and an empty password alike.
        assert_eq!(derived(&file, &HUNTER2), 2);
        assert_eq!(derived(&file, &EMPTY), 1);
        assert!(matches!(open(&file, "it", &EMPTY), Err(KeyError::WrongPassword)));
        // The key of the MAC (PBMAC1, then PKCS#12's own) too; with the password, two more.
        assert_eq!(derived(&committed("pbmac1.p12"), &HUNTER2), 4);
        assert_eq!(derived(&committed("modern.p12"), &HUNTER2), 5);
        assert_eq!(derived(&committed("modern.p12"), &EMPTY), 2);
    }

    #[test]
    fn wrong_password_never_yields_a_key() {
        let (mut file, data) = without_mac();
        assert_eq!(open(&file, "it", &HUNTER2).unwrap().keys.len(), 1);
        let at = file.windows(data.len()).position(|window| window == data).unwrap();
        // The byte that decides the last byte of the plaintext.
        let at = at + data.len() - 17;
        for octet in (0..=255).filter(|octet| *octet != file[at]).collect::<Vec<u8>>() {
            file[at] = octet;
            assert!(open(&file, "it", &WRONG).is_err(), "{octet}");
        }
    }

    #[test]
    fn total_derivation_cost_is_limited() {
        let mut budget = DerivationBudget::default();
        let kdf = |iterations| Kdf::pkcs12(&[], iterations).unwrap();
        for _ in 0..3 {
            budget.add(&kdf(1_000_000)).unwrap();
        }
        assert!(matches!(budget.add(&kdf(1)), Err(KeyError::TooCostly { .. })));
        let once = DerivationBudget::default().add(&kdf(1_000_001));
        assert!(matches!(once, Err(KeyError::TooCostly { .. })));
    }
}
