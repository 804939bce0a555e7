//! Keys in this process's memory: aws-lc signs with all of them but P-384.
//!
//! Roles Anywhere hashes with SHA-256 on every curve, and aws-lc-rs signs P-384 with SHA-384 alone;
//! the `p384` crate does it instead.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P521_SHA256_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair, RSA_PKCS1_SHA256,
};
use p384::ecdsa::signature::hazmat::PrehashSigner;
use pkcs8::der::Decode;
use pkcs8::der::asn1::AnyRef;
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier, PrivateKeyInfoRef};
use sec1::EcPrivateKey;

use crate::certificate::PublicKey;
use crate::key::KeyError;
use crate::signer::{SignError, Signature, Signer, SigningAlgorithm};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// Reads `PrivateKeyInfo` (RFC 5208, RFC 5958).
pub(super) fn from_pkcs8(der: &[u8]) -> Result<Box<dyn Signer>, KeyError> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::Damaged)?;
    match info.algorithm.oid {
        RSA => rsa(rsa::KeyPair::from_pkcs8(der)),
        EC => {
            let inner = EcPrivateKey::from_der(info.private_key.as_bytes());
            let inner = inner.map_err(|_| KeyError::Damaged)?;
            ec(curve_of(&info.algorithm)?, &inner)
        }
        other => Err(KeyError::Algorithm(algorithm_name(other))),
    }
}

/// Reads `RSAPrivateKey` (RFC 8017, A.1.2).
pub(super) fn from_pkcs1(der: &[u8]) -> Result<Box<dyn Signer>, KeyError> {
    rsa(rsa::KeyPair::from_der(der))
}

/// Reads `ECPrivateKey` (RFC 5915), which has to name its curve.
pub(super) fn from_sec1(der: &[u8]) -> Result<Box<dyn Signer>, KeyError> {
    let inner = EcPrivateKey::from_der(der).map_err(|_| KeyError::Damaged)?;
    let curve = inner.parameters.and_then(|p| p.named_curve()).ok_or(KeyError::NoCurve)?;
    ec(curve, &inner)
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

fn ec(curve: ObjectIdentifier, key: &EcPrivateKey<'_>) -> Result<Box<dyn Signer>, KeyError> {
    match curve {
        P256 => aws_lc_ec(&ECDSA_P256_SHA256_ASN1_SIGNING, curve, key),
        P521 => aws_lc_ec(&ECDSA_P521_SHA256_ASN1_SIGNING, curve, key),
        P384 => {
            let signing_key = p384::ecdsa::SigningKey::from_slice(key.private_key)
                .map_err(|_| KeyError::Damaged)?;
            let point = signing_key.verifying_key().to_sec1_point(false);
            let public_key = PublicKey(point.as_bytes().to_vec());
            Ok(Box::new(P384Key { signing_key, public_key }))
        }
        other => Err(KeyError::Curve(curve_name(other))),
    }
}

/// Hands the key to aws-lc as SEC1 with the curve named and without the public point, which a file
/// may omit or have wrong; it is computed anew.
fn aws_lc_ec(
    algorithm: &'static EcdsaSigningAlgorithm,
    curve: ObjectIdentifier,
    key: &EcPrivateKey<'_>,
) -> Result<Box<dyn Signer>, KeyError> {
    use pkcs8::der::Encode;
    let parameters = Some(sec1::EcParameters::NamedCurve(curve));
    let sec1 = EcPrivateKey { private_key: key.private_key, parameters, public_key: None };
    let der = sec1.to_der().map(zeroize::Zeroizing::new).map_err(|_| KeyError::Damaged)?;
    let pair =
        EcdsaKeyPair::from_private_key_der(algorithm, &der).map_err(|_| KeyError::Damaged)?;
    let public_key = PublicKey(pair.public_key().as_ref().to_vec());
    Ok(Box::new(EcKey { pair, public_key }))
}

fn curve_of(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<ObjectIdentifier, KeyError> {
    let parameters: AnyRef<'_> = algorithm.parameters.ok_or(KeyError::NoCurve)?;
    parameters.decode_as::<ObjectIdentifier>().map_err(|_| KeyError::NoCurve)
}

fn algorithm_name(oid: ObjectIdentifier) -> String {
    let name = match oid.to_string().as_str() {
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.2.840.10040.4.1" => "DSA",
        "1.3.101.110" => "X25519",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44",
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65",
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87",
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

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| SignError::Software)?;
        Ok(Signature(signature))
    }
}

struct EcKey {
    pair: EcdsaKeyPair,
    public_key: PublicKey,
}

impl Signer for EcKey {
    fn algorithm(&self) -> SigningAlgorithm {
        SigningAlgorithm::EcdsaSha256
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        signature
            .map(|signature| Signature(signature.as_ref().to_vec()))
            .map_err(|_| SignError::Software)
    }
}

struct P384Key {
    signing_key: p384::ecdsa::SigningKey,
    public_key: PublicKey,
}

impl Signer for P384Key {
    fn algorithm(&self) -> SigningAlgorithm {
        SigningAlgorithm::EcdsaSha256
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, message);
        let signature: p384::ecdsa::Signature =
            self.signing_key.sign_prehash(digest.as_ref()).map_err(|_| SignError::Software)?;
        Ok(Signature(signature.to_der().as_bytes().to_vec()))
    }
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

impl fmt::Debug for P384Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("P384Key(<redacted>)")
    }
}
