//! Makes certificates as CAs of all kinds make them.

use std::rc::Rc;

use rcgen::string::BmpString;
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, Issuer, KeyIdMethod,
    KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType, SignatureAlgorithm, date_time_ymd,
};

pub(crate) use rcgen::Certificate;

pub(crate) fn utf8(text: &str) -> DnValue {
    DnValue::Utf8String(text.to_owned())
}

pub(crate) fn printable(text: &str) -> DnValue {
    DnValue::PrintableString(text.try_into().unwrap())
}

pub(crate) fn bmp(text: &str) -> DnValue {
    DnValue::BmpString(text.parse::<BmpString>().unwrap())
}

pub(crate) fn key_of(algorithm: &'static SignatureAlgorithm) -> KeyPair {
    KeyPair::generate_for(algorithm).unwrap()
}

/// A CA: a name and a key, and how its certificates are made.
#[derive(Clone)]
pub(crate) struct Ca {
    name: DnValue,
    key: Rc<KeyPair>,
    key_id: Option<Vec<u8>>,
    last_year: i32,
    constraint: Option<CustomExtension>,
}

impl Ca {
    pub(crate) fn new(name: DnValue) -> Self {
        Self::of_key(name, KeyPair::generate().unwrap())
    }

    pub(crate) fn of_key(name: DnValue, key: KeyPair) -> Self {
        let id = key.subject_public_key_info();
        let id = id[id.len() - 20..].to_vec();
        Self { name, key: Rc::new(key), key_id: Some(id), last_year: 2046, constraint: None }
    }

    /// Returns the same CA, named in another way by whatever it issues.
    pub(crate) fn called(&self, name: DnValue) -> Self {
        Self { name, ..self.clone() }
    }

    pub(crate) fn key_id(&self) -> Vec<u8> {
        self.key_id.clone().unwrap()
    }

    pub(crate) fn with_key_id(&self, id: &[u8]) -> Self {
        Self { key_id: Some(id.to_vec()), ..self.clone() }
    }

    pub(crate) fn without_key_id(&self) -> Self {
        Self { key_id: None, ..self.clone() }
    }

    pub(crate) fn expired(&self) -> Self {
        Self { last_year: 2025, ..self.clone() }
    }

    /// Permits URIs of one host only, as the CAs of a SPIFFE trust domain do.
    pub(crate) fn for_trust_domain(self, host: &str) -> Self {
        let uri = tlv(0x86, host.as_bytes());
        let content = tlv(0x30, &tlv(0xa0, &tlv(0x30, &uri)));
        Self { constraint: Some(critical(&[2, 5, 29, 30], content)), ..self }
    }

    pub(crate) fn self_signed(&self) -> Certificate {
        self.params().self_signed(&*self.key).unwrap()
    }

    pub(crate) fn signed_by(&self, issuer: &Self) -> Certificate {
        let mut params = self.params();
        params.use_authority_key_identifier_extension = issuer.key_id.is_some();
        issuer.issue(&params, &self.key)
    }

    fn issue(&self, params: &CertificateParams, key: &KeyPair) -> Certificate {
        params.signed_by(key, &Issuer::from_params(&self.params(), &*self.key)).unwrap()
    }

    fn params(&self) -> CertificateParams {
        let mut params = params(self.name.clone(), self.last_year);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.key_identifier_method =
            KeyIdMethod::PreSpecified(self.key_id.clone().unwrap_or_default());
        // By hand, since rcgen writes a key identifier into each CA certificate that it makes.
        params.custom_extensions.push(critical(&[2, 5, 29, 19], vec![0x30, 3, 1, 1, 0xff]));
        params.custom_extensions.extend(self.constraint.clone());
        if let Some(id) = &self.key_id {
            let content = tlv(4, id);
            params
                .custom_extensions
                .push(CustomExtension::from_oid_content(&[2, 5, 29, 14], content));
        }
        params
    }
}

/// An end-entity certificate and its key.
pub(crate) struct Leaf {
    pub(crate) certificate: Certificate,
    pub(crate) key: KeyPair,
}

impl Leaf {
    pub(crate) fn of(issuer: &Ca) -> Self {
        Self::named(utf8("leaf"), issuer)
    }

    pub(crate) fn named(name: DnValue, issuer: &Ca) -> Self {
        Self::made(issuer, KeyPair::generate().unwrap(), |params| {
            params.distinguished_name = distinguished(name);
        })
    }

    pub(crate) fn of_key(issuer: &Ca, key: KeyPair) -> Self {
        Self::made(issuer, key, |_| {})
    }

    pub(crate) fn without_key_id(issuer: &Ca) -> Self {
        Self::of(&issuer.without_key_id())
    }

    pub(crate) fn with_uri(issuer: &Ca, uri: &str) -> Self {
        Self::made(issuer, KeyPair::generate().unwrap(), |params| {
            params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        })
    }

    /// Names its issuer's certificate by issuer and serial number, of one that was renewed since.
    pub(crate) fn with_issuer_and_serial(issuer: &Ca) -> Self {
        let name = tlv(0x30, &tlv(0x31, &tlv(0x30, b"\x06\x03\x55\x04\x03\x0c\x04Root")));
        let content = [tlv(0xa1, &tlv(0xa4, &name)), tlv(0x82, &[9])].concat();
        let extension = CustomExtension::from_oid_content(&[2, 5, 29, 35], tlv(0x30, &content));
        Self::made(&issuer.without_key_id(), KeyPair::generate().unwrap(), |params| {
            params.custom_extensions.push(extension);
        })
    }

    fn made(issuer: &Ca, key: KeyPair, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = params(utf8("leaf"), 2046);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = issuer.key_id.is_some();
        change(&mut params);
        Self { certificate: issuer.issue(&params, &key), key }
    }
}

fn params(name: DnValue, last_year: i32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished(name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(last_year, 1, 1);
    params
}

fn distinguished(name: DnValue) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::OrganizationName, "Example");
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn critical(id: &[u64], content: Vec<u8>) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(id, content);
    extension.set_criticality(true);
    extension
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
}
