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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::Profile;
    use crate::files::Action;
    use crate::secret::SecretBytes;

    /// The test PKI, see `certs/README.md`.
    struct Certs;

    impl Files for Certs {
        fn read(&self, path: &Path) -> Result<SecretBytes, FileError> {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs").join(path);
            #[expect(clippy::disallowed_methods, reason = "a test reads its certificates")]
            let read = std::fs::read(&path);
            read.map(SecretBytes::new).map_err(|source| FileError {
                action: Action::Read,
                path,
                source,
            })
        }

        fn replace(&self, _path: &Path, _contents: &[u8]) -> Result<(), FileError> {
            unreachable!("an identity writes no files")
        }
    }

    fn open(certificate: &str, key: &str) -> Result<Identity, IdentityError> {
        let source = IdentitySource {
            certificate: PathBuf::from(certificate),
            private_key: PathBuf::from(key),
            intermediates: Some(PathBuf::from("anchor/intermediate.pem")),
        };
        source.open(&Certs)
    }

    fn named(name: &str) -> Identity {
        open(&format!("{name}.pem"), &format!("{name}.key.pem")).unwrap()
    }

    #[test]
    fn opens_every_kind_of_key() {
        for name in ["rsa2048", "rsa3072", "rsa4096", "rsa8192", "p256", "p384", "p521"] {
            let identity = named(&format!("leaf/{name}"));
            assert_eq!(
                identity.certificate().subject().to_string(),
                format!("C=US, O=Example, CN={name}")
            );
            assert_eq!(identity.intermediates().len(), 1, "{name}");
            assert!(!identity.signer().sign(b"message").unwrap().0.is_empty());
        }
    }

    #[test]
    fn opens_every_form_of_a_key() {
        for (name, form) in [("rsa2048", "pkcs1"), ("p256", "sec1")] {
            let key = format!("leaf/{name}.{form}.pem");
            assert!(open(&format!("leaf/{name}.pem"), &key).is_ok(), "{key}");
        }
    }

    #[test]
    fn finds_the_leaf_by_its_key() {
        let identity = open("leaf/p384.chain.pem", "leaf/p384.key.pem").unwrap();
        assert!(identity.certificate().subject().to_string().ends_with("CN=p384"));
        assert_eq!(identity.intermediates().len(), 1);
    }

    #[test]
    fn refuses_a_key_of_another_certificate() {
        let error = open("leaf/p256.pem", "leaf/p384.key.pem").unwrap_err();
        assert!(matches!(error, IdentityError::KeyMismatch { count: 1, .. }), "{error}");
        let error = open("leaf/p256.chain.pem", "leaf/rsa2048.key.pem").unwrap_err();
        assert!(matches!(error, IdentityError::KeyMismatch { count: 2, .. }), "{error}");
    }

    #[test]
    fn leaves_strangers_out() {
        let identity = named("broken/other-ca");
        assert_eq!(identity.intermediates(), []);
        assert_eq!(identity.left_out()[0].1, LeftOut::Unrelated);
    }

    #[test]
    fn refuses_what_is_out_of_date() {
        let now = Timestamp::from_rfc3339("2030-01-01T00:00:00Z").unwrap();
        let expired = named("broken/expired").check_validity(now);
        assert!(matches!(expired, Err(IdentityError::Expired { .. })));
        let early = named("broken/not-yet-valid").check_validity(now);
        assert!(matches!(early, Err(IdentityError::NotYetValid { .. })));
        let identity = named("leaf/p256");
        let last = identity.certificate().not_after();
        assert!(identity.check_validity(identity.certificate().not_before()).is_ok());
        assert!(identity.check_validity(last).is_ok());
        assert!(identity.check_validity(last.after(1)).is_err());
    }

    #[test]
    fn sees_what_the_service_refuses() {
        let profile = |name: &str| named(&format!("broken/{name}")).certificate().profile();
        let good = named("leaf/p256").certificate().profile();
        assert_eq!(
            good,
            Profile {
                is_v3: true,
                is_ca: false,
                digital_signature: Some(true),
                client_auth: Some(true),
                weak_digest: false
            }
        );
        assert_eq!(profile("no-key-usage").digital_signature, None);
        assert_eq!(profile("no-digital-signature").digital_signature, Some(false));
        assert_eq!(profile("server-auth-only").client_auth, Some(false));
        assert!(profile("ca").is_ca);
        assert!(profile("sha1").weak_digest);
        assert!(!profile("v1").is_v3);
        assert!(named("broken/no-subject").certificate().subject().is_empty());
    }
}
