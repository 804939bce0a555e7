//! X.509 certificates (RFC 5280): the fields that signing and diagnosis need.

mod chain;
pub mod details;
mod name;
pub mod requirements;
pub mod session_attributes;
mod signature;

use std::fmt;

use crate::time::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

pub use chain::{Chain, LeftOut, MAX_CHAIN_LENGTH, Selection};
pub use name::DistinguishedName;
pub use signature::SignatureCheck;

/// A certificate: its DER, and the fields that every run needs.
#[derive(Clone, Eq, PartialEq)]
pub struct Certificate {
    der: Vec<u8>,
    serial: String,
    subject: DistinguishedName,
    issuer: DistinguishedName,
    public_key: PublicKey,
    not_before: Timestamp,
    not_after: Timestamp,
    usage: UsageSummary,
    subject_key_id: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
}

impl Certificate {
    /// Parses the DER of one certificate, without bytes after it.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, parsed) =
            X509Certificate::from_der(der).map_err(|_| CertificateError::NotX509)?;
        if !rest.is_empty() {
            return Err(CertificateError::TrailingBytes(rest.len()));
        }
        let serial = parsed.raw_serial().len();
        if serial > MAX_SERIAL {
            return Err(CertificateError::Serial(serial));
        }
        let (subject_key_id, authority_key_id) = key_ids(&parsed);
        Ok(Self {
            der: der.to_vec(),
            serial: parsed.tbs_certificate.serial.to_string(),
            subject: DistinguishedName::from(parsed.subject()),
            issuer: DistinguishedName::from(parsed.issuer()),
            public_key: PublicKey(parsed.public_key().subject_public_key.data.to_vec()),
            not_before: Timestamp::from_unix(parsed.validity().not_before.timestamp()),
            not_after: Timestamp::from_unix(parsed.validity().not_after.timestamp()),
            usage: UsageSummary::of(&parsed),
            subject_key_id,
            authority_key_id,
        })
    }

    /// Returns the DER encoding.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the serial number in decimal, as in the `Credential` of the signature.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Returns the subject.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// Returns the issuer.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// Returns the subject's public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Returns the start of its validity (inclusive).
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Returns the end of its validity (inclusive).
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Returns whether `now` lies within its validity.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// Returns the properties by which Roles Anywhere accepts or refuses an end-entity certificate.
    pub fn usage(&self) -> UsageSummary {
        self.usage
    }

    /// Returns whether subject and issuer are the same name: a root, or a CA that certifies another of its
    /// keys.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, serial {})", self.subject, self.serial)
    }
}

/// The longest accepted serial number, in bytes; RFC 5280 allows 20.
const MAX_SERIAL: usize = 64;

/// A public key as its `subjectPublicKey` bits: the `RSAPublicKey` DER of PKCS#1, or a point of an
/// elliptic curve.
#[derive(Clone, Debug)]
pub struct PublicKey(pub Vec<u8>);

impl PublicKey {
    /// Returns a point in compressed form, because both forms are the same key; else the bytes.
    fn canonical(&self) -> Vec<u8> {
        match self.0.split_first() {
            Some((4, coordinates)) if coordinates.len() % 2 == 0 && !coordinates.is_empty() => {
                let (x, y) = coordinates.split_at(coordinates.len() / 2);
                let parity = y.last().map_or(0, |byte| byte & 1);
                [&[2 + parity], x].concat()
            }
            _ => self.0.clone(),
        }
    }
}

impl Eq for PublicKey {}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.canonical() == other.canonical()
    }
}

/// The properties by which Roles Anywhere accepts or refuses an end-entity certificate.
///
/// <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html>
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UsageSummary {
    /// Whether its X.509 version is 3.
    pub is_v3: bool,
    /// Whether its basic constraints say that it is a CA.
    pub is_ca: bool,
    /// Whether keyUsage has digitalSignature; `None` without the extension.
    pub digital_signature: Option<bool>,
    /// Whether extKeyUsage has clientAuth or any; `None` without the extension.
    pub client_auth: Option<bool>,
    /// Whether it is signed over MD5 or SHA-1.
    pub weak_digest: bool,
}

