//! The options of a session.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::identity::CERTIFICATE;
use super::{Heading, OptionSpec, ValueType};
use roles_anywhere_client::text::disclosure::Sensitivity;

/// The options of a session, beside those of its identity and of the network.
pub static SESSION: &[&OptionSpec] = &[
    &TRUST_ANCHOR_ARN,
    &PROFILE_ARN,
    &ROLE_ARN,
    &ROLE_SESSION_NAME,
    &SESSION_DURATION,
    &REGION,
    &ENDPOINT,
];

/// The options of one more role, which is assumed with the session.
pub static ASSUME: &[&OptionSpec] = &[&ASSUME_ROLE_ARN, &EXTERNAL_ID];

/// The option of the chain, which is of an identity that makes sessions.
pub static CHAIN: &[&OptionSpec] = &[&INTERMEDIATES];

/// The options without which there is no session.
pub static REQUIRED: &[&OptionSpec] = &[&CERTIFICATE, &TRUST_ANCHOR_ARN, &PROFILE_ARN, &ROLE_ARN];

/// Returns the options without which a command does nothing that requires `own` and a session.
pub const fn required_with(own: &'static OptionSpec) -> [&'static OptionSpec; 5] {
    [own, &CERTIFICATE, &TRUST_ANCHOR_ARN, &PROFILE_ARN, &ROLE_ARN]
}

pub static INTERMEDIATES: OptionSpec =
    OptionSpec::new("--intermediates", "SOURCE", ValueType::Source)
        .sensitivity(Sensitivity::Sensitive)
        .under(Heading::Identity)
        .help("CA certificates up to the trust anchor")
        .details(
            "The CA certificates between the certificate and the trust anchor: PEM, DER or PKCS#7, \
             in any order. Those on the path from the certificate are sent, at most five. SOURCE \
             is as for `--certificate`.",
        );

pub static TRUST_ANCHOR_ARN: OptionSpec =
    OptionSpec::new("--trust-anchor-arn", "ARN", ValueType::Arn)
        .under(Heading::Session)
        .help("ARN of the trust anchor")
        .details(
            "ARN of the trust anchor, for example \
             arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a1b2c3d4-5678-90ab-cdef-111111111111",
        );

pub static PROFILE_ARN: OptionSpec = OptionSpec::new("--profile-arn", "ARN", ValueType::Arn)
    .under(Heading::Session)
    .help("ARN of the Roles Anywhere profile")
    .details(
        "ARN of the Roles Anywhere profile, for example \
         arn:aws:rolesanywhere:eu-central-1:123456789012:profile/a1b2c3d4-5678-90ab-cdef-222222222222",
    );

pub static ROLE_ARN: OptionSpec = OptionSpec::new("--role-arn", "ARN", ValueType::Arn)
    .under(Heading::Session)
    .help("ARN of the role to assume")
    .details("ARN of the role to assume, for example arn:aws:iam::123456789012:role/Workload");

pub static ROLE_SESSION_NAME: OptionSpec =
    OptionSpec::new("--role-session-name", "NAME", ValueType::Text)
        .described_default("the serial number of the certificate")
        .under(Heading::Session)
        .help("Name of the session")
        .details(
            "Name of the session: 2 to 64 letters, digits and `_+=,.@-`. The profile must accept \
             custom role session names.",
        );

pub static SESSION_DURATION: OptionSpec =
    OptionSpec::new("--session-duration", "SECONDS", ValueType::Text)
        .default_value("3600")
        .aliases(&["duration"])
        .under(Heading::Session)
        .help("Lifetime of the session")
        .details(
            "Lifetime of the session in seconds, 900 to 43200, or `profile` for the duration that \
             the profile sets. The profile and the role may allow less.",
        );

pub static ASSUME_ROLE_ARN: OptionSpec =
    OptionSpec::new("--assume-role-arn", "ARN", ValueType::Arn)
        .under(Heading::Session)
        .help("ARN of a further role to assume, with STS")
        .details(
            "ARN of a role, of this or another account, to assume with the session, for example \
             arn:aws:iam::210987654321:role/Reader. Its trust policy must allow sts:AssumeRole and \
             sts:SetSourceIdentity. The credentials are those of this role, for an hour, and are \
             renewed like others.",
        );

pub static EXTERNAL_ID: OptionSpec = OptionSpec::new("--external-id", "ID", ValueType::Text)
    .sensitivity(Sensitivity::Sensitive)
    .under(Heading::Session)
    .help("External ID for `--assume-role-arn`")
    .details(
        "External ID that the trust policy of the role of `--assume-role-arn` requires: 2 to 1224 \
         letters, digits and `_+=,.@:/-`.",
    );

pub static REGION: OptionSpec = OptionSpec::new("--region", "REGION", ValueType::Text)
    .described_default("the Region of the trust anchor")
    .under(Heading::Session)
    .help("AWS Region")
    .details(
        "The AWS Region, for example eu-central-1. `secret`, `parameter`, `resolve`, `render` and \
         `--from-secret` read secrets and parameters in this Region; an ARN has its own, and so has \
         a reference with `?region=`. Otherwise, it must be the Region of the trust anchor.",
    );

pub static ENDPOINT: OptionSpec = OptionSpec::new("--endpoint", "URL", ValueType::Url)
    .sensitivity(Sensitivity::Sensitive)
    .described_default("the public endpoint in the Region")
    .fallbacks(&[&AWS_ENDPOINT_URL_ROLESANYWHERE])
    .under(Heading::Network)
    .help("Endpoint of IAM Roles Anywhere")
    .details(
        "Endpoint of IAM Roles Anywhere, for example of a VPC endpoint: `https://HOST[:PORT]`.",
    );

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

/// The endpoint of Systems Manager that the AWS SDKs are given.
pub static AWS_ENDPOINT_URL_SSM: OptionSpec =
    OptionSpec::of_variables(&["AWS_ENDPOINT_URL_SSM", "AWS_ENDPOINT_URL"], ValueType::Url)
        .sensitivity(Sensitivity::Sensitive);

/// The endpoint of IAM that the AWS SDKs are given.
pub static AWS_ENDPOINT_URL_IAM: OptionSpec =
    OptionSpec::of_variables(&["AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL"], ValueType::Url)
        .sensitivity(Sensitivity::Sensitive);

/// The endpoint of STS that the AWS SDKs are given.
pub static AWS_ENDPOINT_URL_STS: OptionSpec =
    OptionSpec::of_variables(&["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"], ValueType::Url)
        .sensitivity(Sensitivity::Sensitive);
