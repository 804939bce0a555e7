//! Keys in this process's memory: RSA and ML-DSA by aws-lc here, EC in `ec`.

mod ec;

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    KeyPair, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair,
    PqdsaSigningAlgorithm, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
};
use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, DecodeValue, Encode, FixedTag, Header, Reader, Sequence, Tag};
pub(super) use ec::from_sec1;
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier};
use zeroize::Zeroizing;

use crate::key::KeyError;
use crate::key::signer::{Digest, SignError, Signature, Signer, SigningAlgorithm};
use crate::x509::PublicKey;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

const ML_DSA: [(ObjectIdentifier, &PqdsaSigningAlgorithm); 3] = [
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17"), &ML_DSA_44_SIGNING),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18"), &ML_DSA_65_SIGNING),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19"), &ML_DSA_87_SIGNING),
];

/// Reads `PrivateKeyInfo` (RFC 5208, RFC 5958); ML-DSA in all three forms of RFC 9881.
pub(super) fn from_pkcs8(der: &[u8]) -> Result<Box<dyn Signer>, KeyError> {
    let info = PrivateKeyInfo::from_der(der).map_err(|_| KeyError::Damaged)?;
    let private_key = info.private_key.as_bytes();
    match info.algorithm.oid {
        // Not by `from_pkcs8` of aws-lc, which requires NULL parameters; some tools omit them.
        RSA => from_pkcs1(private_key),
        EC => ec::from_pkcs8(&info.algorithm, private_key),
        other => match ML_DSA.iter().find(|(oid, _)| *oid == other) {
            Some((_, algorithm)) => {
                ml_dsa(algorithm, &info.without_attributes().ok_or(KeyError::Damaged)?)
            }
            None => Err(KeyError::Algorithm(algorithm_name(other))),
        },
    }
}

/// Reads `RSAPrivateKey` (RFC 8017, A.1.2).
pub(super) fn from_pkcs1(der: &[u8]) -> Result<Box<dyn Signer>, KeyError> {
    rsa(rsa::KeyPair::from_der(der)).map_err(|error| match is_multi_prime(der) {
        true => KeyError::Rsa("it has more than two primes".to_owned()),
        false => error,
    })
}

/// Returns whether the key has the version for more than two primes, which aws-lc does not support.
fn is_multi_prime(der: &[u8]) -> bool {
    AnyRef::from_der(der).is_ok_and(|key| key.value().starts_with(b"\x02\x01\x01"))
}

fn rsa(
    pair: Result<rsa::KeyPair, aws_lc_rs::error::KeyRejected>,
) -> Result<Box<dyn Signer>, KeyError> {
    let pair = pair.map_err(|rejected| KeyError::Rsa(rejection(&rejected.to_string())))?;
    let bits = pair.public_modulus_len() * 8;
    if !(2048..=8192).contains(&bits) {
        return Err(KeyError::Rsa(format!("{bits} bits, expected 2048 to 8192")));
    }
    let public_key = PublicKey(pair.public_key().as_ref().to_vec());
    Ok(Box::new(RsaKey { pair, public_key }))
}

/// Describes a one-word rejection of aws-lc.
fn rejection(word: &str) -> String {
    match word {
        "TooSmall" => "less than 2048 bits",
        "TooLarge" => "more than 8192 bits",
        "InconsistentComponents" => "its numbers do not match each other",
        "InvalidEncoding" => "its encoding is damaged",
        _ => "its numbers are not those of an RSA key",
    }
    .to_owned()
}

/// The fields of `PrivateKeyInfo` that define the key. Attributes and the public key of version 2,
/// which may follow, are skipped: the public key is computed.
struct PrivateKeyInfo<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    private_key: &'a OctetStringRef,
}

impl FixedTag for PrivateKeyInfo<'_> {
    const TAG: Tag = Tag::Sequence;
}

