//! Verifies what an X.509 signer signed, with other code than the tool signs with: RustCrypto for
//! RSA, P-256, P-521 and ML-DSA, aws-lc-rs for P-384.
//!
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html>

use aws_lc_rs::signature::{ECDSA_P384_SHA256_ASN1, UnparsedPublicKey};
use ml_dsa::{EncodedSignature, EncodedVerifyingKey, MlDsa44, MlDsa65, MlDsa87, MlDsaParams};
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};
use sha2::{Digest as _, Sha256};

use crate::x509::PublicKey;

/// Larger RSA keys than AWS documents anywhere, and than aws-lc-rs signs with.
const MOST_RSA_BITS: usize = 8192;

/// A signing algorithm, by its name in `Authorization`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rsa,
    Ecdsa,
    MlDsa,
}

impl Algorithm {
    /// Returns the algorithm of a name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "AWS4-X509-RSA-SHA256" => Some(Self::Rsa),
            "AWS4-X509-ECDSA-SHA256" => Some(Self::Ecdsa),
            "AWS4-X509-MLDSA" => Some(Self::MlDsa),
            _ => None,
        }
    }

    /// Returns the algorithm that a key signs with, if Roles Anywhere has one for it.
    pub(crate) fn of_key(key: &PublicKey) -> Option<Self> {
        match key {
            PublicKey::Rsa { .. } => Some(Self::Rsa),
            PublicKey::P256(_) | PublicKey::P384(_) | PublicKey::P521(_) => Some(Self::Ecdsa),
            PublicKey::MlDsa44(_) | PublicKey::MlDsa65(_) | PublicKey::MlDsa87(_) => {
                Some(Self::MlDsa)
            }
            PublicKey::Other(_) => None,
        }
    }
}

/// Returns whether `signature` is the key's over `message`.
///
/// Every key but an ML-DSA one signs the SHA-256 of the message, whatever its size: RSA by
/// PKCS#1 v1.5, EC keys as a DER sequence. ML-DSA signs the message itself with an empty context.
pub(crate) fn verify(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    let digest = Sha256::digest(message);
    match key {
        PublicKey::Rsa { modulus, exponent } => rsa(modulus, exponent, &digest, signature),
        PublicKey::P256(point) => p256::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .and_then(|key| {
                key.verify_prehash(&digest, &p256::ecdsa::DerSignature::try_from(signature)?)
            })
            .is_ok(),
        PublicKey::P384(point) => UnparsedPublicKey::new(&ECDSA_P384_SHA256_ASN1, point)
            .verify(message, signature)
            .is_ok(),
        PublicKey::P521(point) => p521::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .and_then(|key| {
                key.verify_prehash(&digest, &p521::ecdsa::DerSignature::try_from(signature)?)
            })
            .is_ok(),
        PublicKey::MlDsa44(key) => ml_dsa::<MlDsa44>(key, message, signature),
        PublicKey::MlDsa65(key) => ml_dsa::<MlDsa65>(key, message, signature),
        PublicKey::MlDsa87(key) => ml_dsa::<MlDsa87>(key, message, signature),
        PublicKey::Other(_) => false,
    }
}

