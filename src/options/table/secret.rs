//! The options of `secret get`.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{OptionSpec, ValueType};
use roles_anywhere_client::text::disclosure::Sensitivity;

/// The options of `secret get` alone. Most have no variable: it would narrow or redirect the secret of
/// another command line.
pub static SECRET_GET: [&OptionSpec; 7] =
    [&SECRET, &VERSION_ID, &VERSION_STAGE, &KEY, &OUTPUT, &OUT, &SECRETS_ENDPOINT];

pub static SECRET: OptionSpec = OptionSpec::positional("secret", "NAME|ARN", ValueType::SecretId)
    .help("The secret's name, or its ARN");

pub static VERSION_ID: OptionSpec = OptionSpec::new("--version-id", "ID", ValueType::Text)
    .without_variable()
    .help("A version by its id");

pub static VERSION_STAGE: OptionSpec = OptionSpec::new("--version-stage", "LABEL", ValueType::Text)
    .without_variable()
    .described_default("AWSCURRENT")
    .help("A version by its staging label");

pub static KEY: OptionSpec = OptionSpec::new("--key", "JSON-KEY", ValueType::Text)
    .without_variable()
    .help("One member of a secret that is a JSON object");

pub static OUTPUT: OptionSpec = OptionSpec::new("--output", "FORMAT", ValueType::Text)
    .without_variable()
    .default_value("text")
    .help("`text`: the value alone; `json`: all that the AWS CLI shows");

pub static OUT: OptionSpec = OptionSpec::new("--out", "FILE", ValueType::File)
    .without_variable()
    .help("Write to a file of mode 0600, whole or not at all, instead of standard output");

pub static SECRETS_ENDPOINT: OptionSpec =
    OptionSpec::new("--secrets-endpoint", "URL", ValueType::Url)
        .sensitivity(Sensitivity::Sensitive)
        .described_default("by Region; also AWS_ENDPOINT_URL_SECRETS_MANAGER")
        .help("Where Secrets Manager is");

/// The endpoint that the AWS SDKs are given.
pub static AWS_ENDPOINT_URL_SECRETS_MANAGER: OptionSpec = OptionSpec::of_variables(
    &["AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"],
    ValueType::Url,
)
.sensitivity(Sensitivity::Sensitive);
