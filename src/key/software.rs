//! Keys in this process's memory: RSA and ML-DSA by aws-lc here, EC in `ec`.

mod ec;

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    KeyPair, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair,
    PqdsaSigningAlgorithm, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
};
pub(super) use ec::from_sec1;
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};

use crate::certificate::PublicKey;
use crate::key::KeyError;
use crate::signer::{Digest, SignError, Signature, Signer, SigningAlgorithm};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

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
        EC => ec::from_pkcs8(&info),
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

    /// Pure ML-DSA with an empty context: no digest is taken beforehand, whichever is asked for.
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
