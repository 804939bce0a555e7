//! What a file of key material is: PEM with its blocks, or DER of some kind.

pub mod ber;
mod pem;

use std::fmt;

use base64::Engine as _;
pub use pem::{Damage, Position};
use zeroize::Zeroizing;

use crate::secret::SecretBytes;
use crate::text::base64::BASE64;

/// One `-----BEGIN …-----` block, decoded.
#[derive(Debug)]
pub struct Block {
    /// The words behind `BEGIN`, e.g. `CERTIFICATE`; they are safe to show.
    pub label: String,
    /// Whether its headers say that the contents are encrypted (`Proc-Type: 4,ENCRYPTED`).
    pub encrypted: bool,
    /// The DER inside; empty if no block of this label is read.
    pub contents: SecretBytes,
    /// Where it is in its file.
    pub position: Position,
}

/// The labels of PKCS#7.
pub(crate) const PKCS7_LABELS: [&str; 3] = ["PKCS7", "CMS", "PKCS #7 SIGNED DATA"];

/// The blocks of a file, in order.
#[derive(Debug, Default)]
pub struct Blocks {
    /// Those that could be read.
    pub sound: Vec<Block>,
    /// What is wrong with the others; at least one is sound.
    pub damaged: Vec<Damage>,
}

/// A file of key material, opened as far as no password is needed.
#[derive(Debug)]
pub enum Container {
    /// PEM.
    Pem(Blocks),
    /// One structure in DER or BER of a kind that is known, without what pads it.
    Der(Form, SecretBytes),
}

/// Says what `bytes` are, or why nothing can be read from them.
///
/// Takes base64 of a file as that file, since environment files hold no line breaks.
pub fn open(bytes: &[u8]) -> Result<Container, NotPem> {
    let open = |bytes: &[u8]| match Form::of(bytes) {
        Form::Unknown if contains(bytes, b"-----BEGIN") => pem::open(bytes).map(Container::Pem),
        form if form.is_read() => {
            Ok(Container::Der(form, SecretBytes::new(ber::trimmed(bytes).to_vec())))
        }
        form @ (Form::PublicKey | Form::JavaKeystore) => Err(NotPem::Unread(form)),
        form => Err(NotPem::Other(form)),
    };
    match open(bytes) {
        Err(NotPem::Other(Form::Unknown)) => match from_base64(bytes) {
            Some(decoded) => open(&decoded),
            None => Err(NotPem::Other(Form::Unknown)),
        },
        opened => opened,
    }
}

/// Decodes a text that is base64 as a whole, but for blanks and line breaks.
fn from_base64(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
    let text: Zeroizing<Vec<u8>> = Zeroizing::new(text.collect());
    BASE64.decode(&*text).ok().map(Zeroizing::new)
}

/// Nothing could be read.
///
/// No cause is kept: the words of a decoder quote what it read.
#[derive(Debug, thiserror::Error)]
pub enum NotPem {
    /// No block is sound.
    #[error(transparent)]
    Damaged(Damage),
    /// It is of a kind that is not read.
    #[error("it is {0}")]
    Unread(Form),
    /// There is no block at all.
    #[error("it is {0}, neither PEM nor DER")]
    Other(Form),
}

/// What a file looks like by its first octets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// Nothing.
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
    /// A key that a TPM keeps, in DER.
    Tpm,
    /// A keystore of Java that is not PKCS#12 (JKS, JCEKS).
    JavaKeystore,
    /// Something else.
    Unknown,
}

impl Form {
    /// Recognizes `bytes` by their outermost values, without reading what is inside.
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
            // 2.23.133.10.1: keys that a TPM keeps.
            [6, 6, 0x67, 0x81, 5, 0x0a, 1, ..] => Self::Tpm,
            [0x30, ..] if sequence(inside).is_some_and(|first| first.starts_with(&[6])) => {
                // An AlgorithmIdentifier, and what comes of it.
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
        use Form::{Dsa, EncryptedPkcs8, Pkcs1, Pkcs8, Sec1, Tpm};
        matches!(self, Pkcs8 | Pkcs1 | Sec1 | Dsa | EncryptedPkcs8 | Tpm)
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
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
            Self::Unknown => "something unknown",
        })
    }
}

/// Returns what is inside the outermost SEQUENCE, by its header only: the end may be missing.
fn sequence(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0x30, length, rest @ ..] if *length < 0x80 => Some(rest),
        [0x30, length, rest @ ..] if *length <= 0x84 => rest.get(usize::from(length & 0x7f)..),
        _ => None,
    }
}

/// Counts the INTEGERs that `bytes` begin with.
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
    fn says_what_a_file_is_that_is_not_pem() {
        let rows: [(&[u8], Form); 15] = [
            (b" \n", Form::Empty),
            (b"\xff\xfe-\0-\0", Form::Utf16),
            (b"\x30\x82\x01\x00\x02\x01\x03\x30", Form::Pkcs12),
            (b"\x30\x80\x02\x01\x03\x30\x80", Form::Pkcs12),
            (b"\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0", Form::Pkcs7),
            (b"\x30\x82\x01\x00\x02\x01\x00\x30\x0d", Form::Pkcs8),
            (b"\x30\x82\x01\x00\x02\x01\x00\x02\x82", Form::Pkcs1),
            (b"\x30\x77\x02\x01\x01\x04\x20", Form::Sec1),
            (
                b"\x30\x82\x01\x00\x30\x57\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d",
                Form::EncryptedPkcs8,
            ),
            (
                b"\x30\x82\x01\x00\x30\x81\x87\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d",
                Form::EncryptedPkcs8,
            ),
            (b"\x30\x08\x30\x03\x06\x01\x2a\x03\x01\x00", Form::PublicKey),
            (b"\x30\x82\x01\x00\x30\x82\x01\x00\xa0\x03", Form::Certificate),
            (
                b"\x30\x12\x02\x01\0\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05",
                Form::Dsa,
            ),
            (b"\xfe\xed\xfe\xed\0\0\0\x02", Form::JavaKeystore),
            (b"hello", Form::Unknown),
        ];
        for (bytes, form) in rows {
            match open(bytes) {
                Ok(Container::Der(found, _))
                | Err(NotPem::Other(found) | NotPem::Unread(found)) => assert_eq!(found, form),
                other => panic!("{form}: {other:?}"),
            }
        }
    }

    #[test]
    fn takes_der_with_padding_behind_it() {
        let key = b"\x30\x06\x02\x01\x01\x04\x01\x07\r\n\0";
        let Ok(Container::Der(Form::Sec1, contents)) = open(key) else { panic!("no key") };
        assert_eq!(contents.expose(), &key[..8]);
    }

    #[test]
    fn takes_base64_of_a_file_for_the_file() {
        let key = "MAYCAQEEAQc=";
        assert!(matches!(open(key.as_bytes()), Ok(Container::Der(Form::Sec1, _))));
        let pem = format!("-----BEGIN EC PRIVATE KEY-----\n{key}\n-----END EC PRIVATE KEY-----\n");
        let twice = base64::engine::general_purpose::STANDARD.encode(pem);
        let wrapped = format!("{}\n{}\n", &twice[..20], &twice[20..]);
        let Ok(Container::Pem(blocks)) = open(wrapped.as_bytes()) else { panic!("no PEM") };
        assert_eq!(blocks.sound[0].contents.expose(), b"\x30\x06\x02\x01\x01\x04\x01\x07");
        assert!(matches!(open(b"aGVsbG8="), Err(NotPem::Other(Form::Unknown))));
    }
}
