//! The options of the certificate, the key and its password.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{Heading, OptionSpec, ValueType};
use roles_anywhere_client::text::disclosure::Sensitivity;

/// The certificate and its key.
pub static IDENTITY: &[&OptionSpec] = &[&CERTIFICATE, &PRIVATE_KEY];

/// How the key is opened.
pub static KEY_ACCESS: &[&OptionSpec] = &[
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
    .aliases(&["cert"])
    .under(Heading::Identity)
    .help("X.509 certificate")
    .details(
        "The X.509 certificate: PEM, DER or PKCS#12. The file may also contain the chain and the \
         private key.\n\n\
         SOURCE is a path, `-` (standard input), `fd:N` (an open file descriptor) or `env:NAME` (an \
         environment variable).",
    );

pub static PRIVATE_KEY: OptionSpec = OptionSpec::new("--private-key", "SOURCE", ValueType::Source)
    .sensitivity(Sensitivity::Sensitive)
    .described_default("the key in the file of `--certificate`")
    .under(Heading::Identity)
    .help("Private key of the certificate")
    .details(
        "The private key of the certificate: RSA, P-256, P-384, P-521 or ML-DSA, in PEM, DER or \
         PKCS#12. SOURCE is as for `--certificate`.",
    );

pub static KEY_PASSWORD_FILE: OptionSpec =
    OptionSpec::new("--key-password-file", "FILE", ValueType::File)
        .sensitivity(Sensitivity::Password)
        .under(Heading::Identity)
        .help("File with the password of the key")
        .details(
            "File with the password of an encrypted key or PKCS#12 file. Without any of the \
             password options, the systemd credential `roles-anywhere-key-password` is used, or \
             the password is requested on the terminal.",
        );

pub static KEY_PASSWORD_ENV: OptionSpec =
    OptionSpec::new("--key-password-env", "NAME", ValueType::VariableName)
        .sensitivity(Sensitivity::Password)
        .under(Heading::Identity)
        .help("Environment variable with the password")
        .details("Name of the environment variable that contains the password.");

pub static KEY_PASSWORD_FD: OptionSpec =
    OptionSpec::new("--key-password-fd", "N", ValueType::Descriptor)
        .sensitivity(Sensitivity::Password)
        .under(Heading::Identity)
        .help("File descriptor with the password")
        .details("Number of the open file descriptor from which the password is read.");

pub static PKCS8_PASSWORD: OptionSpec =
    OptionSpec::new("--pkcs8-password", "PASSWORD", ValueType::Password)
        .sensitivity(Sensitivity::Password)
        .under(Heading::Identity)
        .help("The password; other users can see it")
        .details(
            "The password itself. Every user of this machine can see it in the list of processes: \
             use one of the other password options if you can.",
        );

pub static STRICT_PERMISSIONS: OptionSpec = OptionSpec::switch("--strict-permissions")
    .under(Heading::Identity)
    .help("Refuse a key file that others can read")
    .details("Refuse a key file that users other than its owner can read.");

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
