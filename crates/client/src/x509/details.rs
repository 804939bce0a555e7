//! The details of a certificate that only `read-certificate-data` shows.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ExtendedKeyUsage, GeneralName, KeyUsage};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::hex;
use crate::x509::{Certificate, DistinguishedName};

/// The fields of a certificate that the protocol does not need.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateDetails {
    /// The serial number in lower-case hex, of even length.
    pub serial_hex: String,
    /// The kind of its key.
    pub key: KeyKind,
    /// The algorithm it is signed with, by name if known, else by OID.
    pub signature_algorithm: String,
    /// The bits of keyUsage by their names in RFC 5280; `None` without the extension.
    pub key_usage: Option<Vec<&'static str>>,
    /// The purposes of extKeyUsage by name or else by OID; `None` without the extension.
    pub extended_key_usage: Option<Vec<String>>,
    /// All subject alternative names, in the order of the certificate.
    pub alternative_names: Vec<SubjectAltName>,
}

impl CertificateDetails {
    /// Returns the details of `certificate`.
    pub fn of(certificate: &Certificate) -> Self {
        let parsed = parse(certificate);
        let usage = parsed.key_usage().ok().flatten();
        let extended = parsed.extended_key_usage().ok().flatten();
        let algorithm = parsed.signature_algorithm.algorithm.to_id_string();
        Self {
            serial_hex: serial_hex(&parsed),
            key: KeyKind::of(parsed.public_key()),
            signature_algorithm: name_of(&algorithm, &SIGNATURES),
            key_usage: usage.map(|usage| key_usages(usage.value)),
            extended_key_usage: extended.map(|usage| purposes(usage.value)),
            alternative_names: general_names(&parsed).iter().map(SubjectAltName::of).collect(),
        }
    }
}

/// A kind of public key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyKind {
    /// RSA, with the length of its modulus in bits.
    Rsa(usize),
    /// An EC key, with the name of its curve if known, else the OID.
    Ec(String),
    /// ML-DSA with one of its three parameter sets: 44, 65 or 87.
    MlDsa(u8),
    /// A key for which Roles Anywhere has no signing algorithm, by name if known, else by OID.
    Other(String),
}

impl KeyKind {
    pub(super) fn of(key: &SubjectPublicKeyInfo<'_>) -> Self {
        let algorithm = key.algorithm.algorithm.to_id_string();
        match (algorithm.as_str(), key.parsed()) {
            ("1.2.840.113549.1.1.1", Ok(PublicKey::RSA(key))) => Self::Rsa(bits(key.modulus)),
            ("1.2.840.10045.2.1", _) => {
                let curve = key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
                let curve = curve.map(|oid| name_of(&oid.to_id_string(), &CURVES));
                Self::Ec(curve.unwrap_or_else(|| "unnamed curve".to_owned()))
            }
            ("2.16.840.1.101.3.4.3.17", _) => Self::MlDsa(44),
            ("2.16.840.1.101.3.4.3.18", _) => Self::MlDsa(65),
            ("2.16.840.1.101.3.4.3.19", _) => Self::MlDsa(87),
            (other, _) => Self::Other(name_of(other, &KEYS)),
        }
    }
}

/// Renders `RSA, 2048 bits`, `EC, P-256`, `ML-DSA-65`, or `Ed25519 (unknown to Roles Anywhere)`.
impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA, {bits} bits"),
            Self::Ec(curve) => write!(f, "EC, {curve}"),
            Self::MlDsa(set) => write!(f, "ML-DSA-{set}"),
            Self::Other(name) => write!(f, "{name} (unknown to Roles Anywhere)"),
        }
    }
}

/// One subject alternative name (RFC 5280, 4.2.1.6).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SubjectAltName {
    /// `DNS`, `URI`, `IP`, `email`, `DirectoryName` or another kind.
    pub kind: &'static str,
    /// The name as text; bytes in hex if its kind has no text form.
    pub value: String,
}

