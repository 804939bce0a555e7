//! A certificate together with its private key.

pub mod bundle;
mod contents;
mod fingerprint;
mod key_source;
pub(crate) mod pkcs12;
pub(crate) mod pkcs7;
mod source;

pub use contents::FileContents;
pub use fingerprint::Fingerprint;
pub use key_source::KeySource;
pub use source::{IdentitySource, Permissions, read_certificates};

use crate::identity::bundle::BundleError;
use crate::input_source::{FileError, InputSourceName};
use crate::key::KeyError;
use crate::key::signer::{SignError, Signer};
use crate::time::Timestamp;
use crate::x509::Certificate;
use crate::x509::Chain;

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
    /// Joins certificate and signer, or returns the certificate if it does not match the signer.
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

    /// Returns the intermediates to send, the issuer of the end-entity certificate first.
    pub fn intermediates(&self) -> &[Certificate] {
        &self.chain.intermediates
    }

    /// Returns the intermediates to send, and the given certificates that are left out.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Returns its fingerprint, which is equal for two identities if AWS cannot tell them apart.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate, &self.chain.intermediates)
    }

    /// Returns the private key's signer.
    pub fn signer(&self) -> &dyn Signer {
        &*self.signer
    }

    /// Refuses a certificate that is not valid at `now`: the service's error would be less clear.
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

/// An identity cannot be loaded or used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file could not be read.
    #[error(transparent)]
    Unreadable(#[from] FileError),
    /// A file cannot be read for certificates and keys.
    #[error("cannot read {place}")]
    Bundle {
        /// The file.
        place: InputSourceName,
        /// The cause.
        source: BundleError,
    },
    /// A file holds no certificate.
    #[error("{place} contains no certificate, only {contents}")]
    NoCertificate {
        /// The file.
        place: InputSourceName,
        /// The certificates that were expected in it.
        expected: CertificateRole,
        /// What it holds instead.
        contents: FileContents,
    },
    /// A file holds no private key.
    #[error("{place} contains no private key, only {contents}")]
    NoKey {
        /// The file.
        place: InputSourceName,
        /// What it holds instead.
        contents: FileContents,
    },
    /// A file holds more than one private key.
    #[error("{place} contains {count} private keys, expected one")]
    SeveralKeys {
        /// The file.
        place: InputSourceName,
        /// The number of keys.
        count: usize,
        /// What the file holds.
        contents: FileContents,
    },
    /// The private key cannot be used.
    #[error("cannot use the private key in {place}")]
    Key {
        /// The file.
        place: InputSourceName,
        /// The cause.
        source: KeyError,
    },
    /// The key is readable by others than its owner, and that is forbidden.
    #[error("the private key {place} is readable by other users (mode {mode:04o})")]
    Readable {
        /// The file.
        place: InputSourceName,
        /// Its permissions.
        mode: u32,
    },
    /// The private key belongs to no certificate of the file.
    #[error(
        "the private key in {key} does not match {} in {certificate}",
        whose(subject, *count)
    )]
    KeyMismatch {
        /// The file of the key.
        key: InputSourceName,
        /// The file of the certificate.
        certificate: InputSourceName,
        /// The subject of the first certificate in it.
        subject: String,
        /// The number of certificates in it.
        count: usize,
    },
    /// A file is not read, or its key is not open, after some time. That goes on in the background.
    #[error("reading or decrypting {place} took longer than {seconds} s")]
    TooSlow {
        /// The file.
        place: InputSourceName,
        /// The time limit.
        seconds: u64,
    },
    /// The private key could not sign.
    #[error("cannot sign with the private key in {place}")]
    Sign {
        /// The file.
        place: InputSourceName,
        /// The cause.
        source: SignError,
    },
    /// The certificate has expired.
    #[error("the certificate of `{subject}` has expired (on {not_after}; it is now {now})")]
    Expired {
        /// Its subject.
        subject: String,
        /// End of its validity (inclusive).
        not_after: Timestamp,
        /// The time by this machine's clock.
        now: Timestamp,
    },
    /// The certificate is not yet valid.
    #[error(
        "the certificate of `{subject}` is not yet valid (valid from {not_before}; it is now {now})"
    )]
    NotYetValid {
        /// Its subject.
        subject: String,
        /// Start of its validity (inclusive).
        not_before: Timestamp,
        /// The time by this machine's clock.
        now: Timestamp,
    },
}

/// The role of certificates in an identity.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CertificateRole {
    /// The end-entity certificate; its file may hold others too.
    EndEntity,
    /// The CA certificates to build the chain from.
    Intermediates,
}

