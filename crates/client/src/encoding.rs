//! The encoding of a file with key material: PEM, or DER of a certain kind.

pub(crate) mod ber;
mod pem;

use std::fmt;

use base64::Engine as _;
pub use pem::{PemError, Position};
use zeroize::Zeroizing;

use crate::secret::SecretBytes;
use crate::text::base64::BASE64;

/// One `-----BEGIN …-----` block, decoded.
#[derive(Debug)]
pub struct Block {
    /// The label after `BEGIN`, e.g. `CERTIFICATE`; it is safe to show.
    pub label: String,
    /// Whether the contents are encrypted by its headers (`Proc-Type: 4,ENCRYPTED`).
    pub encrypted: bool,
    /// The DER inside; empty if blocks with this label are not read.
    pub contents: SecretBytes,
    /// Its position in the file.
    pub position: Position,
}

/// The PEM labels of PKCS#7.
pub(crate) const PKCS7_LABELS: [&str; 3] = ["PKCS7", "CMS", "PKCS #7 SIGNED DATA"];

/// The blocks of a file, in order.
#[derive(Debug, Default)]
pub struct Blocks {
    /// The blocks that could be read; at least one.
    pub sound: Vec<Block>,
    /// The errors of the other blocks.
    pub damaged: Vec<PemError>,
}

/// A file of key material, opened as far as possible without a password.
#[derive(Debug)]
pub enum PemOrDer {
    /// PEM.
    Pem(Blocks),
    /// One structure in DER or BER, and its kind, without padding.
    Der(Encoding, SecretBytes),
}

/// Recognizes and opens `bytes`.
///
/// Base64 of a whole file is accepted as that file: environment files cannot hold line breaks, so
/// users encode a PEM file again.
pub fn open(bytes: &[u8]) -> Result<PemOrDer, EncodingError> {
    let open = |bytes: &[u8]| match Encoding::of(bytes) {
        Encoding::Unknown if contains(bytes, b"-----BEGIN") => pem::open(bytes).map(PemOrDer::Pem),
        encoding if encoding.is_read() => {
            Ok(PemOrDer::Der(encoding, SecretBytes::new(ber::trimmed(bytes).to_vec())))
        }
        encoding @ (Encoding::PublicKey | Encoding::JavaKeystore) => {
            Err(EncodingError::Unread(encoding))
        }
        encoding => Err(EncodingError::Other(encoding)),
    };
    match open(bytes) {
        Err(EncodingError::Other(Encoding::Unknown)) => match from_base64(bytes) {
            Some(decoded) => open(&decoded),
            None => Err(EncodingError::Other(Encoding::Unknown)),
        },
        opened => opened,
    }
}

/// Decodes a text that is only base64 and white space.
fn from_base64(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
    let text: Zeroizing<Vec<u8>> = Zeroizing::new(text.collect());
    BASE64.decode(&*text).ok().map(Zeroizing::new)
}

/// A file contains nothing that can be read.
///
/// The error of the decoder is not kept as its source: it would quote the input, which may be a key.
#[derive(Debug, thiserror::Error)]
pub enum EncodingError {
    /// Every block is damaged; the error of the first.
    #[error(transparent)]
    Damaged(PemError),
    /// Its encoding is known, but not supported.
    #[error("it is {0}, which is not supported")]
    Unread(Encoding),
    /// It holds neither PEM nor DER.
    #[error("expected PEM or DER, got {0}")]
    Other(Encoding),
}

/// The encoding of a file, recognized by its first bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encoding {
    /// An empty file.
    Empty,
    /// Text in UTF-16, as Windows tools save it.
    Utf16,
    /// A PKCS#12 (`.p12`, `.pfx`) file.
    Pkcs12,
    /// A PKCS#7 (`.p7b`) bundle.
    Pkcs7,
    /// A certificate in DER.
    Certificate,
    /// An unencrypted PKCS#8 key in DER.
    Pkcs8,
    /// An RSA key (PKCS#1) in DER.
    Pkcs1,
    /// An EC key (SEC1) in DER.
    Sec1,
    /// A DSA key in DER, as OpenSSL wrote it before PKCS#8.
    Dsa,
    /// An encrypted PKCS#8 key in DER.
    EncryptedPkcs8,
    /// A public key in DER.
    PublicKey,
    /// A key wrapped by a TPM, in DER.
    Tpm,
    /// A Java keystore that is not PKCS#12 (JKS, JCEKS).
    JavaKeystore,
    /// Something else.
    Unknown,
}

