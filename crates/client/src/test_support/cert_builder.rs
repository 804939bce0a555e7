//! Certificates with any names, serial numbers and extensions, which no CA would issue.
//!
//! rcgen writes each attribute of a name once and has no directoryName; this writes any DER. Key and
//! signature have the right form and nothing else. End-to-end tests sign their chains with rcgen.

use std::str::FromStr;

use x509_parser::asn1_rs::Oid;

use crate::test_support::files;
use crate::x509::Certificate;

/// The parts of a certificate; the default is a leaf that the service accepts.
pub struct CertBuilder {
    /// The content of the INTEGER.
    pub serial: Vec<u8>,
    /// A `Name`, see [`name`].
    pub subject: Vec<u8>,
    /// A `Name`, see [`name`].
    pub issuer: Vec<u8>,
    /// The OID of a key without parameters; `None` for a point of P-256.
    pub key_algorithm: Option<&'static str>,
    /// The tag and the content of each GeneralName.
    pub alternative_names: Vec<(u8, Vec<u8>)>,
}

impl Default for CertBuilder {
    fn default() -> Self {
        Self {
            serial: vec![0x10, 0x00],
            subject: name(&[rdn(&[(CN, "forged")])]),
            issuer: name(&[rdn(&[(CN, "Forger")])]),
            key_algorithm: None,
            alternative_names: Vec::new(),
        }
    }
}

/// commonName.
pub const CN: &str = "2.5.4.3";
/// organizationName.
pub const O: &str = "2.5.4.10";
/// organizationalUnitName.
pub const OU: &str = "2.5.4.11";

impl CertBuilder {
    /// Writes the certificate, and reads it.
    pub fn build(&self) -> Certificate {
        let algorithm = sequence(&[&oid("1.2.840.10045.4.3.2")]);
        let validity = sequence(&[&tlv(23, b"260101000000Z"), &tlv(23, b"460101000000Z")]);
        let tbs = sequence(&[
            &tlv(0xa0, &tlv(2, &[2])),
            &tlv(2, &self.serial),
            &algorithm,
            &self.issuer,
            &validity,
            &self.subject,
            &self.key(),
            &tlv(0xa3, &self.extensions()),
        ]);
        let der = sequence(&[&tbs, &algorithm, &tlv(3, &[0, 0])]);
        Certificate::from_der(&der).unwrap()
    }

    fn key(&self) -> Vec<u8> {
        let algorithm = match self.key_algorithm {
            Some(algorithm) => sequence(&[&oid(algorithm)]),
            None => sequence(&[&oid("1.2.840.10045.2.1"), &oid("1.2.840.10045.3.1.7")]),
        };
        let point = [&[0, 4], [7; 64].as_slice()].concat();
        sequence(&[&algorithm, &tlv(3, &point)])
    }

    fn extensions(&self) -> Vec<u8> {
        let usage = extension("2.5.29.15", &tlv(3, &[7, 0x80]));
        if self.alternative_names.is_empty() {
            return sequence(&[&usage]);
        }
        let names: Vec<Vec<u8>> =
            self.alternative_names.iter().map(|(tag, content)| tlv(*tag, content)).collect();
        sequence(&[&usage, &extension("2.5.29.17", &tlv(0x30, &names.concat()))])
    }
}

/// Writes a `Name` of `rdns`.
pub fn name(rdns: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &rdns.concat())
}

/// Writes one `RelativeDistinguishedName` of one or more UTF8Strings.
pub fn rdn(attributes: &[(&str, &str)]) -> Vec<u8> {
    let attributes: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(key, value)| sequence(&[&oid(key), &tlv(12, value.as_bytes())]))
        .collect();
    tlv(0x31, &attributes.concat())
}

/// Writes one `RelativeDistinguishedName` whose value has another tag than UTF8String.
pub fn rdn_of_tag(key: &str, tag: u8, content: &[u8]) -> Vec<u8> {
    tlv(0x31, &sequence(&[&oid(key), &tlv(tag, content)]))
}

fn extension(id: &str, value: &[u8]) -> Vec<u8> {
    sequence(&[&oid(id), &tlv(4, value)])
}

fn oid(text: &str) -> Vec<u8> {
    tlv(6, Oid::from_str(text).unwrap().as_bytes())
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let header = match (length, content.len()) {
        ([_, short], ..128) => vec![tag, short],
        ([high, low], _) => vec![tag, 0x82, high, low],
    };
    [header.as_slice(), content].concat()
}

/// Reads the first certificate of a file of this repository.
pub fn committed(path: &str) -> Certificate {
    let text = String::from_utf8(files::committed(path)).unwrap();
    let block = ::pem::parse_many(text).unwrap().remove(0);
    Certificate::from_der(block.contents()).unwrap()
}
