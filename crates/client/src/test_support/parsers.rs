//! Parsers that are private to the client, for the fuzz targets.

use zeroize::Zeroizing;

use crate::encoding::ber;
use crate::identity::{pkcs7, pkcs12};
use crate::key::KeyError;
use crate::password::Passwords;

/// Returns BER as DER.
pub fn ber_to_der(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    ber::to_der(bytes)
}

/// Returns the DER of each certificate in a PKCS#7 bundle.
pub fn pkcs7_certificates(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    pkcs7::certificates(bytes)
}

/// Opens a PKCS#12 file, and returns the DER of each certificate in it.
pub fn pkcs12_certificates(
    bytes: &[u8],
    file_name: &str,
    passwords: &dyn Passwords,
) -> Result<Vec<Vec<u8>>, KeyError> {
    pkcs12::open(bytes, file_name, passwords).map(|archive| archive.certificates)
}
