//! The options of the certificate, the key and its password.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{OptionSpec, ValueType};
use roles_anywhere_client::text::disclosure::Sensitivity;

/// The options of an identity.
pub static IDENTITY: &[&OptionSpec] = &[
    &CERTIFICATE,
    &PRIVATE_KEY,
    &KEY_PASSWORD_FILE,
    &KEY_PASSWORD_ENV,
    &KEY_PASSWORD_FD,
    &PKCS8_PASSWORD,
    &STRICT_PERMISSIONS,
];

/// The options of the official helper that do not work yet, which are refused by name.
pub static NOT_YET: &[&OptionSpec] = &[
    &CERT_SELECTOR,
    &SYSTEM_STORE_NAME,
    &USE_LATEST_EXPIRING_CERTIFICATE,
    &PKCS11_LIB,
    &REUSE_PIN,
    &TPM_KEY_PASSWORD,
    &NO_TPM_KEY_PASSWORD,
];

pub static CERTIFICATE: OptionSpec = OptionSpec::new("--certificate", "SOURCE", ValueType::Source)
    .sensitivity(Sensitivity::Sensitive)
    .help("The certificate, alone or with its chain and key: PEM, DER or PKCS#12 (a path, `-`, `fd:N`, `env:NAME`)");

pub static PRIVATE_KEY: OptionSpec = OptionSpec::new("--private-key", "SOURCE", ValueType::Source)
    .sensitivity(Sensitivity::Sensitive)
    .described_default("in the certificate's file")
    .help("Its private key: RSA, P-256, P-384, P-521 or ML-DSA");

pub static KEY_PASSWORD_FILE: OptionSpec =
    OptionSpec::new("--key-password-file", "FILE", ValueType::File)
        .sensitivity(Sensitivity::Password)
        .help("The password of an encrypted key or PKCS#12, in a file");

pub static KEY_PASSWORD_ENV: OptionSpec =
    OptionSpec::new("--key-password-env", "NAME", ValueType::VariableName)
        .sensitivity(Sensitivity::Password)
        .help("The same, in an environment variable of that name");

pub static KEY_PASSWORD_FD: OptionSpec =
    OptionSpec::new("--key-password-fd", "N", ValueType::Descriptor)
        .sensitivity(Sensitivity::Password)
        .help("The same, on an open file descriptor");

pub static PKCS8_PASSWORD: OptionSpec =
    OptionSpec::new("--pkcs8-password", "PASSWORD", ValueType::Password)
        .sensitivity(Sensitivity::Password)
        .help("The same, itself: every user of this machine can see it");

pub static STRICT_PERMISSIONS: OptionSpec = OptionSpec::switch("--strict-permissions")
    .help("Refuse a key file that others than its owner can read");

pub static CERT_SELECTOR: OptionSpec = OptionSpec::not_yet("--cert-selector", ValueType::Text);

pub static SYSTEM_STORE_NAME: OptionSpec =
    OptionSpec::not_yet("--system-store-name", ValueType::Text);

pub static USE_LATEST_EXPIRING_CERTIFICATE: OptionSpec =
    OptionSpec::not_yet("--use-latest-expiring-certificate", ValueType::Boolean);

pub static PKCS11_LIB: OptionSpec = OptionSpec::not_yet("--pkcs11-lib", ValueType::Text);

pub static REUSE_PIN: OptionSpec = OptionSpec::not_yet("--reuse-pin", ValueType::Boolean);

pub static TPM_KEY_PASSWORD: OptionSpec =
    OptionSpec::not_yet("--tpm-key-password", ValueType::Password)
        .sensitivity(Sensitivity::Password);

pub static NO_TPM_KEY_PASSWORD: OptionSpec =
    OptionSpec::not_yet("--no-tpm-key-password", ValueType::Boolean);

/// Systemd's directory of the credentials of a service.
pub static CREDENTIALS_DIRECTORY: OptionSpec =
    OptionSpec::of_variables(&["CREDENTIALS_DIRECTORY"], ValueType::SystemPath);