fn rsa(modulus: &[u8], exponent: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    let (modulus, exponent) = (BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
    RsaPublicKey::new_with_max_size(modulus, exponent, MOST_RSA_BITS)
        .and_then(|key| key.verify(Pkcs1v15Sign::new::<rsa::sha2::Sha256>(), digest, signature))
        .is_ok()
}

fn ml_dsa<P: MlDsaParams>(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = EncodedVerifyingKey::<P>::try_from(key) else { return false };
    let Ok(signature) = EncodedSignature::<P>::try_from(signature) else { return false };
    ml_dsa::Signature::<P>::decode(&signature).is_some_and(|signature| {
        ml_dsa::VerifyingKey::<P>::decode(&key).verify_with_context(message, &[], &signature)
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::Deserialize;

    use super::*;
    use crate::authorization::{self, decode_hex};
    use crate::canonical::{Equals, canonical_request, string_to_sign};
    use crate::message::Request;
    use crate::x509::Certificate;

    /// One case of `vectors.json`, which was made by other code than ours.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Vector {
        name: String,
        algorithm: String,
        serial_decimal: String,
        serial_hex_lower: String,
        canonical_query: String,
        headers: std::collections::BTreeMap<String, String>,
        body: String,
        canonical_request: String,
        string_to_sign: String,
        signature_hex: String,
        authorization: String,
    }

    impl Vector {
        fn certificate(&self) -> Certificate {
            Certificate::parse(&STANDARD.decode(&self.headers["X-Amz-X509"]).unwrap()).unwrap()
        }

        fn request(&self) -> Request {
            Request {
                method: "POST".to_owned(),
                path: "/sessions".to_owned(),
                query: self.canonical_query.clone(),
                headers: self
                    .headers
                    .iter()
                    .map(|(name, value)| (name.to_lowercase(), value.clone()))
                    .collect(),
                body: self.body.clone().into_bytes(),
                ..Request::default()
            }
        }
    }

    fn vectors() -> Vec<Vector> {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("../vectors.json")).unwrap();
        assert_eq!(vectors.len(), 12);
        vectors
    }

    #[test]
    fn every_vector_is_recomputed_from_its_request() {
        for vector in vectors() {
            let authorization = authorization::parse(&vector.authorization).unwrap();
            let canonical = canonical_request(
                &vector.request(),
                &authorization.signed_headers,
                Equals::Encoded,
            )
            .unwrap();
            assert_eq!(canonical, vector.canonical_request, "{}", vector.name);
            let text = string_to_sign(&authorization, &vector.headers["X-Amz-Date"], &canonical);
            assert_eq!(text, vector.string_to_sign, "{}", vector.name);
            assert_eq!(authorization.credential.id, vector.certificate().serial_decimal);
            assert_eq!(authorization.credential.id, vector.serial_decimal);
            // The file has the serials unpadded.
            let hex = vector.certificate().serial_hex();
            assert_eq!(hex.trim_start_matches('0'), vector.serial_hex_lower);
        }
    }

    #[test]
    fn every_vector_verifies_and_no_longer_after_one_bit_is_flipped() {
        for vector in vectors() {
            let key = vector.certificate().public_key;
            assert_eq!(Algorithm::from_name(&vector.algorithm), Algorithm::of_key(&key));
            let message = vector.string_to_sign.as_bytes();
            let mut signature = decode_hex(&vector.signature_hex).unwrap();
            assert!(verify(&key, message, &signature), "{}", vector.name);
            assert!(!verify(&key, &message[1..], &signature), "{}", vector.name);
            let last = signature.len() - 1;
            for position in [0, last / 2, last] {
                signature[position] ^= 1;
                assert!(!verify(&key, message, &signature), "{} at {position}", vector.name);
                signature[position] ^= 1;
            }
        }
    }

    #[test]
    fn a_p521_key_signs_sha256() {
        use aws_lc_rs::signature::{ECDSA_P521_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
        let pair = EcdsaKeyPair::generate(&ECDSA_P521_SHA256_ASN1_SIGNING).unwrap();
        let random = aws_lc_rs::rand::SystemRandom::new();
        let signature = pair.sign(&random, b"message").unwrap();
        let key = PublicKey::P521(pair.public_key().as_ref().to_vec());
        assert!(verify(&key, b"message", signature.as_ref()));
        assert!(!verify(&key, b"massage", signature.as_ref()));
    }

    /// Every EC key, with what signs by it over SHA-256, a longer hash, or as r and s side by side.
    #[test]
    fn an_ec_signature_is_one_der_sequence_over_sha256() {
        use aws_lc_rs::signature::{self as lc, EcdsaKeyPair, KeyPair as _};
        type Public = fn(Vec<u8>) -> PublicKey;
        let curves: [(&[&lc::EcdsaSigningAlgorithm], Public); 3] = [
            (
                &[&lc::ECDSA_P256_SHA256_ASN1_SIGNING, &lc::ECDSA_P256_SHA256_FIXED_SIGNING],
                PublicKey::P256,
            ),
            (
                &[&lc::ECDSA_P384_SHA384_ASN1_SIGNING, &lc::ECDSA_P384_SHA384_FIXED_SIGNING],
                PublicKey::P384,
            ),
            (
                &[
                    &lc::ECDSA_P521_SHA256_ASN1_SIGNING,
                    &lc::ECDSA_P521_SHA512_ASN1_SIGNING,
                    &lc::ECDSA_P521_SHA256_FIXED_SIGNING,
                ],
                PublicKey::P521,
            ),
        ];
        let random = aws_lc_rs::rand::SystemRandom::new();
        for (algorithms, public) in curves {
            let pkcs8 = EcdsaKeyPair::generate(algorithms[0]).unwrap().to_pkcs8v1().unwrap();
            for (index, algorithm) in algorithms.iter().enumerate() {
                let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).unwrap();
                let key = public(pair.public_key().as_ref().to_vec());
                let signature = pair.sign(&random, b"message").unwrap();
                // The first of P-384 signs SHA-384: aws-lc-rs has no other.
                let right = index == 0 && !matches!(key, PublicKey::P384(_));
                assert_eq!(verify(&key, b"message", signature.as_ref()), right, "{algorithm:?}");
            }
        }
    }

    /// Returns the vector of a key and its signature, which is good.
    fn good(name: &str) -> (PublicKey, String, Vec<u8>) {
        let vector = vectors().into_iter().find(|vector| vector.name.contains(name)).unwrap();
        let signature = decode_hex(&vector.signature_hex).unwrap();
        (vector.certificate().public_key, vector.string_to_sign, signature)
    }

    #[test]
    fn only_canonical_der_signatures_verify() {
        for name in ["p256", "p384"] {
            let (key, text, signature) = good(name);
            let refused = |form: &[u8], how: &str| {
                assert!(!verify(&key, text.as_bytes(), form), "{name}: {how}");
            };
            assert!(verify(&key, text.as_bytes(), &signature));
            // SEQUENCE, length, INTEGER, length of r, r, …
            let length = signature[1];
            assert!(length < 0x7f);
            let mut trailing = signature.clone();
            trailing.push(0);
            refused(&trailing, "a byte behind it");
            trailing[1] += 1;
            refused(&trailing, "a byte behind s");
            let mut long = signature.clone();
            long.splice(1..2, [0x81, length]);
            refused(&long, "a length that is longer than it must be");
            let mut padded = signature.clone();
            padded.insert(4, 0);
            padded[3] += 1;
            padded[1] += 1;
            refused(&padded, "a zero before r");
            let mut indefinite = signature.clone();
            indefinite[1] = 0x80;
            indefinite.extend([0, 0]);
            refused(&indefinite, "an indefinite length");
            refused(&[], "nothing");
            refused(&[0x30, 6, 2, 1, 0, 2, 1, 0], "r and s of zero");
            refused(&[0x30, 6, 2, 1, 1, 2, 1, 1], "r and s of one");
        }
    }

    #[test]
    fn an_rsa_signature_is_pkcs1_over_sha256_and_as_long_as_the_key() {
        use aws_lc_rs::signature::{
            RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaKeyPair,
        };
        let pki = crate::pki::Pki::shared().unwrap();
        let pair = RsaKeyPair::from_pkcs8(&pki.der("leaf/rsa2048.key.pem").unwrap()).unwrap();
        let key = Certificate::parse(&pki.leaf("rsa2048").unwrap()).unwrap().public_key;
        let PublicKey::Rsa { modulus, .. } = &key else { panic!("an RSA key") };
        let random = aws_lc_rs::rand::SystemRandom::new();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PSS_SHA256, &random, b"message", &mut signature).unwrap();
        assert!(!verify(&key, b"message", &signature));
        pair.sign(&RSA_PKCS1_SHA512, &random, b"message", &mut signature).unwrap();
        assert!(!verify(&key, b"message", &signature));
        pair.sign(&RSA_PKCS1_SHA256, &random, b"message", &mut signature).unwrap();
        assert!(verify(&key, b"message", &signature));
        signature.insert(0, 0);
        assert!(!verify(&key, b"message", &signature));
        // s and s + n are one number to a verifier that reduces first.
        let reduced = BigUint::from_bytes_be(&signature);
        let larger = (reduced + BigUint::from_bytes_be(modulus)).to_bytes_be();
        assert!(!verify(&key, b"message", &larger));
    }

    #[test]
    fn degenerate_keys_verify_nothing_without_a_panic() {
        let numbers = [&[][..], &[0], &[1], &[2], &[3], &[0xff; 256], &[0xff; 2000]];
        for modulus in numbers {
            for exponent in numbers {
                for signature in numbers {
                    let (modulus, exponent) = (modulus.to_vec(), exponent.to_vec());
                    let key = PublicKey::Rsa { modulus, exponent };
                    assert!(!verify(&key, b"message", signature));
                }
            }
        }
        for point in numbers {
            for key in [PublicKey::P256, PublicKey::P384, PublicKey::P521] {
                assert!(!verify(&key(point.to_vec()), b"message", &[0x30, 6, 2, 1, 1, 2, 1, 1]));
            }
            for key in [PublicKey::MlDsa44, PublicKey::MlDsa65, PublicKey::MlDsa87] {
                assert!(!verify(&key(point.to_vec()), b"message", &[0; 2420]));
            }
        }
    }

    #[test]
    fn a_key_without_an_algorithm_verifies_nothing() {
        assert!(!verify(&PublicKey::Other("1.3.101.112".to_owned()), b"", b""));
        assert_eq!(Algorithm::of_key(&PublicKey::Other("1.3.101.112".to_owned())), None);
        assert_eq!(Algorithm::from_name("AWS4-HMAC-SHA256"), None);
    }
}
