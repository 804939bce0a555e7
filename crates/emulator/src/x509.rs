//! The fields of a certificate that Roles Anywhere reads.

pub(crate) mod identity;
pub(crate) mod tags;

use std::fmt;

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey as Spki;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name, X509Version};

use crate::authorization::encode_hex;

/// A certificate, read.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) der: Vec<u8>,
    pub(crate) version_3: bool,
    /// Big-endian, without the octet that only keeps the INTEGER positive.
    pub(crate) serial: Vec<u8>,
    /// As it is written in `Credential=`.
    pub(crate) serial_decimal: String,
    pub(crate) subject: Name,
    /// Names the Subject resource: two certificates of one subject share it.
    pub(crate) subject_sha256: [u8; 32],
    pub(crate) issuer: Name,
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
    /// From basicConstraints, if the certificate has it.
    pub(crate) is_ca: Option<bool>,
    /// From keyUsage, if the certificate has it.
    pub(crate) key_usage: Option<KeyUsage>,
    /// Whether it is signed with MD5 or SHA-1.
    pub(crate) weakly_signed: bool,
    pub(crate) public_key: PublicKey,
    pub(crate) alternative_names: AlternativeNames,
}

/// The two bits of keyUsage that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyUsage {
    pub(crate) digital_signature: bool,
    pub(crate) key_cert_sign: bool,
}

/// A distinguished name: attributes by their short names, in the order of the certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) attributes: Vec<(String, String)>,
    /// No attribute is there, not even one that has no short name here.
    pub(crate) empty: bool,
}

impl Name {
    /// Returns the first common name.
    pub(crate) fn common_name(&self) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == "CN").map(|(_, value)| value.as_str())
    }
}

/// `CN=web, O=Example`, in the order of the certificate.
impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.attributes.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(formatter, "{separator}{key}={value}")?;
        }
        Ok(())
    }
}

/// The attributes of a name that are known, by their short names.
pub(crate) const ATTRIBUTES: [(&str, &str); 6] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
];

/// The first of each kind of subject alternative name that becomes a session tag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AlternativeNames {
    pub(crate) dns: Option<String>,
    pub(crate) uri: Option<String>,
    pub(crate) directory_name: Option<Name>,
}

/// A public key by its kind: the algorithm that may sign follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublicKey {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// An uncompressed point, as the next two.
    P256(Vec<u8>),
    P384(Vec<u8>),
    P521(Vec<u8>),
    MlDsa44(Vec<u8>),
    MlDsa65(Vec<u8>),
    MlDsa87(Vec<u8>),
    /// One that Roles Anywhere has no algorithm for, by its OID.
    Other(String),
}

/// The bytes are no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a DER certificate")]
pub(crate) struct NotACertificate;

impl Certificate {
    /// Reads a DER certificate with nothing behind it.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, NotACertificate> {
        let (rest, x509) = X509Certificate::from_der(der).map_err(|_| NotACertificate)?;
        if !rest.is_empty() {
            return Err(NotACertificate);
        }
        let basic_constraints = x509.basic_constraints().map_err(|_| NotACertificate)?;
        let key_usage = x509.key_usage().map_err(|_| NotACertificate)?;
        let serial = x509.raw_serial();
        let zeros = serial.iter().take_while(|octet| **octet == 0).count();
        Ok(Self {
            der: der.to_vec(),
            version_3: x509.version() == X509Version::V3,
            serial: serial[zeros..].to_vec(),
            serial_decimal: x509.serial.to_string(),
            subject: name(x509.subject()),
            subject_sha256: Sha256::digest(x509.subject().as_raw()).into(),
            issuer: name(x509.issuer()),
            not_before: x509.validity().not_before.to_datetime(),
            not_after: x509.validity().not_after.to_datetime(),
            is_ca: basic_constraints.map(|extension| extension.value.ca),
            key_usage: key_usage.map(|extension| KeyUsage {
                digital_signature: extension.value.digital_signature(),
                key_cert_sign: extension.value.key_cert_sign(),
            }),
            weakly_signed: is_weak(&x509.signature_algorithm.algorithm.to_id_string()),
            public_key: public_key(x509.public_key()),
            alternative_names: alternative_names(&x509)?,
        })
    }

    /// Returns the serial number in lower-case hex, padded to an even length.
    pub(crate) fn serial_hex(&self) -> String {
        if self.serial.is_empty() { "00".to_owned() } else { encode_hex(&self.serial) }
    }
}

/// MD2, MD5 and SHA-1 with RSA, SHA-1 with ECDSA and DSA.
fn is_weak(oid: &str) -> bool {
    const WEAK: [&str; 5] = [
        "1.2.840.113549.1.1.2",
        "1.2.840.113549.1.1.4",
        "1.2.840.113549.1.1.5",
        "1.2.840.10045.4.1",
        "1.2.840.10040.4.3",
    ];
    WEAK.contains(&oid)
}

fn name(name: &X509Name<'_>) -> Name {
    let attributes = name
        .iter_attributes()
        .filter_map(|attribute| {
            let oid = attribute.attr_type().to_id_string();
            let (_, key) = ATTRIBUTES.into_iter().find(|(known, _)| *known == oid)?;
            Some((key.to_owned(), attribute.as_str().ok()?.to_owned()))
        })
        .collect();
    Name { attributes, empty: name.iter_attributes().next().is_none() }
}

fn public_key(spki: &SubjectPublicKeyInfo<'_>) -> PublicKey {
    let bytes = spki.subject_public_key.data.to_vec();
    let oid = spki.algorithm.algorithm.to_id_string();
    match oid.as_str() {
        "1.2.840.113549.1.1.1" => match spki.parsed() {
            Ok(Spki::RSA(key)) => {
                PublicKey::Rsa { modulus: key.modulus.to_vec(), exponent: key.exponent.to_vec() }
            }
            _ => PublicKey::Other(oid),
        },
        "1.2.840.10045.2.1" => {
            let curve = spki.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            match curve.map(|oid| oid.to_id_string()).as_deref() {
                Some("1.2.840.10045.3.1.7") => PublicKey::P256(bytes),
                Some("1.3.132.0.34") => PublicKey::P384(bytes),
                Some("1.3.132.0.35") => PublicKey::P521(bytes),
                _ => PublicKey::Other(oid),
            }
        }
        "2.16.840.1.101.3.4.3.17" => PublicKey::MlDsa44(bytes),
        "2.16.840.1.101.3.4.3.18" => PublicKey::MlDsa65(bytes),
        "2.16.840.1.101.3.4.3.19" => PublicKey::MlDsa87(bytes),
        _ => PublicKey::Other(oid),
    }
}

fn alternative_names(x509: &X509Certificate<'_>) -> Result<AlternativeNames, NotACertificate> {
    let mut names = AlternativeNames::default();
    let extension = x509.subject_alternative_name().map_err(|_| NotACertificate)?;
    for general_name in extension.iter().flat_map(|extension| &extension.value.general_names) {
        match general_name {
            GeneralName::DNSName(dns) if names.dns.is_none() => {
                names.dns = Some((*dns).to_owned());
            }
            GeneralName::URI(uri) if names.uri.is_none() => names.uri = Some((*uri).to_owned()),
            GeneralName::DirectoryName(directory) if names.directory_name.is_none() => {
                names.directory_name = Some(name(directory));
            }
            _ => {}
        }
    }
    Ok(names)
}
