//! The options of commands that read secrets and parameters.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::session::{AWS_ENDPOINT_URL_SECRETS_MANAGER, AWS_ENDPOINT_URL_SSM};
use super::{Heading, OptionSpec, ValueType};
use roles_anywhere_client::text::disclosure::Sensitivity;

pub static SECRETS_ENDPOINT: OptionSpec =
    OptionSpec::new("--secrets-endpoint", "URL", ValueType::Url)
        .sensitivity(Sensitivity::Sensitive)
        .refuse_empty("a URL")
        .described_default("the public endpoint in the Region")
        .fallbacks(&[&AWS_ENDPOINT_URL_SECRETS_MANAGER])
        .under(Heading::Secret)
        .help("Endpoint of Secrets Manager")
        .details(
            "Endpoint of Secrets Manager, for example of a VPC endpoint: `https://HOST[:PORT]`.",
        );

pub static PARAMETERS_ENDPOINT: OptionSpec =
    OptionSpec::new("--parameters-endpoint", "URL", ValueType::Url)
        .sensitivity(Sensitivity::Sensitive)
        .refuse_empty("a URL")
        .described_default("the public endpoint in the Region")
        .fallbacks(&[&AWS_ENDPOINT_URL_SSM])
        .under(Heading::Parameter)
        .help("Endpoint of Systems Manager")
        .details(
            "Endpoint of Systems Manager, which has the Parameter Store, for example of a VPC \
             endpoint: `https://HOST[:PORT]`.",
        );

pub static OUT: OptionSpec = OptionSpec::new("--out", "FILE", ValueType::File)
    .without_variable()
    .refuse_empty("the path of a file")
    .under(Heading::Output)
    .help("Write to a file instead of standard output")
    .details(
        "Write to this file instead of standard output. The file is created with mode 0600, or \
         replaced as a whole.",
    );

pub static NO_DECRYPT: OptionSpec = OptionSpec::switch("--no-decrypt")
    .without_variable()
    .under(Heading::Parameter)
    .help("Print SecureStrings as ciphertext");

pub static KEY: OptionSpec = OptionSpec::new("--key", "JSON-KEY", ValueType::Text)
    .without_variable()
    .refuse_empty("a value")
    .under(Heading::Output)
    .help("Print one member of a JSON value")
    .details("Print only this member of a value that is a JSON object.");

pub static REFERENCE: OptionSpec = OptionSpec::positional("reference", "REF", ValueType::Text)
    .repeated()
    .refuse_empty("a reference")
    .help("References to secrets and parameters")
    .details(
        "References: `sm://NAME-OR-ARN[#KEY][?OPTIONS]`, `ssm://NAME-OR-ARN[#KEY][?OPTIONS]`, \
         `{{resolve:SERVICE:NAME}}` of CloudFormation, or an ARN as `valueFrom` of ECS takes it. KEY is a member of a \
         JSON value, `*` all of them. Options are joined by `&`: stage, version, label, region, role, \
         optional, default.",
    );
