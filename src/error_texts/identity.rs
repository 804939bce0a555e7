//! The certificate, its chain and the private key.

use super::{Page, variants};
use crate::output::error::Error;
use roles_anywhere_client::encoding::{self, Encoding, EncodingError};
use roles_anywhere_client::identity::bundle::BundleError;
use roles_anywhere_client::identity::{CertificateRole, FileContents, IdentityError};
use roles_anywhere_client::input_source::{Action, FileError, InputSource, InputSourceName};
use roles_anywhere_client::key::KeyError;
use roles_anywhere_client::key::signer::SignError;
use roles_anywhere_client::provider::{ClockFinding, ProviderError};
use roles_anywhere_client::text::disclosure::Sensitivity;
use roles_anywhere_client::time::Timestamp;
use roles_anywhere_client::x509::CertificateError;

variants!(IdentityError:
    Unreadable Bundle NoCertificate NoKey SeveralKeys Key Readable KeyMismatch TooSlow Sign Expired
    NotYetValid
);
variants!(ClockFinding: OutOfDateByAws TlsOutOfDate);
variants!(BundleError: Encoding Certificate Mislabelled Pkcs7 DamagedPkcs12 Pkcs12 MultiplePkcs12);
variants!(EncodingError: Damaged Unread Other);
variants!(Encoding:
    Empty Utf16 Pkcs12 Pkcs7 Certificate Pkcs8 Pkcs1 Sec1 Dsa EncryptedPkcs8 PublicKey Tpm JavaKeystore
    Unknown
);
variants!(CertificateError: NotX509 Serial TrailingBytes);

/// Returns the name of a file that an option names.
pub(super) fn named(path: &str, option: &str) -> InputSourceName {
    InputSource::parse(path).named_by(option, Sensitivity::Sensitive).name(true)
}

pub(super) fn certificate() -> InputSourceName {
    named("/etc/pki/host.pem", "--certificate")
}

pub(super) fn private_key() -> InputSourceName {
    named("/etc/pki/host.key", "--private-key")
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_unix(1_800_000_000)
}

#[test]
fn errors_of_the_identity_have_these_texts() {
    let mut page = Page::default();
    page.add_all(identity_errors(), Error::from);
    let findings = vec![
        ClockFinding::OutOfDateByAws { local: now() },
        ClockFinding::TlsOutOfDate { local: now() },
    ];
    page.add_all(findings, |finding| {
        let source = Box::new(expired());
        ProviderError::Identity { source, clock: Some(finding) }.into()
    });
    page.compare("identity");
}

fn expired() -> IdentityError {
    let (subject, not_after) = ("CN=host-1, O=Example".to_owned(), now().after(-86_400));
    IdentityError::Expired { subject, not_after, now: now() }
}

fn identity_errors() -> Vec<IdentityError> {
    let pem = |labels: &[&str]| {
        FileContents::Pem(labels.iter().map(|label| (*label).to_owned()).collect())
    };
    let subject = || "CN=host-1, O=Example".to_owned();
    let no_certificate =
        |place, expected, contents| IdentityError::NoCertificate { place, expected, contents };
    let mismatch = |count| IdentityError::KeyMismatch {
        key: private_key(),
        certificate: certificate(),
        subject: subject(),
        count,
    };
    let denied = std::io::Error::from(rustix::io::Errno::ACCESS);
    let key_der = FileContents::Der(Encoding::Pkcs8);
    let keystore = FileContents::Der(Encoding::Pkcs12);
    let chain = named("/etc/pki/chain.pem", "--intermediates");
    let (end_entity, intermediates) = (CertificateRole::EndEntity, CertificateRole::Intermediates);
    vec![
        FileError { action: Action::Read, place: certificate(), source: denied }.into(),
        IdentityError::Bundle { place: certificate(), source: BundleError::Pkcs7 },
        no_certificate(chain, intermediates, pem(&["PRIVATE KEY"])),
        no_certificate(certificate(), end_entity, pem(&["PRIVATE KEY"])),
        no_certificate(certificate(), end_entity, pem(&["CERTIFICATE REQUEST"])),
        no_certificate(certificate(), end_entity, key_der),
        IdentityError::NoKey {
            place: private_key(),
            contents: pem(&["CERTIFICATE", "CERTIFICATE"]),
        },
        IdentityError::NoKey { place: private_key(), contents: pem(&["DH PARAMETERS"]) },
        IdentityError::SeveralKeys { place: private_key(), count: 2, contents: keystore },
        IdentityError::SeveralKeys {
            place: private_key(),
            count: 2,
            contents: pem(&["PRIVATE KEY", "PRIVATE KEY"]),
        },
        IdentityError::Key { place: private_key(), source: KeyError::Damaged },
        IdentityError::Readable { place: private_key(), mode: 0o644 },
        mismatch(1),
        mismatch(3),
        IdentityError::TooSlow { place: private_key(), seconds: 15 },
        IdentityError::Sign { place: private_key(), source: SignError::Software },
        expired(),
        IdentityError::NotYetValid {
            subject: subject(),
            not_before: now().after(86_400),
            now: now(),
        },
    ]
}