impl Encoding {
    /// Recognizes `bytes` by the outermost DER values, without parsing what is inside.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Self::Empty;
        }
        match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Self::Utf16,
            [0xfe, 0xed, 0xfe, 0xed, ..] | [0xce, 0xce, 0xce, 0xce, ..] => {
                return Self::JavaKeystore;
            }
            _ => {}
        }
        let Some(inside) = sequence(bytes) else { return Self::Unknown };
        match inside {
            [2, 1, 3, 0x30, ..] => Self::Pkcs12,
            [2, 1, 0 | 1, 0x30, ..] => Self::Pkcs8,
            [2, 1, 0, 2, ..] if integers(inside) == 6 => Self::Dsa,
            [2, 1, 0 | 1, 2, ..] => Self::Pkcs1,
            [2, 1, 1, 4, ..] => Self::Sec1,
            [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2, ..] => Self::Pkcs7,
            // 2.23.133.10.1: keys wrapped by a TPM.
            [6, 6, 0x67, 0x81, 5, 0x0a, 1, ..] => Self::Tpm,
            [0x30, ..] if sequence(inside).is_some_and(|first| first.starts_with(&[6])) => {
                // An AlgorithmIdentifier: a BIT STRING after it makes a public key.
                let mut rest = inside;
                match ber::next(&mut rest).map(|_| rest.first()) {
                    Some(Some(3)) => Self::PublicKey,
                    _ => Self::EncryptedPkcs8,
                }
            }
            [0x30, ..] => Self::Certificate,
            _ => Self::Unknown,
        }
    }

    /// Returns whether certificates or keys can be found in it.
    fn is_read(self) -> bool {
        !matches!(
            self,
            Self::Empty | Self::Utf16 | Self::PublicKey | Self::JavaKeystore | Self::Unknown
        )
    }

    /// Returns whether it is a private key.
    pub fn is_key(self) -> bool {
        use Encoding::{Dsa, EncryptedPkcs8, Pkcs1, Pkcs8, Sec1, Tpm};
        matches!(self, Pkcs8 | Pkcs1 | Sec1 | Dsa | EncryptedPkcs8 | Tpm)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty file",
            Self::Utf16 => "text in UTF-16",
            Self::Pkcs12 => "a PKCS#12 file",
            Self::Pkcs7 => "a PKCS#7 bundle",
            Self::Certificate => "a certificate in DER",
            Self::Pkcs8 => "a PKCS#8 key in DER",
            Self::Pkcs1 => "an RSA key in DER",
            Self::Sec1 => "an EC key in DER",
            Self::Dsa => "a DSA key in DER",
            Self::EncryptedPkcs8 => "an encrypted PKCS#8 key in DER",
            Self::PublicKey => "a public key in DER",
            Self::Tpm => "the key of a TPM in DER",
            Self::JavaKeystore => "a Java keystore",
            Self::Unknown => "an unknown format",
        })
    }
}

/// Returns the contents of the outermost SEQUENCE. Only its header is checked, so that truncated files
/// are recognized too.
fn sequence(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0x30, length, rest @ ..] if *length < 0x80 => Some(rest),
        [0x30, length, rest @ ..] if *length <= 0x84 => rest.get(usize::from(length & 0x7f)..),
        _ => None,
    }
}

/// Returns the number of INTEGERs at the start of `bytes`.
fn integers(mut bytes: &[u8]) -> usize {
    std::iter::from_fn(|| ber::next(&mut bytes).filter(|value| value.tag == 2)).count()
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_each_encoding() {
        let rows: [(&[u8], Encoding); 15] = [
            (b" \n", Encoding::Empty),
            (b"\xff\xfe-\0-\0", Encoding::Utf16),
            (b"\x30\x82\x01\x00\x02\x01\x03\x30", Encoding::Pkcs12),
            (b"\x30\x80\x02\x01\x03\x30\x80", Encoding::Pkcs12),
            (b"\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0", Encoding::Pkcs7),
            (b"\x30\x82\x01\x00\x02\x01\x00\x30\x0d", Encoding::Pkcs8),
            (b"\x30\x82\x01\x00\x02\x01\x00\x02\x82", Encoding::Pkcs1),
            (b"\x30\x77\x02\x01\x01\x04\x20", Encoding::Sec1),
            (
                b"\x30\x82\x01\x00\x30\x57\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d",
                Encoding::EncryptedPkcs8,
            ),
            (
                b"\x30\x82\x01\x00\x30\x81\x87\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d",
                Encoding::EncryptedPkcs8,
            ),
            (b"\x30\x08\x30\x03\x06\x01\x2a\x03\x01\x00", Encoding::PublicKey),
            (b"\x30\x82\x01\x00\x30\x82\x01\x00\xa0\x03", Encoding::Certificate),
            (
                b"\x30\x12\x02\x01\0\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05",
                Encoding::Dsa,
            ),
            (b"\xfe\xed\xfe\xed\0\0\0\x02", Encoding::JavaKeystore),
            (b"hello", Encoding::Unknown),
        ];
        for (bytes, encoding) in rows {
            match open(bytes) {
                Ok(PemOrDer::Der(found, _))
                | Err(EncodingError::Other(found) | EncodingError::Unread(found)) => {
                    assert_eq!(found, encoding);
                }
                other => panic!("{encoding}: {other:?}"),
            }
        }
    }

    #[test]
    fn der_may_be_padded() {
        let key = b"\x30\x06\x02\x01\x01\x04\x01\x07\r\n\0";
        let Ok(PemOrDer::Der(Encoding::Sec1, contents)) = open(key) else { panic!("no key") };
        assert_eq!(contents.expose(), &key[..8]);
    }

    #[test]
    fn base64_of_a_file_is_read_as_the_file() {
        let key = "MAYCAQEEAQc=";
        assert!(matches!(open(key.as_bytes()), Ok(PemOrDer::Der(Encoding::Sec1, _))));
        let pem = format!("-----BEGIN EC PRIVATE KEY-----\n{key}\n-----END EC PRIVATE KEY-----\n");
        let twice = base64::engine::general_purpose::STANDARD.encode(pem);
        let wrapped = format!("{}\n{}\n", &twice[..20], &twice[20..]);
        let Ok(PemOrDer::Pem(blocks)) = open(wrapped.as_bytes()) else { panic!("no PEM") };
        assert_eq!(blocks.sound[0].contents.expose(), b"\x30\x06\x02\x01\x01\x04\x01\x07");
        assert!(matches!(open(b"aGVsbG8="), Err(EncodingError::Other(Encoding::Unknown))));
    }
}