impl<'a> DecodeValue<'a> for PrivateKeyInfo<'a> {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, _header: Header) -> der::Result<Self> {
        let _version = u8::decode(reader)?;
        let (algorithm, private_key) = (reader.decode()?, reader.decode()?);
        reader.read_slice(reader.remaining_len())?;
        Ok(Self { algorithm, private_key })
    }
}

impl PrivateKeyInfo<'_> {
    /// Renders version 1 without attributes: aws-lc reads no other form of ML-DSA keys.
    fn without_attributes(&self) -> Option<Zeroizing<Vec<u8>>> {
        #[derive(Sequence)]
        struct MinimalPkcs8<'a> {
            version: u8,
            algorithm: AlgorithmIdentifierRef<'a>,
            private_key: &'a OctetStringRef,
        }
        let algorithm = AlgorithmIdentifierRef { oid: self.algorithm.oid, parameters: None };
        let minimal = MinimalPkcs8 { version: 0, algorithm, private_key: self.private_key };
        minimal.to_der().ok().map(Zeroizing::new)
    }
}

fn ml_dsa(
    algorithm: &'static PqdsaSigningAlgorithm,
    der: &[u8],
) -> Result<Box<dyn Signer>, KeyError> {
    let pair = PqdsaKeyPair::from_pkcs8(algorithm, der).map_err(|_| KeyError::Damaged)?;
    let public_key = PublicKey(pair.public_key().as_ref().to_vec());
    Ok(Box::new(MlDsaKey { pair, public_key }))
}

fn algorithm_name(oid: ObjectIdentifier) -> String {
    let name = match oid.to_string().as_str() {
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.2.840.10040.4.1" => "DSA",
        "1.3.101.110" => "X25519",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        other => return other.to_owned(),
    };
    name.to_owned()
}

struct RsaKey {
    pair: rsa::KeyPair,
    public_key: PublicKey,
}

impl Signer for RsaKey {
    fn algorithm(&self) -> SigningAlgorithm {
        SigningAlgorithm::RsaSha256
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign_with(&self, digest: Digest, message: &[u8]) -> Result<Signature, SignError> {
        let padding = match digest {
            Digest::Sha256 => &RSA_PKCS1_SHA256,
            Digest::Sha384 => &RSA_PKCS1_SHA384,
            Digest::Sha512 => &RSA_PKCS1_SHA512,
        };
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let signed = self.pair.sign(padding, &SystemRandom::new(), message, &mut signature);
        signed.map(|()| Signature(signature)).map_err(|_| SignError::Software)
    }
}

struct MlDsaKey {
    pair: PqdsaKeyPair,
    public_key: PublicKey,
}

impl Signer for MlDsaKey {
    fn algorithm(&self) -> SigningAlgorithm {
        SigningAlgorithm::MlDsa
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Pure ML-DSA with an empty context: `digest` is ignored.
    fn sign_with(&self, _digest: Digest, message: &[u8]) -> Result<Signature, SignError> {
        let mut signature = vec![0; self.pair.algorithm().signature_len()];
        let length = self.pair.sign(message, &mut signature).map_err(|_| SignError::Software)?;
        signature.truncate(length);
        Ok(Signature(signature))
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaKey(<redacted>)")
    }
}

impl fmt::Debug for MlDsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MlDsaKey(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::files;

    fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let contents = parts.concat();
        let length = match contents.len() {
            short @ 0..0x80 => vec![short as u8],
            long => [&[0x82], &(long as u16).to_be_bytes()[..]].concat(),
        };
        [&[tag], &length[..], &contents].concat()
    }

    fn sec1(scalar: &[u8], curve: &[u8]) -> Vec<u8> {
        tlv(0x30, &[b"\x02\x01\x01", &tlv(4, &[scalar]), &tlv(0xa0, &[curve])])
    }

    fn committed(name: &str) -> Vec<u8> {
        let text = files::committed(&format!("certs/{name}"));
        ::pem::parse(text).unwrap().into_contents()
    }

