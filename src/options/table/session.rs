//! The options of a session.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{OptionSpec, ValueType};
use roles_anywhere_client::text::disclosure::Sensitivity;

/// The options of a session, beside those of its identity and of the network.
pub static SESSION: &[&OptionSpec] = &[
    &INTERMEDIATES,
    &TRUST_ANCHOR_ARN,
    &PROFILE_ARN,
    &ROLE_ARN,
    &ROLE_SESSION_NAME,
    &SESSION_DURATION,
    &REGION,
    &ENDPOINT,
];

pub static INTERMEDIATES: OptionSpec =
    OptionSpec::new("--intermediates", "SOURCE", ValueType::Source)
        .sensitivity(Sensitivity::Sensitive)
        .help("CA certificates between the certificate and the trust anchor: PEM, DER or PKCS#7, in any order");

pub static TRUST_ANCHOR_ARN: OptionSpec =
    OptionSpec::new("--trust-anchor-arn", "ARN", ValueType::Arn).help("The trust anchor");

pub static PROFILE_ARN: OptionSpec =
    OptionSpec::new("--profile-arn", "ARN", ValueType::Arn).help("The profile");

pub static ROLE_ARN: OptionSpec =
    OptionSpec::new("--role-arn", "ARN", ValueType::Arn).help("The role to assume");

pub static ROLE_SESSION_NAME: OptionSpec =
    OptionSpec::new("--role-session-name", "NAME", ValueType::Text)
        .described_default("the serial number")
        .help("The name of the session, where the profile accepts one");

pub static SESSION_DURATION: OptionSpec =
    OptionSpec::new("--session-duration", "SECONDS", ValueType::Text)
        .default_value("3600")
        .help("How long the session lives: seconds, 900 to 43200, or `profile`");

pub static REGION: OptionSpec = OptionSpec::new("--region", "REGION", ValueType::Text)
    .described_default("the trust anchor's; for a secret, that of its ARN first")
    .help("The Region");

pub static ENDPOINT: OptionSpec = OptionSpec::new("--endpoint", "URL", ValueType::Url)
    .sensitivity(Sensitivity::Sensitive)
    .described_default("by Region; also AWS_ENDPOINT_URL_ROLESANYWHERE")
    .help("Where IAM Roles Anywhere is");

/// The endpoint that the AWS SDKs are given.
pub static AWS_ENDPOINT_URL_ROLESANYWHERE: OptionSpec = OptionSpec::of_variables(
    &["AWS_ENDPOINT_URL_ROLESANYWHERE", "AWS_ENDPOINT_URL"],
    ValueType::Url,
)
.sensitivity(Sensitivity::Sensitive);

/// Whether the AWS SDKs ignore the variables of endpoints.
pub static AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: OptionSpec =
    OptionSpec::of_variables(&["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"], ValueType::Boolean);

/// The endpoint of Secrets Manager that the AWS SDKs are given.
pub static AWS_ENDPOINT_URL_SECRETS_MANAGER: OptionSpec = OptionSpec::of_variables(
    &["AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"],
    ValueType::Url,
)
.sensitivity(Sensitivity::Sensitive);
