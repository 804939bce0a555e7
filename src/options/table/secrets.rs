//! The options of commands that read secrets.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::session::AWS_ENDPOINT_URL_SECRETS_MANAGER;
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
