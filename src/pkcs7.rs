//! Bundles of certificates in PKCS#7 (`.p7b`, RFC 5652): certificates alone, nothing is signed.

use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use der::{Decode, Encode};

/// Returns the DER of each certificate in the `SignedData` of `der`, or `None` where it is none.
pub fn certificates(der: &[u8]) -> Option<Vec<Vec<u8>>> {
    let content = ContentInfo::from_der(der).ok()?;
    let signed: SignedData = content.content.decode_as().ok()?;
    let mut certificates = Vec::new();
    for choice in signed.certificates?.0.iter() {
        if let CertificateChoices::Certificate(certificate) = choice {
            certificates.push(certificate.to_der().ok()?);
        }
    }
    Some(certificates)
}