impl UsageSummary {
    fn of(parsed: &X509Certificate<'_>) -> Self {
        let usage = parsed.key_usage().ok().flatten();
        let extended = parsed.extended_key_usage().ok().flatten();
        let algorithm = parsed.signature_algorithm.algorithm.to_id_string();
        Self {
            is_v3: parsed.version() == x509_parser::x509::X509Version::V3,
            is_ca: parsed.is_ca(),
            digital_signature: usage.map(|usage| usage.value.digital_signature()),
            client_auth: extended.map(|usage| usage.value.client_auth || usage.value.any),
            weak_digest: WEAK_ALGORITHMS.contains(&algorithm.as_str()),
        }
    }
}

/// RSA with MD2, MD4, MD5 and SHA-1, ECDSA with SHA-1.
const WEAK_ALGORITHMS: [&str; 5] = [
    "1.2.840.113549.1.1.2",
    "1.2.840.113549.1.1.3",
    "1.2.840.113549.1.1.4",
    "1.2.840.113549.1.1.5",
    "1.2.840.10045.4.1",
];

/// The bytes are not one certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The bytes are not a certificate.
    #[error("a certificate in the file is not valid X.509")]
    NotX509,
    /// The serial number is longer than the limit. Converting it to decimal takes quadratic time.
    #[error(
        "the serial number of a certificate has {0} bytes, more than the limit of {MAX_SERIAL}"
    )]
    Serial(usize),
    /// Bytes follow the certificate.
    #[error("{0} unexpected bytes follow a certificate")]
    TrailingBytes(usize),
}

/// Subject and authority key identifiers (RFC 5280, 4.2.1.1 and 4.2.1.2).
fn key_ids(parsed: &X509Certificate<'_>) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let (mut subject, mut authority) = (None, None);
    for extension in parsed.iter_extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => subject = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                authority = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            _ => {}
        }
    }
    (subject, authority)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::cert_builder::{CertBuilder, O, committed, name, rdn};

    fn vector(name: &str) -> Certificate {
        committed(&format!("tests/vectors/pki/{name}"))
    }

    #[test]
    fn reads_the_leaf_of_the_vectors() {
        let leaf = vector("leaf-rsa2048.pem");
        assert_eq!(leaf.serial(), "41796794418840706582093025104159514797");
        assert_eq!(leaf.subject().to_string(), "C=US, O=Example, CN=vector-rsa2048");
        assert_eq!(leaf.issuer().to_string(), "C=US, O=Example, CN=Vector Intermediate");
        assert_eq!(leaf.not_before().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(leaf.not_after().to_string(), "2046-01-01T00:00:00Z");
        let usage = leaf.usage();
        assert_eq!(usage.digital_signature, Some(true));
        assert_eq!(usage.client_auth, None);
        assert!(usage.is_v3 && !usage.is_ca && !usage.weak_digest);
        let issuer = vector("intermediate.pem");
        assert_eq!(leaf.check_signature(&issuer), SignatureCheck::Valid);
        assert_eq!(leaf.check_signature(&leaf), SignatureCheck::Invalid);
    }

    #[test]
    fn both_forms_of_a_point_are_the_same_key() {
        let full = PublicKey(vec![4, 7, 8, 9, 11]);
        assert_eq!(full, PublicKey(vec![3, 7, 8]));
        assert_ne!(full, PublicKey(vec![2, 7, 8]));
        assert_ne!(full, PublicKey(vec![4, 7, 8, 9, 12]));
    }

    /// Its last attribute claims to be longer than the set around it.
    #[test]
    fn an_unreadable_name_is_shown_as_such() {
        let half = b"\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x10name".to_vec();
        let subject = name(&[rdn(&[(O, "Example")]), half]);
        let certificate = CertBuilder { subject, ..CertBuilder::default() }.build();
        assert_eq!(certificate.subject().to_string(), "(a name that cannot be read)");
        assert!(!certificate.subject().is_empty());
    }
}
