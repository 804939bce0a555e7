//! Bundles of certificates in PKCS#7 (`.p7b`, RFC 5652), in DER or BER. Signatures are ignored.

use crate::encoding::ber;

/// The content type signedData, 1.2.840.113549.1.7.2.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];

/// Returns the DER of each certificate in the `SignedData` of `bytes`, or `None` if that is damaged or
/// absent.
pub(crate) fn certificates(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let der = ber::to_der(bytes)?;
    let mut info = inside(&mut &der[..], 0x30)?;
    inside(&mut info, 0x06).filter(|kind| *kind == SIGNED_DATA)?;
    let mut signed = inside(&mut inside(&mut info, 0xa0)?, 0x30)?;
    inside(&mut signed, 0x02)?;
    // The digest algorithms and the signed content.
    inside(&mut signed, 0x31)?;
    inside(&mut signed, 0x30)?;
    let mut certificates = Vec::new();
    let mut choices = inside(&mut signed, 0xa0).unwrap_or_default();
    while !choices.is_empty() {
        let choice = ber::next(&mut choices)?;
        // Other tags are certificates other than X.509.
        if choice.tag == 0x30 {
            certificates.push(choice.whole.to_vec());
        }
    }
    Some(certificates)
}

/// Returns the contents of the first value in `bytes`, if it has this tag.
fn inside<'a>(bytes: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    ber::next(bytes).filter(|value| value.tag == tag).map(|value| value.contents)
}
