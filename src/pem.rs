//! What a file of key material is: PEM with its blocks, or DER of some kind.
//!
//! Takes what people have (RFC 7468 and looser): text around the blocks, CRLF, a byte-order mark.

use std::fmt;

use crate::secret::SecretBytes;

/// One `-----BEGIN …-----` block, decoded.
#[derive(Debug)]
pub struct Block {
    /// What stands behind `BEGIN`, e.g. `CERTIFICATE`.
    pub label: String,
    /// Whether its headers say that the contents are encrypted (`Proc-Type: 4,ENCRYPTED`).
    pub encrypted: bool,
    /// The DER inside.
    pub contents: SecretBytes,
}

/// A file of key material, opened as far as no password is needed.
#[derive(Debug)]
pub enum Container {
    /// PEM: its blocks in order.
    Pem(Vec<Block>),
    /// One DER structure of a kind that is known.
    Der(Form),
}

/// Says what `bytes` are, or why they are nothing that can be read.
pub fn open(bytes: &[u8]) -> Result<Container, NotPem> {
    if contains(bytes, b"-----BEGIN ") {
        return blocks(bytes).map(Container::Pem);
    }
    match Form::of(bytes) {
        form @ (Form::Empty | Form::Utf16 | Form::Unknown) => Err(NotPem::Other(form)),
        form => Ok(Container::Der(form)),
    }
}

fn blocks(bytes: &[u8]) -> Result<Vec<Block>, NotPem> {
    let parsed = ::pem::parse_many(bytes).map_err(NotPem::Damaged)?;
    if parsed.is_empty() {
        return Err(NotPem::Unfinished);
    }
    Ok(parsed
        .into_iter()
        .map(|block| Block {
            label: block.tag().to_owned(),
            encrypted: block.headers().get("Proc-Type").is_some_and(|h| h.contains("ENCRYPTED")),
            contents: SecretBytes::new(block.into_contents()),
        })
        .collect())
}

/// No block could be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotPem {
    /// A block is there and is damaged.
    #[error("a PEM block in it is damaged")]
    Damaged(#[source] ::pem::PemError),
    /// A block begins and never ends.
    #[error("a PEM block begins in it and does not end")]
    Unfinished,
    /// There is no block at all.
    #[error("it is {0}, neither PEM nor DER")]
    Other(Form),
}

/// What a file that is not PEM looks like by its first bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
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
    /// An encrypted PKCS#8 key in DER.
    EncryptedPkcs8,
    /// Something else.
    Unknown,
}

impl Form {
    fn of(bytes: &[u8]) -> Self {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Self::Empty;
        }
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Self::Utf16;
        }
        let Some(inside) = sequence(bytes) else { return Self::Unknown };
        match inside {
            [2, 1, 3, ..] => Self::Pkcs12,
            [2, 1, 0, 0x30, ..] | [2, 1, 1, 0x30, ..] => Self::Pkcs8,
            [2, 1, 0, 2, ..] => Self::Pkcs1,
            [2, 1, 1, 4, ..] => Self::Sec1,
            [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2, ..] => Self::Pkcs7,
            // An AlgorithmIdentifier of PKCS#5 comes first in EncryptedPrivateKeyInfo.
            [0x30, _, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, ..] => Self::EncryptedPkcs8,
            [0x30, ..] => Self::Certificate,
            _ => Self::Unknown,
        }
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
            Self::EncryptedPkcs8 => "an encrypted PKCS#8 key in DER",
            Self::Unknown => "something unknown",
        })
    }
}

/// Returns what is inside the outermost SEQUENCE, by its header alone.
fn sequence(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0x30, length, rest @ ..] if *length < 0x80 => Some(rest),
        [0x30, length, rest @ ..] => rest.get(usize::from(length & 0x7f)..),
        _ => None,
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

    #[test]
    fn reads_blocks_among_text_with_crlf_and_a_byte_order_mark() {
        let text = format!("\u{feff}subject=CN=a\n{BLOCK}between\n{BLOCK}").replace('\n', "\r\n");
        let found = blocks(text.as_bytes()).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].label, "CERTIFICATE");
        assert_eq!(found[1].contents.expose(), [0, 0, 0]);
    }

    #[test]
    fn sees_the_encryption_of_openssl_1() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                    DEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        assert!(blocks(text.as_bytes()).unwrap()[0].encrypted);
    }

    #[test]
    fn says_what_a_file_is_that_is_not_pem() {
        let rows: [(&[u8], Form); 10] = [
            (b" \n", Form::Empty),
            (b"\xff\xfe-\0-\0", Form::Utf16),
            (b"\x30\x82\x01\x00\x02\x01\x03\x30", Form::Pkcs12),
            (b"\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0", Form::Pkcs7),
            (b"\x30\x82\x01\x00\x02\x01\x00\x30\x0d", Form::Pkcs8),
            (b"\x30\x82\x01\x00\x02\x01\x00\x02\x82", Form::Pkcs1),
            (b"\x30\x77\x02\x01\x01\x04\x20", Form::Sec1),
            (
                b"\x30\x82\x01\x00\x30\x57\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d",
                Form::EncryptedPkcs8,
            ),
            (b"\x30\x82\x01\x00\x30\x82\x01\x00\xa0\x03", Form::Certificate),
            (b"hello", Form::Unknown),
        ];
        for (bytes, form) in rows {
            match open(bytes) {
                Ok(Container::Der(found)) | Err(NotPem::Other(found)) => assert_eq!(found, form),
                other => panic!("{form}: {other:?}"),
            }
        }
    }

    #[test]
    fn refuses_damaged_and_unfinished_blocks() {
        let damaged = BLOCK.replace("AAAA", "A*");
        assert!(matches!(blocks(damaged.as_bytes()), Err(NotPem::Damaged(_))));
        let cut = &BLOCK[..30];
        assert!(blocks(cut.as_bytes()).is_err());
    }
}
