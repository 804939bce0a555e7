//! A certificate as JSON for programs. The member names are stable.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use serde::Serialize;

use super::{Official, days_left, fingerprint};
use roles_anywhere_client::text::escape;
use roles_anywhere_client::time::Timestamp;
use roles_anywhere_client::x509::details::{CertificateDetails, KeyKind};
use roles_anywhere_client::x509::requirements::{Certainty, Violation};
use roles_anywhere_client::x509::session_attributes::{
    DropReason, SessionAttributes, Tag, TagStatus,
};
use roles_anywhere_client::x509::{Certificate, DistinguishedName};

/// Renders `certificates` as one object, indented, with a newline.
pub(super) fn render(certificates: &[Certificate], now: Timestamp) -> String {
    let views =
        certificates.iter().map(|certificate| CertificateView::of(certificate, now)).collect();
    let json = serde_json::to_string_pretty(&CertificateDocument { certificates: views })
        .expect("strings and numbers serialize");
    escape::json(&json).into_owned() + "\n"
}

#[derive(Serialize)]
struct CertificateDocument {
    certificates: Vec<CertificateView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificateView {
    subject: String,
    issuer: String,
    serial_number_hex: String,
    not_before: String,
    not_after: String,
    days_left: i64,
    #[serde(flatten)]
    official: Official,
    /// The size of an RSA key.
    key_bits: Option<usize>,
    /// The curve of an EC key.
    curve: Option<String>,
    signature_algorithm: String,
    is_ca: bool,
    key_usage: Option<Vec<&'static str>>,
    extended_key_usage: Option<Vec<String>>,
    subject_alternative_names: Vec<AlternativeNameView>,
    sha256_fingerprint: String,
    sha1_fingerprint: String,
    roles_anywhere: RolesAnywhereView,
}

#[derive(Serialize)]
struct AlternativeNameView {
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RolesAnywhereView {
    session_name: String,
    source_identity: String,
    session_tags: Vec<TagView>,
    dropped_tags: Vec<TagView>,
    undocumented_tags: Vec<TagView>,
    refusals: Vec<ViolationJson>,
    doubts: Vec<ViolationJson>,
}

#[derive(Serialize)]
struct TagView {
    key: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct ViolationJson {
    code: &'static str,
    reason: String,
}

impl CertificateView {
    fn of(certificate: &Certificate, now: Timestamp) -> Self {
        let contents = CertificateDetails::of(certificate);
        let (key_bits, curve) = match &contents.key {
            KeyKind::Rsa(bits) => (Some(*bits), None),
            KeyKind::Ec(curve) => (None, Some(curve.clone())),
            _ => (None, None),
        };
        Self {
            subject: text(certificate.subject()),
            issuer: text(certificate.issuer()),
            not_before: certificate.not_before().to_string(),
            not_after: certificate.not_after().to_string(),
            days_left: days_left(certificate, now),
            official: Official::of(certificate, &contents),
            serial_number_hex: contents.serial_hex,
            key_bits,
            curve,
            signature_algorithm: contents.signature_algorithm,
            is_ca: certificate.usage().is_ca,
            key_usage: contents.key_usage,
            extended_key_usage: contents.extended_key_usage,
            subject_alternative_names: contents
                .alternative_names
                .into_iter()
                .map(|name| AlternativeNameView { kind: name.kind, value: name.value })
                .collect(),
            sha256_fingerprint: fingerprint(certificate, &SHA256),
            sha1_fingerprint: fingerprint(certificate, &SHA1_FOR_LEGACY_USE_ONLY),
            roles_anywhere: RolesAnywhereView::of(SessionAttributes::of(certificate, now)),
        }
    }
}

fn text(name: &DistinguishedName) -> String {
    if name.is_empty() { String::new() } else { name.to_string() }
}

impl RolesAnywhereView {
    fn of(attributes: SessionAttributes) -> Self {
        let mut view = Self {
            session_name: attributes.session_name,
            source_identity: attributes.source_identity,
            session_tags: Vec::new(),
            dropped_tags: Vec::new(),
            undocumented_tags: Vec::new(),
            refusals: Vec::new(),
            doubts: Vec::new(),
        };
        for tag in attributes.tags {
            match tag.status {
                TagStatus::Kept => view.session_tags.push(TagView::of(tag, None)),
                TagStatus::Dropped(reason) => {
                    view.dropped_tags.push(TagView::of(tag, Some(reason)));
                }
                TagStatus::Undocumented => view.undocumented_tags.push(TagView::of(tag, None)),
            }
        }
        for violation in attributes.violations {
            match violation.certainty() {
                Certainty::Refused => view.refusals.push(ViolationJson::of(violation)),
                Certainty::Undocumented => view.doubts.push(ViolationJson::of(violation)),
            }
        }
        view
    }
}

impl TagView {
    fn of(tag: Tag, reason: Option<DropReason>) -> Self {
        Self { key: tag.key, value: tag.value, reason: reason.map(|reason| reason.to_string()) }
    }
}

impl ViolationJson {
    fn of(violation: Violation) -> Self {
        Self { code: violation.code(), reason: violation.to_string() }
    }
}