impl SubjectAltName {
    fn of(name: &GeneralName<'_>) -> Self {
        let (kind, value) = match name {
            GeneralName::DNSName(name) => ("DNS", (*name).to_owned()),
            GeneralName::URI(uri) => ("URI", (*uri).to_owned()),
            GeneralName::RFC822Name(address) => ("email", (*address).to_owned()),
            GeneralName::IPAddress(octets) => ("IP", address(octets)),
            GeneralName::DirectoryName(name) => {
                ("DirectoryName", DistinguishedName::from(name).to_string())
            }
            GeneralName::RegisteredID(oid) => ("registeredID", oid.to_id_string()),
            GeneralName::OtherName(oid, value) => {
                ("otherName", format!("{}:{}", oid.to_id_string(), hex::encode(value)))
            }
            GeneralName::X400Address(any) => ("x400Address", hex::encode(any.data)),
            GeneralName::EDIPartyName(any) => ("ediPartyName", hex::encode(any.data)),
            GeneralName::Invalid(_, bytes) => ("damaged", hex::encode(bytes)),
        };
        Self { kind, value }
    }
}

/// Parses a certificate again: [`Certificate`] keeps only what every run needs.
pub(super) fn parse(certificate: &Certificate) -> X509Certificate<'_> {
    let (_, parsed) = X509Certificate::from_der(certificate.der())
        .expect("a certificate's DER was parsed when it was made");
    parsed
}

/// Returns the subject alternative names; none if the certificate has the extension twice.
pub(super) fn general_names<'a>(parsed: &'a X509Certificate<'_>) -> &'a [GeneralName<'a>] {
    let extension = parsed.subject_alternative_name().ok().flatten();
    extension.map_or(&[], |extension| &extension.value.general_names)
}

/// Returns the serial number as in the session name: hex of even length.
pub(super) fn serial_hex(parsed: &X509Certificate<'_>) -> String {
    let octets = without_zeros(parsed.raw_serial());
    if octets.is_empty() { "00".to_owned() } else { hex::encode(octets) }
}

fn bits(modulus: &[u8]) -> usize {
    let octets = without_zeros(modulus);
    let unused = octets.first().map_or(0, |first| first.leading_zeros() as usize);
    octets.len() * 8 - unused
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

fn address(octets: &[u8]) -> String {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Ipv4Addr::from(octets).to_string();
    }
    match <[u8; 16]>::try_from(octets) {
        Ok(octets) => Ipv6Addr::from(octets).to_string(),
        Err(_) => hex::encode(octets),
    }
}

fn key_usages(usage: &KeyUsage) -> Vec<&'static str> {
    let rows = [
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "nonRepudiation"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.data_encipherment(), "dataEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
        (usage.encipher_only(), "encipherOnly"),
        (usage.decipher_only(), "decipherOnly"),
    ];
    rows.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect()
}