#[test]
fn errors_of_certificate_files_have_these_texts() {
    let mut page = Page::default();
    let bundle = |source| Error::from(IdentityError::Bundle { place: certificate(), source });
    for name in damaged_pem() {
        let Err(error) = encoding::open(name.as_bytes()) else { panic!("{name} is accepted") };
        let heading = page.see(&error);
        page.add(&heading, &bundle(error.into()));
    }
    let unread = [
        EncodingError::Other(Encoding::Empty),
        EncodingError::Other(Encoding::Utf16),
        EncodingError::Other(Encoding::Unknown),
        EncodingError::Unread(Encoding::JavaKeystore),
        EncodingError::Unread(Encoding::PublicKey),
    ];
    for error in unread {
        let heading = page.see(&error);
        page.add(&heading, &bundle(error.into()));
    }
    page.check_has_all::<EncodingError>();
    page.add_all(encodings(), |encoding| {
        let (expected, contents) = (CertificateRole::EndEntity, FileContents::Der(encoding));
        IdentityError::NoCertificate { place: certificate(), expected, contents }.into()
    });
    let certificates = vec![
        CertificateError::NotX509,
        CertificateError::Serial(4_000),
        CertificateError::TrailingBytes(2),
    ];
    page.add_all(certificates, |source| bundle(source.into()));
    page.add_all(bundles(), bundle);
    page.compare("certificate_files");
}

/// Returns PEM files, each damaged in another way.
fn damaged_pem() -> [&'static str; 5] {
    [
        "-----BEGIN CERTIFICATE\nMIIB\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIB\n",
        "-----BEGIN CERTIFICATE-----\nMI*B\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIBM\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    ]
}

fn encodings() -> Vec<Encoding> {
    vec![
        Encoding::Empty,
        Encoding::Utf16,
        Encoding::Pkcs12,
        Encoding::Pkcs7,
        Encoding::Certificate,
        Encoding::Pkcs8,
        Encoding::Pkcs1,
        Encoding::Sec1,
        Encoding::Dsa,
        Encoding::EncryptedPkcs8,
        Encoding::PublicKey,
        Encoding::Tpm,
        Encoding::JavaKeystore,
        Encoding::Unknown,
    ]
}

fn bundles() -> Vec<BundleError> {
    let Err(EncodingError::Damaged(damaged)) = encoding::open(damaged_pem()[0].as_bytes()) else {
        panic!("it is accepted")
    };
    vec![
        EncodingError::Damaged(damaged.clone()).into(),
        CertificateError::NotX509.into(),
        BundleError::Mislabelled {
            position: damaged.position,
            label: "CERTIFICATE".to_owned(),
            encoding: Encoding::Pkcs8,
        },
        BundleError::Pkcs7,
        BundleError::DamagedPkcs12,
        BundleError::Pkcs12(KeyError::WrongPassword),
        BundleError::Pkcs12(KeyError::Encryption("RC2-40-CBC".to_owned())),
        BundleError::MultiplePkcs12,
    ]
}
