//! Keys in this process's memory: aws-lc signs with all of them but P-384.
//!
//! Roles Anywhere hashes with SHA-256 on every curve, and aws-lc-rs signs P-384 with SHA-384 alone;
//! the `p384` crate does it instead. What the official `sign-string` asks for beyond SHA-256 on
//! P-256 is done by the `p256` crate.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA256_ASN1_SIGNING,
    ECDSA_P521_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING,
    PqdsaKeyPair, PqdsaSigningAlgorithm, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
};
use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, Encode, Sequence, Tag, Tagged};
use ecdsa::DigestAlgorithm;
use ecdsa::hazmat::sign_prehashed_rfc6979;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use p384::NistP384;
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier, PrivateKeyInfoRef};
use sec1::EcPrivateKey;
use zeroize::Zeroizing;

use crate::certificate::PublicKey;
use crate::key::KeyError;
use crate::secret::SecretBytes;
use crate::signer::{Digest, SignError, Signature, Signer, SigningAlgorithm};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

const ML_DSA: [(ObjectIdentifier, &PqdsaSigningAlgorithm); 3] = [
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17"), &ML_DSA_44_SIGNING),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18"), &ML_DSA_65_SIGNING),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19"), &ML_DSA_87_SIGNING),
];

/// Reads `PrivateKeyInfo` (RFC 5208, RFC 5958); ML-DSA in all three forms of RFC 9881.
pub(super) fn from_pkcs8(der: &[u8]) -> Result<Box<dyn Signer>, KeyError> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::Damaged)?;
    match info.algorithm.oid {
        RSA => rsa(rsa::KeyPair::from_pkcs8(der)),
        EC => {
            let inner = EcPrivateKey::from_der(info.private_key.as_bytes());
            let inner = inner.map_err(|_| KeyError::Damaged)?;
            ec(curve_of(&info.algorithm)?, &inner)
        }
        other => match ML_DSA.iter().find(|(oid, _)| *oid == other) {
            Some((_, algorithm)) => ml_dsa(algorithm, der),
            None => Err(KeyError::Algorithm(algorithm_name(other))),
        },
    }
}

/// Reads `RSAPrivateKey` (RFC 8017, A.1.2).
pub(super) fn from_pkcs1(der: &[u8]) -> Result<Box<dyn Signer>, KeyError> {
    rsa(rsa::KeyPair::from_der(der))
}

/// Reads `ECPrivateKey` (RFC 5915), whose curve it names itself, or the parameters beside it do.
pub(super) fn from_sec1(
    der: &[u8],
    parameters: Option<&[u8]>,
) -> Result<Box<dyn Signer>, KeyError> {
    let inner = EcPrivateKey::from_der(der).map_err(|_| ec_damage(der))?;
    let own = inner.parameters.and_then(|p| p.named_curve());
    let beside = || parameters.and_then(|der| ObjectIdentifier::from_der(der).ok());
    ec(own.or_else(beside).ok_or(KeyError::NoCurve)?, &inner)
}

fn rsa(
    pair: Result<rsa::KeyPair, aws_lc_rs::error::KeyRejected>,
) -> Result<Box<dyn Signer>, KeyError> {
    let pair = pair.map_err(|rejected| KeyError::Rsa(rejection(&rejected.to_string())))?;
    let bits = pair.public_modulus_len() * 8;
    if !(2048..=8192).contains(&bits) {
        return Err(KeyError::Rsa(format!("{bits} bits, and 2048 to 8192 are wanted")));
    }
    let public_key = PublicKey(pair.public_key().as_ref().to_vec());
    Ok(Box::new(RsaKey { pair, public_key }))
}

/// Puts aws-lc's one-word rejections into words.
fn rejection(word: &str) -> String {
    match word {
        "TooSmall" => "less than 2048 bits",
        "TooLarge" => "more than 8192 bits",
        "InconsistentComponents" => "its parts contradict each other",
        "InvalidEncoding" => "its encoding is damaged",
        other => other,
    }
    .to_owned()
}

fn ml_dsa(
    algorithm: &'static PqdsaSigningAlgorithm,
    der: &[u8],
) -> Result<Box<dyn Signer>, KeyError> {
    let pair = PqdsaKeyPair::from_pkcs8(algorithm, der).map_err(|_| KeyError::Damaged)?;
    let public_key = PublicKey(pair.public_key().as_ref().to_vec());
    Ok(Box::new(MlDsaKey { pair, public_key }))
}

fn ec(curve: ObjectIdentifier, key: &EcPrivateKey<'_>) -> Result<Box<dyn Signer>, KeyError> {
    match curve {
        P256 => aws_lc_ec(Curve::P256, key),
        P384 => aws_lc_ec(Curve::P384, key),
        P521 => aws_lc_ec(Curve::P521, key),
        other => Err(KeyError::Curve(curve_name(other))),
    }
}

fn aws_lc_ec(curve: Curve, key: &EcPrivateKey<'_>) -> Result<Box<dyn Signer>, KeyError> {
    let sec1 = curve.sec1(key.private_key).ok_or(KeyError::Damaged)?;
    let pair = EcdsaKeyPair::from_private_key_der(curve.algorithm(), sec1.expose())
        .map_err(|_| KeyError::Damaged)?;
    let public_key = PublicKey(pair.public_key().as_ref().to_vec());
    let scalar = SecretBytes::new(key.private_key.to_vec());
    Ok(Box::new(EcKey { curve, scalar, pair, public_key }))
}

