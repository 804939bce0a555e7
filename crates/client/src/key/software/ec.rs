//! EC keys: aws-lc signs with all of them but P-384.
//!
//! Roles Anywhere requires SHA-256 on every curve, but aws-lc-rs signs P-384 only with SHA-384. So the
//! `p384` crate signs P-384. The `p256` crate signs with the other digests that the
//! official `sign-string` offers on P-256.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA256_ASN1_SIGNING,
    ECDSA_P521_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair,
};
use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, Encode, Sequence, Tag, Tagged};
use ecdsa::DigestAlgorithm;
use ecdsa::hazmat::sign_prehashed_rfc6979;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use p384::NistP384;
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier};
use sec1::EcPrivateKey;
use zeroize::Zeroizing;

use crate::key::KeyError;
use crate::key::signer::{Digest, SignError, Signature, Signer, SigningAlgorithm};
use crate::secret::SecretBytes;
use crate::x509::PublicKey;

const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// Reads the `ECPrivateKey` (RFC 5915) of a `PrivateKeyInfo`, whose algorithm names the curve.
pub(super) fn from_pkcs8(
    algorithm: &AlgorithmIdentifierRef<'_>,
    private_key: &[u8],
) -> Result<Box<dyn Signer>, KeyError> {
    let inner = EcPrivateKey::from_der(private_key);
    let inner = inner.map_err(|_| KeyError::Damaged)?;
    let inner_curve = inner.parameters.and_then(|parameters| parameters.named_curve());
    match (curve_of(algorithm), inner_curve) {
        (Err(KeyError::NoCurve), Some(curve)) => open(curve, &inner),
        (curve, _) => open(curve?, &inner),
    }
}

/// Reads `ECPrivateKey` (RFC 5915). If it does not name its curve, `parameters` does.
pub(in crate::key) fn from_sec1(
    der: &[u8],
    parameters: Option<&[u8]>,
) -> Result<Box<dyn Signer>, KeyError> {
    let inner = EcPrivateKey::from_der(der).map_err(|_| damage(der))?;
    let inner_curve = inner.parameters.and_then(|p| p.named_curve());
    let from_parameters = || parameters.and_then(|der| ObjectIdentifier::from_der(der).ok());
    open(inner_curve.or_else(from_parameters).ok_or(KeyError::NoCurve)?, &inner)
}

fn open(curve: ObjectIdentifier, key: &EcPrivateKey<'_>) -> Result<Box<dyn Signer>, KeyError> {
    match curve {
        P256 => open_on(Curve::P256, key),
        P384 => open_on(Curve::P384, key),
        P521 => open_on(Curve::P521, key),
        other => Err(KeyError::Curve(curve_name(other))),
    }
}

fn open_on(curve: Curve, key: &EcPrivateKey<'_>) -> Result<Box<dyn Signer>, KeyError> {
    let scalar = curve.scalar(key.private_key).ok_or(KeyError::Damaged)?;
    let sec1 = curve.sec1(scalar.expose()).ok_or(KeyError::Damaged)?;
    let pair = EcdsaKeyPair::from_private_key_der(curve.algorithm(), sec1.expose())
        .map_err(|_| KeyError::Damaged)?;
    let public_key = PublicKey(pair.public_key().as_ref().to_vec());
    Ok(Box::new(EcKey { curve, scalar, pair, public_key }))
}

#[derive(Clone, Copy)]
enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// Returns the algorithm of aws-lc to open a key with, and to sign with if it is the requested one.
    fn algorithm(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
            Self::P521 => &ECDSA_P521_SHA256_ASN1_SIGNING,
        }
    }

    /// Returns the scalar in the length of the curve's order, as RFC 5915 requires. GnuTLS adds a sign
    /// byte or omits leading zeros.
    fn scalar(self, octets: &[u8]) -> Option<SecretBytes> {
        let size: usize = match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        };
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        let mut scalar = vec![0; size.checked_sub(octets.len() - zeros)?];
        scalar.reserve_exact(size);
        scalar.extend_from_slice(&octets[zeros..]);
        Some(SecretBytes::new(scalar))
    }

    /// Renders the key as SEC1 with a named curve and without the public point, which may be missing or
    /// wrong in the file; aws-lc computes it.
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

/// Returns the error for `der`: an `ECPrivateKey` with explicit parameters, or a damaged one.
fn damage(der: &[u8]) -> KeyError {
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

fn curve_name(oid: ObjectIdentifier) -> String {
    match oid.to_string().as_str() {
        "1.3.132.0.10" => "secp256k1".to_owned(),
        "1.3.132.0.33" => "P-224".to_owned(),
        other => other.to_owned(),
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

    /// Signs with only the scalar: a `SigningKey` would compute the public key again, which takes as
    /// long as a signature.
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

fn hash(digest: Digest, message: &[u8]) -> aws_lc_rs::digest::Digest {
    let algorithm = match digest {
        Digest::Sha256 => &aws_lc_rs::digest::SHA256,
        Digest::Sha384 => &aws_lc_rs::digest::SHA384,
        Digest::Sha512 => &aws_lc_rs::digest::SHA512,
    };
    aws_lc_rs::digest::digest(algorithm, message)
}

impl fmt::Debug for EcKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EcKey(<redacted>)")
    }
}