fn purposes(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let rows = [
        (usage.any, "anyExtendedKeyUsage"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    let named = rows.into_iter().filter(|(set, _)| *set).map(|(_, name)| name.to_owned());
    named.chain(usage.other.iter().map(|oid| oid.to_id_string())).collect()
}

/// Returns the name of `oid` in `table`, or the OID.
fn name_of(oid: &str, table: &[(&str, &str)]) -> String {
    table.iter().find(|(key, _)| *key == oid).map_or(oid, |(_, name)| name).to_owned()
}

const CURVES: [(&str, &str); 5] = [
    ("1.2.840.10045.3.1.7", "P-256"),
    ("1.3.132.0.34", "P-384"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.132.0.33", "P-224"),
    ("1.3.132.0.10", "secp256k1"),
];

const KEYS: [(&str, &str); 5] = [
    ("1.2.840.113549.1.1.1", "damaged RSA"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
];

const SIGNATURES: [(&str, &str); 18] = [
    ("1.2.840.113549.1.1.2", "RSA with MD2"),
    ("1.2.840.113549.1.1.4", "RSA with MD5"),
    ("1.2.840.113549.1.1.5", "RSA with SHA-1"),
    ("1.2.840.113549.1.1.11", "RSA with SHA-256"),
    ("1.2.840.113549.1.1.12", "RSA with SHA-384"),
    ("1.2.840.113549.1.1.13", "RSA with SHA-512"),
    ("1.2.840.113549.1.1.14", "RSA with SHA-224"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.10045.4.1", "ECDSA with SHA-1"),
    ("1.2.840.10045.4.3.1", "ECDSA with SHA-224"),
    ("1.2.840.10045.4.3.2", "ECDSA with SHA-256"),
    ("1.2.840.10045.4.3.3", "ECDSA with SHA-384"),
    ("1.2.840.10045.4.3.4", "ECDSA with SHA-512"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::cert_builder::{CertBuilder, committed, name, rdn};

    #[test]
    fn kind_of_each_key_is_named() {
        let rows = [
            ("certs/leaf/rsa2048.pem", "RSA, 2048 bits"),
            ("certs/leaf/rsa3072.pem", "RSA, 3072 bits"),
            ("certs/leaf/rsa8192.pem", "RSA, 8192 bits"),
            ("certs/leaf/p256.pem", "EC, P-256"),
            ("certs/leaf/p384.pem", "EC, P-384"),
            ("certs/leaf/p521.pem", "EC, P-521"),
        ];
        for (path, words) in rows {
            assert_eq!(CertificateDetails::of(&committed(path)).key.to_string(), words);
        }
        for (oid, words) in [
            ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
            ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
            ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
            ("1.3.101.112", "Ed25519 (unknown to Roles Anywhere)"),
            ("1.2.840.113549.1.1.1", "damaged RSA (unknown to Roles Anywhere)"),
            ("1.2.840.10045.2.1", "EC, unnamed curve"),
            ("1.2.3.4", "1.2.3.4 (unknown to Roles Anywhere)"),
        ] {
            let forged = CertBuilder { key_algorithm: Some(oid), ..CertBuilder::default() }.build();
            assert_eq!(CertificateDetails::of(&forged).key.to_string(), words);
        }
    }

    #[test]
    fn reads_usages_and_the_signature() {
        let contents = CertificateDetails::of(&committed("certs/leaf/p256.pem"));
        assert_eq!(contents.key_usage, Some(vec!["digitalSignature"]));
        assert_eq!(contents.extended_key_usage, Some(vec!["clientAuth".to_owned()]));
        assert_eq!(contents.signature_algorithm, "ECDSA with SHA-256");
        let ca = CertificateDetails::of(&committed("tests/vectors/pki/intermediate.pem"));
        assert!(ca.key_usage.is_some_and(|usage| usage.contains(&"keyCertSign")));
        let v1 = CertificateDetails::of(&committed("certs/broken/v1.pem"));
        assert_eq!((v1.key_usage, v1.extended_key_usage), (None, None));
    }

    #[test]
    fn reads_every_kind_of_alternative_name() {
        let directory = name(&[rdn(&[("2.5.4.10", "Example")]), rdn(&[("2.5.4.3", "inner")])]);
        let forged = CertBuilder {
            alternative_names: vec![
                (0x87, vec![192, 0, 2, 1]),
                (0x87, [&[0x20, 0x01, 0x0d, 0xb8], [0; 11].as_slice(), &[1]].concat()),
                (0x87, vec![1, 2, 3]),
                (0x81, b"a@example.com".to_vec()),
                (0xa4, directory),
                (0x88, vec![0x2a, 3]),
                (0xa0, vec![6, 2, 0x2a, 3, 0xa0, 3, 12, 1, b'u']),
                (0x82, b"a.example.com".to_vec()),
                (0x86, vec![0xff]),
            ],
            ..CertBuilder::default()
        };
        let names = CertificateDetails::of(&forged.build()).alternative_names;
        let names: Vec<String> =
            names.iter().map(|name| format!("{}={}", name.kind, name.value)).collect();
        insta::assert_snapshot!(names.join("\n"), @"
        IP=192.0.2.1
        IP=2001:db8::1
        IP=010203
        email=a@example.com
        DirectoryName=O=Example, CN=inner
        registeredID=1.2.3
        otherName=1.2.3:a0030c0175
        DNS=a.example.com
        damaged=ff
        ");
    }

    #[test]
    fn serial_has_even_length() {
        for (octets, hex) in [
            (vec![0x10, 0x00], "1000"),
            (vec![0x01, 0x23], "0123"),
            (vec![0x00, 0xff], "ff"),
            (vec![0x00], "00"),
        ] {
            let forged = CertBuilder { serial: octets, ..CertBuilder::default() }.build();
            assert_eq!(CertificateDetails::of(&forged).serial_hex, hex);
        }
    }
}
