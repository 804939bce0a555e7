//! Checks whether a certificate was signed by the key of another one.

use webpki::ALL_VERIFICATION_ALGS;
use x509_parser::asn1_rs::{FromDer, Sequence};
use x509_parser::certificate::X509Certificate;

use super::Certificate;

/// The result of verifying a signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignatureCheck {
    /// It was made by the key.
    Valid,
    /// It was not made by the key.
    Invalid,
    /// It cannot be verified: SHA-1, an RSA key shorter than 2048 bits, an algorithm of national use.
    Unsupported,
}

impl Certificate {
    /// Verifies the signature of `self` with `issuer`'s key.
    pub fn check_signature(&self, issuer: &Self) -> SignatureCheck {
        check(&self.der, &issuer.der).unwrap_or(SignatureCheck::Invalid)
    }
}

fn check(certificate: &[u8], issuer: &[u8]) -> Option<SignatureCheck> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let (_, theirs) = X509Certificate::from_der(issuer).ok()?;
    let tbs: &[u8] = parsed.tbs_certificate.as_ref();
    let signature_algorithm = sequence(sequence(certificate)?.get(tbs.len()..)?)?;
    let key = theirs.public_key();
    let key_algorithm = sequence(sequence(key.raw)?)?;
    let public_key = &key.subject_public_key.data;
    if is_short_rsa(key_algorithm, public_key) {
        return Some(SignatureCheck::Unsupported);
    }
    let mut of_signature = ALL_VERIFICATION_ALGS
        .iter()
        .filter(|algorithm| algorithm.signature_alg_id().as_ref() == signature_algorithm)
        .peekable();
    let is_known = of_signature.peek().is_some();
    let of_key: Vec<_> = of_signature
        .filter(|algorithm| oid(&algorithm.public_key_alg_id()) == oid(key_algorithm))
        .collect();
    let Some(algorithm) =
        of_key.iter().find(|algorithm| algorithm.public_key_alg_id().as_ref() == key_algorithm)
    else {
        // A known kind of key that never makes such a signature did not; one on another curve, or
        // one that is only for RSASSA-PSS, may have.
        let is_of_known_kind = ALL_VERIFICATION_ALGS
            .iter()
            .any(|algorithm| oid(&algorithm.public_key_alg_id()) == oid(key_algorithm));
        let is_of_other_kind = is_known && is_of_known_kind && of_key.is_empty();
        return Some(if is_of_other_kind {
            SignatureCheck::Invalid
        } else {
            SignatureCheck::Unsupported
        });
    };
    let signature = &parsed.signature_value.data;
    Some(match algorithm.verify_signature(public_key, tbs, signature) {
        Ok(()) => SignatureCheck::Valid,
        Err(_) => SignatureCheck::Invalid,
    })
}

/// Returns the contents of the SEQUENCE at the start of `der`.
fn sequence(der: &[u8]) -> Option<&[u8]> {
    let (rest, sequence) = Sequence::from_der(der).ok()?;
    let end = der.len().checked_sub(rest.len())?;
    der.get(end.checked_sub(sequence.content.len())?..end)
}

/// Returns the OID of an AlgorithmIdentifier, with its tag and its length.
fn oid(algorithm: &[u8]) -> Option<&[u8]> {
    let length = usize::from(*algorithm.get(1)?);
    algorithm.get(..2 + length)
}

/// Whether a key is RSA with less than 2048 bits, which is not verified.
fn is_short_rsa(algorithm: &[u8], key: &[u8]) -> bool {
    // 1.2.840.113549.1.1.1
    const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
    algorithm.starts_with(RSA) && key.len() < 256
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::cert_builder::{CertBuilder, committed};

    #[test]
    fn every_kind_of_leaf_has_the_signature_of_its_ca() {
        let ca = committed("certs/anchor/intermediate.pem");
        for name in ["rsa2048", "p256", "p384", "p521"] {
            let leaf = committed(&format!("certs/leaf/{name}.pem"));
            assert_eq!(leaf.check_signature(&ca), SignatureCheck::Valid, "{name}");
            // No other leaf's key made it, of the same kind or of another.
            assert_eq!(ca.check_signature(&leaf), SignatureCheck::Invalid, "{name}");
        }
        let changed = Certificate {
            der: [&ca.der[..ca.der.len() - 1], &[ca.der[ca.der.len() - 1] ^ 1]].concat(),
            ..ca.clone()
        };
        let root = committed("certs/anchor/root.pem");
        assert_eq!(ca.check_signature(&root), SignatureCheck::Valid);
        assert_eq!(changed.check_signature(&root), SignatureCheck::Invalid);
    }

    #[test]
    fn unsupported_signature_is_not_invalid() {
        let ca = committed("certs/anchor/intermediate.pem");
        let sha1 = committed("certs/broken/sha1.pem");
        assert_eq!(sha1.check_signature(&ca), SignatureCheck::Unsupported);
        // id-RSASSA-PSS
        let pss =
            CertBuilder { key_algorithm: Some("1.2.840.113549.1.1.10"), ..CertBuilder::default() };
        assert_eq!(ca.check_signature(&pss.build()), SignatureCheck::Unsupported);
        assert!(is_short_rsa(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", &[0; 140]));
    }
}
