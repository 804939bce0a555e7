//! What a file of key material holds: certificates and keys, from whatever form it has.

use crate::certificate::{Certificate, CertificateError};
use crate::key::{KeyError, KeyMaterial};
use crate::password::Passwords;
use crate::pem::{self, Block, Container, Form, NotPem};
use crate::pkcs7;
use crate::pkcs12;
use crate::secret::SecretBytes;

/// The certificates and keys of one file, in their order.
#[derive(Debug, Default)]
pub struct Bundle {
    /// Every certificate.
    pub certificates: Vec<Certificate>,
    /// Every private key, not yet decrypted.
    pub keys: Vec<KeyMaterial>,
    /// What it holds in words, for messages: PEM labels, or the form.
    pub contents: String,
}

impl Bundle {
    /// Opens `bytes`; only a PKCS#12 with a password asks for the one of `what`.
    pub fn open(bytes: &[u8], what: &str, passwords: &dyn Passwords) -> Result<Self, BundleError> {
        match pem::open(bytes)? {
            Container::Pem(blocks) => Self::from_blocks(blocks),
            Container::Der(form) => Self::from_der(form, bytes, what, passwords),
        }
    }

    fn from_blocks(blocks: Vec<Block>) -> Result<Self, BundleError> {
        let labels: Vec<String> = blocks.iter().map(|b| format!("`{}`", b.label)).collect();
        let mut bundle = Self { contents: labels.join(", "), ..Self::default() };
        let mut parameters = None;
        for Block { label, encrypted, contents } in blocks {
            match label.as_str() {
                "CERTIFICATE" | "X509 CERTIFICATE" => {
                    bundle.certificates.push(Certificate::from_der(contents.expose())?);
                }
                "PKCS7" | "CMS" => bundle.add_pkcs7(contents.expose())?,
                "EC PARAMETERS" => parameters = Some(contents),
                _ if !label.ends_with("PRIVATE KEY") => {}
                _ if encrypted => bundle.keys.push(KeyMaterial::LegacyEncrypted),
                "PRIVATE KEY" => bundle.keys.push(KeyMaterial::Pkcs8(contents)),
                "RSA PRIVATE KEY" => bundle.keys.push(KeyMaterial::Pkcs1(contents)),
                "EC PRIVATE KEY" => {
                    bundle.keys.push(KeyMaterial::Sec1(contents, parameters.take()));
                }
                "ENCRYPTED PRIVATE KEY" => {
                    bundle.keys.push(KeyMaterial::EncryptedPkcs8(contents));
                }
                _ => bundle.keys.push(KeyMaterial::Labelled(label)),
            }
        }
        Ok(bundle)
    }

    fn from_der(
        form: Form,
        bytes: &[u8],
        what: &str,
        passwords: &dyn Passwords,
    ) -> Result<Self, BundleError> {
        let mut bundle = Self { contents: form.to_string(), ..Self::default() };
        let secret = || SecretBytes::new(bytes.to_vec());
        match form {
            Form::Certificate => bundle.certificates.push(Certificate::from_der(bytes)?),
            Form::Pkcs7 => bundle.add_pkcs7(bytes)?,
            Form::Pkcs8 => bundle.keys.push(KeyMaterial::Pkcs8(secret())),
            Form::Pkcs1 => bundle.keys.push(KeyMaterial::Pkcs1(secret())),
            Form::Sec1 => bundle.keys.push(KeyMaterial::Sec1(secret(), None)),
            Form::EncryptedPkcs8 => bundle.keys.push(KeyMaterial::EncryptedPkcs8(secret())),
            Form::Pkcs12 => {
                let archive = pkcs12::open(bytes, what, passwords).map_err(BundleError::Pkcs12)?;
                for der in &archive.certificates {
                    bundle.certificates.push(Certificate::from_der(der)?);
                }
                bundle.keys = archive.keys.into_iter().map(KeyMaterial::Pkcs8).collect();
            }
            Form::Empty | Form::Utf16 | Form::Unknown => {}
        }
        Ok(bundle)
    }

    fn add_pkcs7(&mut self, der: &[u8]) -> Result<(), BundleError> {
        for der in pkcs7::certificates(der).ok_or(BundleError::Pkcs7)? {
            self.certificates.push(Certificate::from_der(&der)?);
        }
        Ok(())
    }
}

/// A file cannot be read for certificates and keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It is neither PEM nor DER of a kind that is known.
    #[error(transparent)]
    Form(#[from] NotPem),
    /// A certificate in it is damaged.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// It is PKCS#7 and damaged.
    #[error("the PKCS#7 bundle in it is damaged")]
    Pkcs7,
    /// It is PKCS#12 and cannot be opened.
    #[error(transparent)]
    Pkcs12(KeyError),
}
