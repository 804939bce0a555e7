//! `secret get`: which secret, and where it goes.

use std::path::PathBuf;

use super::session::Session;
use super::setting::{Setting, Settings};
use crate::aws::endpoint::Service;
use crate::aws::get_secret_value::{SecretId, SecretRequest};
use crate::cli::SecretGetArgs;
use crate::command::secret_get::{Destination, SecretGet, Selection, Stdout};
use crate::region::Region;
use crate::usage::UsageError;

/// Returns which secret is read, and where it goes.
pub(super) fn get(
    args: &SecretGetArgs,
    settings: &Settings<'_>,
    session: &Session,
    stdout: Stdout,
) -> Result<SecretGet, UsageError> {
    let secret = secret_id(&args.secret)?;
    let region = secret_region(&secret, settings, session)?;
    let given = own("--secrets-endpoint", &args.secrets_endpoint)?;
    let endpoint = session.endpoint_of(settings, Service::SecretsManager, given, &region)?;
    let destination = match own("--out", &args.out)? {
        // As everywhere: a file of that name is written `./-`.
        Some(path) if path.value == "-" => Destination::Stdout(stdout),
        Some(path) => Destination::File(PathBuf::from(path.value)),
        None => Destination::Stdout(stdout),
    };
    let value = |setting: Option<Setting>| setting.map(|setting| setting.value);
    Ok(SecretGet {
        request: SecretRequest {
            secret,
            version_id: value(own("--version-id", &args.version_id)?),
            version_stage: value(own("--version-stage", &args.version_stage)?),
            endpoint,
            region,
        },
        selection: selection(
            value(own("--output", &args.output)?).as_deref(),
            value(own("--key", &args.key)?),
        )?,
        destination,
    })
}

/// Takes an option that the official helper has not: an empty value, as an unset shell variable
/// leaves it, would hand out more than was asked for.
fn own(flag: &str, value: &Option<String>) -> Result<Option<Setting>, UsageError> {
    let Some(value) = value.clone() else { return Ok(None) };
    let setting = Setting { origin: flag.to_owned(), value };
    if setting.value.is_empty() {
        return Err(setting.refuse("a value"));
    }
    if setting.value.starts_with("--") {
        return Err(UsageError::FlagAsValue { origin: setting.origin, value: setting.value });
    }
    Ok(Some(setting))
}

fn secret_id(text: &str) -> Result<SecretId, UsageError> {
    if text.is_empty() {
        let setting = Setting { origin: "NAME|ARN".to_owned(), value: String::new() };
        return Err(setting.refuse("the name or the ARN of a secret"));
    }
    if !text.starts_with("arn:") {
        return Ok(SecretId::Name(text.to_owned()));
    }
    text.parse().map(SecretId::Arn).map_err(|source| UsageError::Arn {
        origin: "NAME|ARN".to_owned(),
        value: text.to_owned(),
        source,
    })
}

/// Returns where the secret is: by its ARN, `--region`, or with the trust anchor.
fn secret_region(
    secret: &SecretId,
    settings: &Settings<'_>,
    session: &Session,
) -> Result<Region, UsageError> {
    let asked = settings.region()?.map(|region| region.without_fips().unwrap_or(region));
    let region = match (secret, asked) {
        (SecretId::Arn(arn), Some(asked)) if *arn.region() != asked => {
            return Err(UsageError::Regions {
                first: "NAME|ARN",
                first_region: arn.region().to_string(),
                second: "--region",
                second_region: asked.to_string(),
                why: "the ARN says where the secret is; leave `--region` out",
            });
        }
        (SecretId::Arn(arn), _) => arn.region().clone(),
        (SecretId::Name(_), Some(asked)) => asked,
        (SecretId::Name(_), None) => session.request.region.clone(),
    };
    if region.partition() != session.request.role.partition() {
        let second = match secret {
            SecretId::Arn(_) => "NAME|ARN",
            SecretId::Name(_) => "--region",
        };
        return Err(UsageError::Partitions {
            first: "--role-arn",
            first_partition: session.request.role.partition().as_str(),
            second,
            second_partition: region.partition().as_str(),
        });
    }
    Ok(region)
}

fn selection(output: Option<&str>, key: Option<String>) -> Result<Selection, UsageError> {
    match (output, key) {
        (Some("json"), Some(_)) => Err(UsageError::Conflict {
            first: "--key".to_owned(),
            second: "--output json".to_owned(),
            why: "a member is printed as text; leave one of them out",
        }),
        (Some("json"), None) => Ok(Selection::Document),
        (None | Some("text"), Some(key)) => Ok(Selection::Member(key)),
        (None | Some("text"), None) => Ok(Selection::Value),
        (Some(other), _) => Err(UsageError::Value {
            origin: "--output".to_owned(),
            value: other.to_owned(),
            wanted: "`text` or `json`",
        }),
    }
}
