//! A certificate together with the key that owns it.

use std::path::{Path, PathBuf};

use crate::certificate::chain::{Chain, LeftOut};
use crate::certificate::{Certificate, CertificateError};
use crate::files::{FileError, Files};
use crate::key::{self, KeyError};
use crate::signer::Signer;
use crate::time::Timestamp;

/// Where to find an identity, as the user wrote it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdentitySource {
    /// The end-entity certificate, alone or among others.
    pub certificate: PathBuf,
    /// The private key.
    pub private_key: PathBuf,
    /// A bundle of CA certificates to build the chain from.
    pub intermediates: Option<PathBuf>,
}

impl IdentitySource {
    /// Reads certificate, key and intermediates, and joins them.
    pub fn open(&self, files: &dyn Files) -> Result<Identity, IdentityError> {
        let mut certificates = read_certificates(files, &self.certificate)?;
        let signer = self.read_key(files)?;
        let at = certificates.iter().position(|c| c.public_key() == signer.public_key());
        let Some(at) = at else {
            return Err(self.mismatch(&certificates));
        };
        let leaf = certificates.remove(at);
        if let Some(path) = &self.intermediates {
            certificates.extend(read_certificates(files, path)?);
        }
        let chain = Chain::new(&leaf, certificates);
        Identity::new(leaf, chain, signer).map_err(|leaf| self.mismatch(&[*leaf]))
    }

    fn read_key(&self, files: &dyn Files) -> Result<Box<dyn Signer>, IdentityError> {
        let bytes = files.read(&self.private_key)?;
        key::from_pem(bytes.expose())
            .map_err(|source| IdentityError::Key { path: self.private_key.clone(), source })
    }

    fn mismatch(&self, certificates: &[Certificate]) -> IdentityError {
        IdentityError::KeyMismatch {
            key: self.private_key.clone(),
            certificate: self.certificate.clone(),
            subject: certificates.first().map_or_else(String::new, |c| c.subject().to_string()),
            count: certificates.len(),
        }
    }
}

fn read_certificates(files: &dyn Files, path: &Path) -> Result<Vec<Certificate>, IdentityError> {
    let bytes = files.read(path)?;
    Certificate::from_pem(bytes.expose())
        .map_err(|source| IdentityError::Certificate { path: path.to_owned(), source })
}

/// A certificate, its chain, and a signer proven to hold its private key.
///
/// The proof is the constructor: an `Identity` with a mismatched key cannot exist.
#[derive(Debug)]
pub struct Identity {
    certificate: Certificate,
    chain: Chain,
    signer: Box<dyn Signer>,
}

impl Identity {
    /// Joins certificate and signer, or hands back the certificate that is not the signer's.
    pub fn new(
        certificate: Certificate,
        chain: Chain,
        signer: Box<dyn Signer>,
    ) -> Result<Self, Box<Certificate>> {
        if certificate.public_key() != signer.public_key() {
            return Err(Box::new(certificate));
        }
        Ok(Self { certificate, chain, signer })
    }

    /// Returns the end-entity certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Returns the certificates between the end entity and the trust anchor, the leaf's issuer
    /// first.
    pub fn intermediates(&self) -> &[Certificate] {
        &self.chain.intermediates
    }

    /// Returns what stood in the files and is not sent.
    pub fn left_out(&self) -> &[(Certificate, LeftOut)] {
        &self.chain.left_out
    }

    /// Returns the private key's signer.
    pub fn signer(&self) -> &dyn Signer {
        &*self.signer
    }

    /// Refuses a certificate that is not valid at `now`, before the service does so less clearly.
    pub fn check_validity(&self, now: Timestamp) -> Result<(), IdentityError> {
        let (not_before, not_after) = (self.certificate.not_before(), self.certificate.not_after());
        let subject = || self.certificate.subject().to_string();
        if now > not_after {
            return Err(IdentityError::Expired { subject: subject(), not_after, now });
        }
        if now < not_before {
            return Err(IdentityError::NotYetValid { subject: subject(), not_before, now });
        }
        Ok(())
    }
}

/// The certificate and the key could not be joined into an identity, or it is out of date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A file could not be read.
    #[error(transparent)]
    Unreadable(#[from] FileError),
    /// A file holds no usable certificate.
    #[error("could not read a certificate from `{}`", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: CertificateError,
    },
    /// A file holds no usable private key.
    #[error("could not read a private key from `{}`", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: KeyError,
    },
    /// The private key belongs to no certificate of the file.
    #[error(
        "the private key `{}` does not belong to {} of `{}`",
        key.display(), whose(subject, *count), certificate.display()
    )]
    KeyMismatch {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
        /// The subject of the first certificate in it.
        subject: String,
        /// How many certificates are in it.
        count: usize,
    },
    /// The certificate's validity is over.
    #[error("the certificate of `{subject}` expired at {not_after}, and it is {now} now")]
    Expired {
        /// Its subject.
        subject: String,
        /// Its last second.
        not_after: Timestamp,
        /// The time by this machine's clock.
        now: Timestamp,
    },
    /// The certificate's validity has not begun.
    #[error("the certificate of `{subject}` is valid from {not_before}, and it is {now} now")]
    NotYetValid {
        /// Its subject.
        subject: String,
        /// Its first second.
        not_before: Timestamp,
        /// The time by this machine's clock.
        now: Timestamp,
    },
}

fn whose(subject: &str, count: usize) -> String {
    match count {
        1 => format!("the certificate (`{subject}`)"),
        _ => format!("any of the {count} certificates"),
    }
}
