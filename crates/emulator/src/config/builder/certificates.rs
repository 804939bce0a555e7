//! The certificates and CRLs of trust anchors, as AWS takes them.
//!
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html>

use time::OffsetDateTime;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::date;
use crate::x509::Certificate;

/// The most certificates of a trust anchor, and the most CRLs.
pub(super) const MOST: usize = 2;
/// The most characters of a trust anchor's certificates.
const MOST_PEM: usize = 16_000;

/// The certificates of a trust anchor, in DER, and what is doubtful about them.
#[derive(Debug)]
pub(in crate::config) struct AnchorCertificates {
    pub(in crate::config) certificates: Vec<Vec<u8>>,
    pub(in crate::config) warnings: Vec<String>,
}

/// Reads the PEM of a trust anchor, or says why AWS refuses it.
pub(in crate::config) fn anchor(
    pem: &[u8],
    now: OffsetDateTime,
) -> Result<AnchorCertificates, String> {
    let certificates = blocks(pem, "CERTIFICATE", |der| Certificate::parse(der).is_ok())?;
    if certificates.len() > MOST {
        let count = certificates.len();
        return Err(format!("has {count} certificates; a trust anchor has at most {MOST}"));
    }
    if pem.len() > MOST_PEM {
        return Err(format!("has {} characters; AWS takes at most {MOST_PEM}", pem.len()));
    }
    let mut warnings = Vec::new();
    for der in &certificates {
        let certificate = Certificate::parse(der).map_err(|_| NOT_READABLE.to_owned())?;
        let subject = certificate.subject.to_string();
        if certificate.is_ca != Some(true) {
            return Err(format!("`{subject}` is not a CA: its basicConstraints lack CA:TRUE"));
        }
        if !certificate.key_usage.is_some_and(|usage| usage.key_cert_sign) {
            return Err(format!(
                "`{subject}` may not issue certificates: its keyUsage lacks keyCertSign"
            ));
        }
        if certificate.weakly_signed {
            return Err(format!("`{subject}` is signed with MD5 or SHA-1"));
        }
        if certificate.not_after < now {
            let end = date::format_iso(certificate.not_after);
            warnings.push(format!("`{subject}` has expired (on {end})"));
        } else if certificate.not_before > now {
            let start = date::format_iso(certificate.not_before);
            warnings.push(format!("`{subject}` is not yet valid (valid from {start})"));
        }
    }
    Ok(AnchorCertificates { certificates, warnings })
}

/// Reads the PEM of a CRL.
pub(super) fn crl(pem: &[u8]) -> Result<Vec<u8>, String> {
    let is_crl = |der: &[u8]| {
        CertificateRevocationList::from_der(der).is_ok_and(|(rest, _)| rest.is_empty())
    };
    let mut crls = blocks(pem, "X509 CRL", is_crl)?;
    match (crls.pop(), crls.is_empty()) {
        (Some(crl), true) => Ok(crl),
        _ => Err("has more than one CRL".to_owned()),
    }
}

const NOT_READABLE: &str = "has a certificate that cannot be read";

/// Returns the DER of the blocks of a label: at least one, each well-formed.
fn blocks(
    pem: &[u8],
    label: &str,
    is_valid: impl Fn(&[u8]) -> bool,
) -> Result<Vec<Vec<u8>>, String> {
    if is_valid(pem) {
        return Err("is DER, expected PEM".to_owned());
    }
    // The parser's errors may show what it read, which may be a key.
    let blocks = pem::parse_many(pem).map_err(|_| "is not valid PEM".to_owned())?;
    let found: Vec<_> = blocks
        .into_iter()
        .filter(|block| block.tag() == label)
        .map(pem::Pem::into_contents)
        .collect();
    if found.is_empty() {
        return Err(format!("has no PEM block `{label}`"));
    }
    if !found.iter().all(|der| is_valid(der)) {
        return Err(format!("has a PEM block `{label}` that cannot be read"));
    }
    Ok(found)
}
