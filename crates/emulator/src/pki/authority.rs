//! The CAs: root, intermediate, one that no anchor knows, and the one of the emulator's own TLS
//! with what it issues.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, RevokedCertParams, SerialNumber, date_time_ymd,
};

use super::{PkiError, PkiFile};
use crate::os;

/// A CA that can issue.
#[derive(Debug)]
pub(super) struct Authority {
    pub(super) certificate: Certificate,
    pub(super) issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes the CA of the emulator's own TLS.
    pub(super) fn of_tls() -> Result<Self, PkiError> {
        authority("Emulator TLS CA", BasicConstraints::Constrained(0), None)
    }
}

/// The CAs of client certificates.
#[derive(Debug)]
pub(super) struct Authorities {
    root: Authority,
    pub(super) intermediate: Authority,
    pub(super) stranger: Authority,
}

impl Authorities {
    /// Makes them; all of their keys are P-256.
    pub(super) fn generate() -> Result<Self, PkiError> {
        let root = authority("Emulator Root CA", BasicConstraints::Constrained(1), None)?;
        let intermediate = authority(
            "Emulator Intermediate CA",
            BasicConstraints::Constrained(0),
            Some(&root.issuer),
        )?;
        let stranger = authority("Stranger Root CA", BasicConstraints::Unconstrained, None)?;
        Ok(Self { root, intermediate, stranger })
    }

    /// Returns the files of the anchors.
    pub(super) fn files(&self) -> Vec<PkiFile> {
        vec![
            public("anchor/root.pem", self.root.certificate.pem()),
            private("anchor/root.key.pem", self.root.issuer.key()),
            public("anchor/intermediate.pem", self.intermediate.certificate.pem()),
            private("anchor/intermediate.key.pem", self.intermediate.issuer.key()),
        ]
    }
}

/// The certificate and the key of the emulator's own TLS.
#[derive(Debug)]
pub struct TlsIdentity {
    certificate: Certificate,
    key: KeyPair,
}

impl TlsIdentity {
    /// Issues a certificate for DNS names and IP addresses.
    pub(super) fn issue(
        issuer: &Issuer<'static, KeyPair>,
        names: Vec<String>,
    ) -> Result<Self, PkiError> {
        let mut params = params("localhost", serial());
        params.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        Ok(Self { certificate: params.signed_by(&key, issuer)?, key })
    }

    /// Returns the certificate in DER.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        self.certificate.der().to_vec()
    }

    /// Returns the key in PKCS#8 DER.
    pub(crate) fn key(&self) -> Vec<u8> {
        self.key.serialize_der()
    }

    /// Returns the files of both.
    pub(super) fn files(&self) -> [PkiFile; 2] {
        [public("tls.pem", self.certificate.pem()), private("tls.key.pem", &self.key)]
    }
}

fn public(path: &str, pem: String) -> PkiFile {
    PkiFile { path: path.to_owned(), pem, private: false }
}

fn private(path: &str, key: &KeyPair) -> PkiFile {
    PkiFile { path: path.to_owned(), pem: key.serialize_pem(), private: true }
}

/// Returns the parameters that every certificate here starts from.
pub(super) fn params(common_name: &str, serial: SerialNumber) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2046, 1, 1);
    params.serial_number = Some(serial);
    params.distinguished_name = distinguished_name(common_name);
    params.use_authority_key_identifier_extension = true;
    params
}

/// Returns a random serial of 16 octets: positive, and of 32 hex digits.
pub(super) fn serial() -> SerialNumber {
    let mut octets = os::random::<16>();
    octets[0] = octets[0] & 0x3f | 0x40;
    SerialNumber::from_slice(&octets)
}

/// Returns a CRL of the intermediate that revokes one serial.
pub(super) fn revocation_list(
    authorities: &Authorities,
    serial_number: SerialNumber,
) -> Result<String, PkiError> {
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(2046, 1, 1),
        crl_number: SerialNumber::from_slice(&[1]),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number,
            revocation_time: date_time_ymd(2026, 1, 2),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    Ok(list.signed_by(&authorities.intermediate.issuer)?.pem()?)
}

fn authority(
    common_name: &str,
    constraints: BasicConstraints,
    issuer: Option<&Issuer<'static, KeyPair>>,
) -> Result<Authority, PkiError> {
    let mut params = params(common_name, serial());
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = match issuer {
        Some(issuer) => params.signed_by(&key, issuer)?,
        None => params.self_signed(&key)?,
    };
    Ok(Authority { certificate, issuer: Issuer::new(params, key) })
}

fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, "US");
    name.push(DnType::OrganizationName, "Example");
    name.push(DnType::CommonName, common_name);
    name
}