fn whose(subject: &str, count: usize) -> String {
    match count {
        1 => format!("the certificate (`{subject}`)"),
        _ => format!("any of the {count} certificates"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::input_source::InputSource;
    use crate::key::signer::SigningAlgorithm;
    use crate::password::PasswordError;
    use crate::test_support::files::FakeFiles;
    use crate::test_support::password::FixedPassword;
    use crate::x509::Selection;
    use crate::x509::UsageSummary;

    /// The test PKI, see `certs/README.md`; one of its keys is readable by others.
    fn certs() -> FakeFiles {
        FakeFiles::of_repository("certs").with_mode("leaf/p256.key.pem", 0o644)
    }

    fn open(certificate: &str, key: &str) -> Result<Identity, IdentityError> {
        let source = IdentitySource {
            certificate: InputSource::parse(certificate),
            private_key: InputSource::parse(key).into(),
            intermediates: Some(InputSource::parse("anchor/intermediate.pem")),
            permissions: Permissions::Lenient,
        };
        source.open(&certs(), &FixedPassword::none(), Timestamp::from_unix(1_800_000_000))
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
    fn pkcs1_and_sec1_keys_are_accepted() {
        for (name, form) in [("rsa2048", "pkcs1"), ("p256", "sec1")] {
            let key = format!("leaf/{name}.{form}.pem");
            assert!(open(&format!("leaf/{name}.pem"), &key).is_ok(), "{key}");
        }
    }

    /// Opens an identity with these files; the password is known.
    fn open_files(certificate: &str, key: &str) -> Result<Identity, IdentityError> {
        let source = IdentitySource {
            certificate: InputSource::parse(certificate),
            private_key: InputSource::parse(key).into(),
            intermediates: None,
            permissions: Permissions::Lenient,
        };
        source.open(&certs(), &FixedPassword::known("hunter2"), Timestamp::from_unix(1_800_000_000))
    }

    #[test]
    fn keys_are_read_in_every_encoding() {
        let forms = [
            "p256.key.der",
            "p256.sec1.der",
            "pbes2.key.der",
            "scrypt.key.pem",
            "ec-parameters.sec1.pem",
            "no-public.key.pem",
            "no-public.sec1.pem",
            "combined.pem",
            "combined-key-first.pem",
            "modern.p12",
            "legacy.p12",
            "plain.p12",
            "empty-password.p12",
            "pbe-sha1-3des.key.pem",
            "null-password.p12",
            "null-password-3des.p12",
            "armoured.p12.pem",
            "pbmac1.p12",
            "rc2-128.p12",
            "2des.p12",
        ];
        for name in forms {
            let opened = open_files("leaf/p256.pem", &format!("forms/{name}"));
            assert!(opened.is_ok(), "{name}: {opened:?}");
        }
        for digest in ["SHA1", "SHA224", "SHA256", "SHA384", "SHA512"] {
            for cipher in ["aes128", "aes192", "aes256", "des3"] {
                let name = format!("forms/pbes2-hmacWith{digest}-{cipher}.key.pem");
                let opened = open_files("leaf/p256.pem", &name);
                assert!(opened.is_ok(), "{name}: {opened:?}");
            }
        }
        assert!(open_files("leaf/rsa2048.pem", "forms/rsa2048.pkcs1.der").is_ok());
    }

    #[test]
    fn certificates_are_read_in_every_encoding() {
        for name in ["p256.der", "combined.pem", "modern.p12", "plain.p12"] {
            let opened = open_files(&format!("forms/{name}"), "leaf/p256.key.pem");
            assert!(opened.is_ok(), "{name}: {opened:?}");
        }
        for name in ["combined.pem", "combined-key-first.pem"] {
            assert!(
                open_files(&format!("forms/{name}"), &format!("forms/{name}")).is_ok(),
                "{name}"
            );
        }
        for name in [
            "modern.p12",
            "legacy.p12",
            "plain.p12",
            "empty-password.p12",
            "null-password.p12",
            "armoured.p12.pem",
            "nss.p12",
        ] {
            let identity = open_files(&format!("forms/{name}"), &format!("forms/{name}")).unwrap();
            assert_eq!(identity.intermediates().len(), 1, "{name}");
        }
        for bundle in ["chain.p7b", "chain.der.p7b", "chain.ber.p7b"] {
            let source = InputSource::parse(&format!("forms/{bundle}"));
            let read = read_certificates(&source, &certs(), &FixedPassword::none()).unwrap();
            assert_eq!(read.len(), 2, "{bundle}");
        }
    }

    #[test]
    fn ml_dsa_keys_are_read() {
        for set in ["44", "65", "87"] {
            let path = |ending: &str| format!("../tests/vectors/pki/leaf-mldsa{set}{ending}");
            let identity = open_files(&path(".pem"), &path(".key.pem")).unwrap();
            assert_eq!(identity.signer().algorithm(), SigningAlgorithm::MlDsa);
        }
    }

    #[test]
    fn unreadable_key_is_reported_with_its_cause() {
        let refused = |name: &str| match open_files("leaf/p256.pem", &format!("forms/{name}")) {
            Err(IdentityError::Key { source, .. })
            | Err(IdentityError::Bundle { source: BundleError::Pkcs12(source), .. }) => source,
            other => panic!("{name}: {other:?}"),
        };
        assert!(matches!(refused("legacy.key.pem"), KeyError::LegacyEncryption));
        assert!(matches!(refused("pbes1-md5-des.key.pem"), KeyError::Encryption(_)));
        assert!(matches!(refused("explicit.key.pem"), KeyError::ExplicitCurve));
        assert!(matches!(refused("explicit.sec1.pem"), KeyError::ExplicitCurve));
        for name in ["costly-pbkdf2.key.pem", "costly-scrypt.key.pem", "costly.p12"] {
            let error = refused(name);
            assert!(matches!(error, KeyError::TooCostly { .. }), "{name}: {error}");
        }
        let none = open("leaf/p256.pem", "forms/scrypt.key.pem").unwrap_err();
        let IdentityError::Key { source: KeyError::Password(source), .. } = none else {
            panic!("{none}")
        };
        assert!(matches!(source, PasswordError::NoTerminal));
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
    fn refuses_a_key_that_others_can_read_where_that_is_forbidden() {
        let source = KeySource::File(InputSource::parse("leaf/p256.key.pem"));
        let open = |permissions| source.open(permissions, &certs(), &FixedPassword::none());
        let strict = open(Permissions::Strict);
        assert!(matches!(strict, Err(IdentityError::Readable { mode: 0o644, .. })));
        assert!(open(Permissions::Lenient).is_ok());
    }

    #[test]
    fn sends_what_was_given_without_the_issuer_among_it() {
        let identity = named("broken/other-ca");
        assert_eq!(identity.chain().selection, Selection::AsGiven);
        assert_eq!(identity.intermediates().len(), 1);
    }

    #[test]
    fn fingerprint_depends_on_the_certificates_that_are_sent() {
        let fingerprint =
            |certificate: &str, key: &str| open_files(certificate, key).unwrap().fingerprint();
        let p256 = fingerprint("leaf/p256.pem", "leaf/p256.key.pem");
        for (certificate, key) in [
            ("forms/p256.der", "forms/pbes2.key.der"),
            ("forms/combined.pem", "forms/combined.pem"),
        ] {
            assert_eq!(fingerprint(certificate, key), p256, "{certificate} {key}");
        }
        let with_issuer = named("leaf/p256").fingerprint();
        let p384 = fingerprint("leaf/p384.pem", "leaf/p384.key.pem");
        assert!(with_issuer != p256 && p384 != p256 && with_issuer != p384);
    }

    #[test]
    fn files_are_watched_and_other_inputs_are_not() {
        let source = |certificate: &str, key: &str| IdentitySource {
            certificate: InputSource::parse(certificate),
            private_key: InputSource::parse(key).into(),
            intermediates: Some(InputSource::parse("ca.pem")),
            permissions: Permissions::Lenient,
        };
        let watched = |source: IdentitySource| -> Vec<_> {
            source.watched_paths().map(Path::to_owned).collect()
        };
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let rows = [
            ("leaf.pem", "key.pem", &["leaf.pem", "key.pem", "ca.pem"][..]),
            ("leaf.pem", "leaf.pem", &["leaf.pem", "leaf.pem", "ca.pem"]),
            ("env:LEAF", "fd:3", &["ca.pem"]),
            ("leaf.pem", "-", &["leaf.pem", "ca.pem"]),
        ];
        for (certificate, key, names) in rows {
            assert_eq!(watched(source(certificate, key)), paths(names), "{certificate} {key}");
        }
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
        let profile = |name: &str| named(&format!("broken/{name}")).certificate().usage();
        let good = named("leaf/p256").certificate().usage();
        assert_eq!(
            good,
            UsageSummary {
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