#[derive(Clone, Copy)]
enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// Returns what aws-lc opens a key with, and signs with where that is what is asked for.
    fn algorithm(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
            Self::P521 => &ECDSA_P521_SHA256_ASN1_SIGNING,
        }
    }

    /// Renders the key as SEC1 with the curve named and without the public point, which a file may
    /// omit or have wrong; aws-lc computes it anew.
    fn sec1(self, scalar: &[u8]) -> Option<SecretBytes> {
        let curve = match self {
            Self::P256 => P256,
            Self::P384 => P384,
            Self::P521 => P521,
        };
        let parameters = Some(sec1::EcParameters::NamedCurve(curve));
        let key = EcPrivateKey { private_key: scalar, parameters, public_key: None };
        key.to_der().ok().map(SecretBytes::new)
    }
}

fn curve_of(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<ObjectIdentifier, KeyError> {
    let parameters: AnyRef<'_> = algorithm.parameters.ok_or(KeyError::NoCurve)?;
    match parameters.tag() {
        Tag::Sequence => Err(KeyError::ExplicitCurve),
        _ => parameters.decode_as::<ObjectIdentifier>().map_err(|_| KeyError::NoCurve),
    }
}

/// Tells an `ECPrivateKey` with explicit parameters from one that is damaged.
fn ec_damage(der: &[u8]) -> KeyError {
    #[derive(Sequence)]
    struct Explicit<'a> {
        _version: u8,
        _private_key: &'a OctetStringRef,
        #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
        parameters: AnyRef<'a>,
        #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
        _public_key: Option<AnyRef<'a>>,
    }
    match Explicit::from_der(der) {
        Ok(key) if key.parameters.tag() == Tag::Sequence => KeyError::ExplicitCurve,
        _ => KeyError::Damaged,
    }
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

fn curve_name(oid: ObjectIdentifier) -> String {
    match oid.to_string().as_str() {
        "1.3.132.0.10" => "secp256k1".to_owned(),
        "1.3.132.0.33" => "P-224".to_owned(),
        other => other.to_owned(),
    }
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

struct EcKey {
    curve: Curve,
    scalar: SecretBytes,
    pair: EcdsaKeyPair,
    public_key: PublicKey,
}

impl EcKey {
    fn sign_p521(
        &self,
        algorithm: &'static EcdsaSigningAlgorithm,
        message: &[u8],
    ) -> Option<Vec<u8>> {
        let sec1 = self.curve.sec1(self.scalar.expose())?;
        let pair = EcdsaKeyPair::from_private_key_der(algorithm, sec1.expose()).ok()?;
        Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
    }

    /// Signs by the scalar alone: a `SigningKey` would first compute the public key, which aws-lc
    /// has done before, and that takes as long as a signature.
    fn sign_p384(&self, digest: Digest, message: &[u8]) -> Option<Vec<u8>> {
        type NonceDigest = <NistP384 as DigestAlgorithm>::Digest;
        let key = p384::SecretKey::from_slice(self.scalar.expose()).ok()?;
        let scalar = Zeroizing::new(key.to_nonzero_scalar());
        let prehash = hash(digest, message);
        let (signature, _) =
            sign_prehashed_rfc6979::<NistP384, NonceDigest>(&scalar, prehash.as_ref(), &[]);
        Some(signature.to_der().as_bytes().to_vec())
    }

    fn sign_p256(&self, digest: Digest, message: &[u8]) -> Option<Vec<u8>> {
        let key = p256::ecdsa::SigningKey::from_slice(self.scalar.expose()).ok()?;
        let signature: p256::ecdsa::Signature =
            key.sign_prehash(hash(digest, message).as_ref()).ok()?;
        Some(signature.to_der().as_bytes().to_vec())
    }
}

impl Signer for EcKey {
    fn algorithm(&self) -> SigningAlgorithm {
        SigningAlgorithm::EcdsaSha256
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign_with(&self, digest: Digest, message: &[u8]) -> Result<Signature, SignError> {
        let signed = match (digest, self.curve) {
            (digest, Curve::P384) => self.sign_p384(digest, message),
            (Digest::Sha256, Curve::P256 | Curve::P521) => {
                let signature = self.pair.sign(&SystemRandom::new(), message).ok();
                signature.map(|signature| signature.as_ref().to_vec())
            }
            (Digest::Sha384, Curve::P521) => {
                self.sign_p521(&ECDSA_P521_SHA384_ASN1_SIGNING, message)
            }
            (Digest::Sha512, Curve::P521) => {
                self.sign_p521(&ECDSA_P521_SHA512_ASN1_SIGNING, message)
            }
            (digest, Curve::P256) => self.sign_p256(digest, message),
        };
        signed.map(Signature).ok_or(SignError::Software)
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

    /// Pure ML-DSA with an empty context: no digest is taken beforehand, whichever is asked for.
    fn sign_with(&self, _digest: Digest, message: &[u8]) -> Result<Signature, SignError> {
        let mut signature = vec![0; self.pair.algorithm().signature_len()];
        let length = self.pair.sign(message, &mut signature).map_err(|_| SignError::Software)?;
        signature.truncate(length);
        Ok(Signature(signature))
    }
}

fn hash(digest: Digest, message: &[u8]) -> aws_lc_rs::digest::Digest {
    let algorithm = match digest {
        Digest::Sha256 => &aws_lc_rs::digest::SHA256,
        Digest::Sha384 => &aws_lc_rs::digest::SHA384,
        Digest::Sha512 => &aws_lc_rs::digest::SHA512,
    };
    aws_lc_rs::digest::digest(algorithm, message)
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaKey(<redacted>)")
    }
}

impl fmt::Debug for EcKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EcKey(<redacted>)")
    }
}

impl fmt::Debug for MlDsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MlDsaKey(<redacted>)")
    }
}
