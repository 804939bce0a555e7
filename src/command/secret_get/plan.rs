//! The options of `secret get`.

use crate::command::secret_get::SecretGet;
use crate::options::secret_output::{destination, selection};
use crate::options::services;
use crate::options::session::{self, SessionOptions};
use crate::options::settings::{Setting, Settings};
use crate::options::table::identity::CERTIFICATE;
use crate::options::table::secrets::{KEY, OUT, SECRETS_ENDPOINT};
use crate::options::table::session::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};
use crate::options::table::{Heading, OptionSpec, ValueType};
use crate::output::usage::UsageError;
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretRequest};

/// The options of `secret get` alone. Most have no variable: it would narrow or redirect the secret of
/// another command line. An empty value is refused: it may come from an unset shell variable, and the
/// secret would be printed whole.
pub(super) static SECRET_GET: &[&OptionSpec] =
    &[&SECRET, &VERSION_ID, &VERSION_STAGE, &KEY, &OUTPUT, &OUT, &SECRETS_ENDPOINT];

/// The options without which no secret is read.
pub(super) static REQUIRED: &[&OptionSpec] =
    &[&SECRET, &CERTIFICATE, &TRUST_ANCHOR_ARN, &PROFILE_ARN, &ROLE_ARN];

static SECRET: OptionSpec = OptionSpec::positional("secret", "NAME|ARN", ValueType::SecretId)
    .refuse_empty("the name or the ARN of a secret")
    .help("Name or ARN of the secret")
    .details(
        "Name or ARN of the secret, for example prod/db-credentials or \
         arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-credentials-AbCdEf",
    );

static VERSION_ID: OptionSpec = OptionSpec::new("--version-id", "ID", ValueType::Text)
    .without_variable()
    .refuse_empty("a value")
    .under(Heading::Secret)
    .help("Read the version with this id");

static VERSION_STAGE: OptionSpec = OptionSpec::new("--version-stage", "LABEL", ValueType::Text)
    .without_variable()
    .refuse_empty("a value")
    .described_default("AWSCURRENT")
    .under(Heading::Secret)
    .help("Read the version with this staging label");

static OUTPUT: OptionSpec = OptionSpec::new("--output", "FORMAT", ValueType::Text)
    .without_variable()
    .refuse_empty("`text` or `json`")
    .default_value("text")
    .under(Heading::Output)
    .choices(&[
        ("text", "The value only"),
        ("json", "All of the response, as the AWS CLI prints it"),
    ])
    .help("Format: text or json")
    .details("What to print.");

/// Returns the secret to read and its destination.
pub(super) fn get(
    settings: &Settings<'_>,
    session: &SessionOptions,
) -> Result<SecretGet, UsageError> {
    let secret = secret_id(settings)?;
    let of_arn = match &secret {
        SecretId::Arn(arn) => Some(arn.region()),
        SecretId::Name(_) => None,
    };
    let region = services::region((&SECRET, of_arn), settings, session)?;
    let at = services::secrets_manager(settings, session, region)?;
    let value = |setting: Option<Setting<'_>>| setting.map(|setting| setting.value.to_owned());
    Ok(SecretGet {
        request: SecretRequest {
            secret,
            version_id: value(settings.text(&VERSION_ID)?),
            version_stage: value(settings.text(&VERSION_STAGE)?),
        },
        at,
        selection: selection(settings, &OUTPUT)?,
        destination: destination(settings)?,
    })
}

fn secret_id(settings: &Settings<'_>) -> Result<SecretId, UsageError> {
    let setting = settings.flag(&SECRET)?.ok_or_else(|| settings.missing(&[&SECRET]))?;
    match setting.value {
        arn if arn.starts_with("arn:") => session::arn(setting).map(SecretId::Arn),
        name => Ok(SecretId::Name(name.to_owned())),
    }
}
