//! Private keys as the protocol uses them, whether in memory, in a token or in a TPM.

use std::fmt;

use crate::x509::PublicKey;

/// A private key that can sign and cannot be exported.
pub trait Signer: fmt::Debug + Send + Sync {
    /// Returns the scheme that [`Self::sign`] uses.
    fn algorithm(&self) -> SigningAlgorithm;

    /// Returns the public half, to be compared with a certificate.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message`, which is hashed by `digest` if the algorithm hashes first.
    ///
    /// RSA signatures are PKCS#1 v1.5, ECDSA signatures a DER `SEQUENCE { r, s }`; ML-DSA is pure, with
    /// an empty context.
    fn sign_with(&self, digest: Digest, message: &[u8]) -> Result<Signature, SignError>;

    /// Signs `message` as [`Self::algorithm`] requires.
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        self.sign_with(Digest::Sha256, message)
    }
}

/// A digest that `sign-string` offers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Digest {
    /// SHA-256, which Roles Anywhere accepts with every key.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// The signing algorithms that IAM Roles Anywhere accepts and this program has keys for.
///
/// <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html>
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SigningAlgorithm {
    /// ECDSA over SHA-256, DER-encoded, on any supported curve.
    EcdsaSha256,
    /// RSASSA-PKCS1-v1_5 over SHA-256.
    RsaSha256,
    /// Pure ML-DSA (FIPS 204) of the parameter set of the certificate's key.
    MlDsa,
}

impl SigningAlgorithm {
    /// Returns the name in the first line of the string to sign.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaSha256 => "AWS4-X509-ECDSA-SHA256",
            Self::RsaSha256 => "AWS4-X509-RSA-SHA256",
            Self::MlDsa => "AWS4-X509-MLDSA",
        }
    }
}

/// The raw bytes of a signature.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signature(pub Vec<u8>);

/// Why an opened key could not sign.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The cryptographic library refused the key when it signed.
    #[error("the cryptographic library could not sign with the private key")]
    Software,
}
