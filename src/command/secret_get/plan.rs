//! The options of `secret get`.

use crate::command::secret_get::{SecretGet, SecretOutput};
use crate::options::secret_output::{destination, selection};
use crate::options::services;
use crate::options::session::{self, SessionOptions};
use crate::options::settings::{Setting, Settings};
use crate::options::table::secrets::{KEY, OUT, SECRETS_ENDPOINT};
use crate::options::table::session::required_with;
use crate::options::table::{Heading, OptionSpec, Origin, ValueType};
use crate::output::usage::{NamedValue, UsageError};
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretRequest};
use roles_anywhere_client::region::Region;

/// The options of `secret get` alone. Most have no variable: it would narrow or redirect the secret of
/// another command line. An empty value is refused: it may come from an unset shell variable, and the
/// secret would be printed whole.
pub(super) static SECRET_GET: &[&OptionSpec] =
    &[&SECRET, &VERSION_ID, &VERSION_STAGE, &KEY, &OUTPUT, &OUT, &SECRETS_ENDPOINT];

/// The options without which no secret is read.
pub(super) const REQUIRED: &[&OptionSpec] = &required_with(&SECRET);

static SECRET: OptionSpec = OptionSpec::positional("secret", "NAME|ARN", ValueType::SecretId)
    .repeated()
    .refuse_empty("the name or the ARN of a secret")
    .help("Name or ARN of the secret, or of several")
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
    .refuse_empty("`text`, `json` or `dotenv`")
    .default_value("text")
    .under(Heading::Output)
    .choices(&[
        ("text", "The value only"),
        ("json", "All of the response, as the AWS CLI prints it; an array of several"),
        ("dotenv", "The members of JSON secrets, for a `.env` file"),
    ])
    .help("Format: text, json or dotenv")
    .details(
        "What to print. A variable of `dotenv` is named by its member, in upper case and with `_` for other \
         characters.",
    );

/// Returns Secrets Manager, the secrets to read and their destination.
pub(super) fn get(
    settings: &Settings<'_>,
    session: &SessionOptions,
) -> Result<(RegionalEndpoint, SecretGet), UsageError> {
    let secrets = secret_ids(settings)?;
    let region = region(settings, session, &secrets)?;
    let (id, stage) = (settings.text(&VERSION_ID)?, settings.text(&VERSION_STAGE)?);
    let output = output(settings, secrets.len())?;
    if secrets.len() > 1 && id.is_some() {
        let why = "pass one secret: each has versions of its own";
        return Err(several_with(Origin::Flag(&VERSION_ID).into(), why));
    }
    let value = |setting: &Option<Setting<'_>>| setting.as_ref().map(|it| it.value.to_owned());
    let request =
        |secret| SecretRequest { secret, version_id: value(&id), version_stage: value(&stage) };
    let at = services::secrets_manager(settings, session, region)?;
    let get = SecretGet {
        requests: secrets.into_iter().map(request).collect(),
        output,
        destination: destination(settings)?,
    };
    Ok((at, get))
}

/// Returns the secrets, each once, in their order.
fn secret_ids(settings: &Settings<'_>) -> Result<Vec<SecretId>, UsageError> {
    let mut ids = Vec::new();
    for setting in settings.all(&SECRET)? {
        let id: SecretId = session::arn(setting)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    match ids.is_empty() {
        true => Err(settings.missing(&[&SECRET])),
        false => Ok(ids),
    }
}

/// Returns the Region of all secrets.
fn region(
    settings: &Settings<'_>,
    session: &SessionOptions,
    secrets: &[SecretId],
) -> Result<Region, UsageError> {
    let mut regions = secrets
        .iter()
        .map(|secret| services::region((&SECRET, secret.region()), settings, session));
    let first = regions.next().transpose()?.unwrap_or_else(|| session.request.region.clone());
    for region in regions {
        let region = region?;
        if region != first {
            return Err(UsageError::Regions {
                first: settings.origin(&SECRET),
                first_region: first.to_string().into(),
                second: settings.origin(&SECRET),
                second_region: region.to_string().into(),
                why: "read the secrets of each Region with a command of its own",
            });
        }
    }
    Ok(first)
}

/// Returns what to output of a number of secrets.
fn output(settings: &Settings<'_>, secrets: usize) -> Result<SecretOutput, UsageError> {
    let output = settings.required(&OUTPUT)?;
    let key = settings.text(&KEY)?;
    match (output.value, secrets) {
        ("dotenv", _) => match key {
            None => Ok(SecretOutput::Variables),
            Some(_) => Err(UsageError::Conflict {
                first: Origin::Flag(&KEY).into(),
                second: NamedValue::new(output.origin, "dotenv"),
                why: "remove one of them: `--output dotenv` prints all members",
            }),
        },
        ("json", 2..) if key.is_none() => Ok(SecretOutput::Array),
        ("text", 2..) if key.is_none() => Err(several_with(
            NamedValue::new(Origin::Flag(&OUTPUT), "text"),
            "pass `--output json` or `--output dotenv` for several secrets",
        )),
        ("text" | "json", 2..) => {
            let why = "pass one secret: `--key` prints one member";
            Err(several_with(Origin::Flag(&KEY).into(), why))
        }
        ("text" | "json", _) => Ok(SecretOutput::Part(selection(settings, &OUTPUT)?)),
        _ => Err(output.refuse("`text`, `json` or `dotenv`")),
    }
}

fn several_with(option: NamedValue, why: &'static str) -> UsageError {
    UsageError::Conflict { first: option, second: Origin::Flag(&SECRET).into(), why }
}
