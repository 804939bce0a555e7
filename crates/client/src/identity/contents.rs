//! What a file of certificates or keys holds, for the error about what is missing in it.

use std::fmt;

use crate::encoding::Encoding;

/// The contents of a file of certificates or keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FileContents {
    /// PEM: the labels of the blocks that could be read, in their order. A label is empty if it is not
    /// safe to show.
    Pem(Vec<String>),
    /// One structure in DER or BER.
    Der(Encoding),
}

impl FileContents {
    /// Returns whether it holds a key of any kind, also a public key or one that is not supported.
    pub fn has_key(&self) -> bool {
        match self {
            Self::Pem(labels) => labels.iter().any(|label| label.contains("KEY")),
            Self::Der(encoding) => encoding.is_key(),
        }
    }

    /// Returns whether it holds a certificate, or a request for one.
    pub fn has_certificate(&self) -> bool {
        match self {
            Self::Pem(labels) => labels.iter().any(|label| label.contains("CERTIFICATE")),
            Self::Der(encoding) => *encoding == Encoding::Certificate,
        }
    }

    /// Returns whether it holds a PKCS#12 file, whose entries have names.
    pub fn has_pkcs12(&self) -> bool {
        match self {
            Self::Pem(labels) => labels.iter().any(|label| label == "PKCS12"),
            Self::Der(encoding) => *encoding == Encoding::Pkcs12,
        }
    }
}

impl Default for FileContents {
    fn default() -> Self {
        Self::Pem(Vec::new())
    }
}

/// Renders the labels of PEM, or the encoding.
impl fmt::Display for FileContents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = match self {
            Self::Pem(labels) => labels,
            Self::Der(encoding) => return encoding.fmt(f),
        };
        for (at, label) in labels.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            match label.as_str() {
                "" => write!(f, "{separator}a block with an unknown label")?,
                label => write!(f, "{separator}`{label}`")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(labels: &[&str]) -> FileContents {
        FileContents::Pem(labels.iter().map(|label| (*label).to_owned()).collect())
    }

    #[test]
    fn labels_and_encodings_are_told_apart() {
        // The contents; whether they have a key, a certificate, a PKCS#12 file; their name.
        let rows = [
            (pem(&["PRIVATE KEY"]), [true, false, false], "`PRIVATE KEY`"),
            (
                pem(&["CERTIFICATE", "EC PRIVATE KEY"]),
                [true, true, false],
                "`CERTIFICATE`, `EC PRIVATE KEY`",
            ),
            (pem(&["NEW CERTIFICATE REQUEST"]), [false, true, false], "`NEW CERTIFICATE REQUEST`"),
            (pem(&["PUBLIC KEY"]), [true, false, false], "`PUBLIC KEY`"),
            (pem(&["PKCS12"]), [false, false, true], "`PKCS12`"),
            (pem(&["PKCS7", ""]), [false, false, false], "`PKCS7`, a block with an unknown label"),
            (FileContents::Der(Encoding::Pkcs8), [true, false, false], "a PKCS#8 key in DER"),
            (FileContents::Der(Encoding::Tpm), [true, false, false], "the key of a TPM in DER"),
            (
                FileContents::Der(Encoding::Certificate),
                [false, true, false],
                "a certificate in DER",
            ),
            (FileContents::Der(Encoding::Pkcs12), [false, false, true], "a PKCS#12 file"),
            (FileContents::Der(Encoding::Pkcs7), [false, false, false], "a PKCS#7 bundle"),
        ];
        for (contents, has, name) in rows {
            let found = [contents.has_key(), contents.has_certificate(), contents.has_pkcs12()];
            assert_eq!((found, contents.to_string().as_str()), (has, name));
        }
    }
}