    fn public_key(signer: Result<Box<dyn Signer>, KeyError>) -> PublicKey {
        signer.unwrap().public_key().clone()
    }

    #[test]
    fn short_and_padded_scalars_are_accepted() {
        for (curve, size) in [
            (b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07".as_slice(), 32),
            (b"\x06\x05\x2b\x81\x04\x00\x22", 48),
            (b"\x06\x05\x2b\x81\x04\x00\x23", 66),
        ] {
            let padded = |size: usize| [vec![0; size - 2], vec![7, 9]].concat();
            let usual = public_key(from_sec1(&sec1(&padded(size), curve), None));
            for length in [2, 20, size - 1, size + 1, size + 9] {
                let signer = from_sec1(&sec1(&padded(length), curve), None);
                assert_eq!(signer.as_ref().unwrap().public_key(), &usual, "{size}, {length}");
                assert!(signer.unwrap().sign(b"message").is_ok(), "{size}, {length}");
            }
            let too_long = [vec![7], vec![9; size]].concat();
            assert!(matches!(from_sec1(&sec1(&too_long, curve), None), Err(KeyError::Damaged)));
        }
    }

    #[test]
    fn rsa_with_optional_pkcs8_fields_is_accepted() {
        let pkcs1 = committed("leaf/rsa2048.pkcs1.pem");
        let usual = public_key(from_pkcs1(&pkcs1));
        let oid = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01".as_slice();
        let (with, without) = (tlv(0x30, &[oid, b"\x05\0"]), tlv(0x30, &[oid]));
        let inner = tlv(4, &[&pkcs1]);
        let public = tlv(0x81, &[b"\0", &usual.0]);
        for (version, algorithm, tail) in [
            (0, &without, b"".as_slice()),
            (1, &with, &public),
            (0, &with, &public),
            (1, &without, &[b"\xa0\x02\x31\0", &public[..]].concat()),
            // Attributes out of order; DER requires them sorted.
            (0, &with, b"\xa0\x08\x30\x02\x06\0\x30\x02\x05\0"),
        ] {
            let der = tlv(0x30, &[&[2, 1, version], algorithm, &inner, tail]);
            assert_eq!(public_key(from_pkcs8(&der)), usual);
        }
    }

    #[test]
    fn ec_curve_may_be_named_in_the_inner_key_only() {
        let curve = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
        let inner = sec1(&[7; 32], curve);
        let algorithm = tlv(0x30, &[b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"]);
        let der = tlv(0x30, &[b"\x02\x01\0", &algorithm, &tlv(4, &[&inner])]);
        assert_eq!(public_key(from_pkcs8(&der)), public_key(from_sec1(&inner, None)));
    }

    #[test]
    fn ml_dsa_of_version_2_is_accepted() {
        let der = |name: &str| committed(&format!("../tests/vectors/pki/{name}"));
        let plain = der("leaf-mldsa44.key.pem");
        let usual = public_key(from_pkcs8(&plain));
        let info = PrivateKeyInfo::from_der(&plain).unwrap();
        let algorithm = info.algorithm.to_der().unwrap();
        let inner = info.private_key.to_der().unwrap();
        let public = tlv(0x81, &[b"\0", &usual.0]);
        let version_2 = tlv(0x30, &[b"\x02\x01\x01", &algorithm, &inner, &public]);
        assert_eq!(public_key(from_pkcs8(&version_2)), usual);
    }

    #[test]
    fn multi_prime_key_is_named_in_the_error() {
        let key = tlv(0x30, &[b"\x02\x01\x01", &tlv(2, &[&[1; 256]])]);
        let error = from_pkcs1(&key).unwrap_err();
        assert_eq!(error.to_string(), "the RSA key is not valid: it has more than two primes");
    }

    #[test]
    fn library_error_names_are_not_shown() {
        let error = from_pkcs1(b"\x30\x03\x02\x01\0").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the RSA key is not valid: its numbers are not those of an RSA key"
        );
    }
}
