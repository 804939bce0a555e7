//! The options of `secret get`.

use super::session::{SessionOptions, arn};
use super::setting::{Setting, Settings};
use crate::command::secret_get::{SecretDestination, SecretGet, SecretSelection};
use crate::options::SecretGetArgs;
use crate::output::Stdout;
use crate::output::usage::UsageError;
use roles_anywhere_client::aws::endpoint::Service;
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretRequest};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::text::path;

/// Returns the plan of `secret get`.
pub(super) fn get(
    args: &SecretGetArgs,
    settings: &Settings<'_>,
    session: &SessionOptions,
    stdout: Stdout,
) -> Result<SecretGet, UsageError> {
    let secret = secret_id(&args.secret, settings)?;
    let region = secret_region(&secret, settings, session)?;
    let given = own(settings, "--secrets-endpoint", &args.secrets_endpoint)?;
    let endpoint = session.endpoint_of(settings, Service::SecretsManager, given, &region)?;
    let destination = match own(settings, "--out", &args.out)? {
        // As everywhere: a file of that name is written `./-`.
        Some(path) if path.value == "-" => SecretDestination::Stdout(stdout),
        Some(path) => SecretDestination::File(path::path(&path.creatable_file()?.value)),
        None => SecretDestination::Stdout(stdout),
    };
    let value = |setting: Option<Setting<'_>>| setting.map(|setting| setting.value);
    Ok(SecretGet {
        request: SecretRequest {
            secret,
            version_id: value(own(settings, "--version-id", &args.version_id)?),
            version_stage: value(own(settings, "--version-stage", &args.version_stage)?),
            endpoint,
            region,
        },
        selection: selection(
            own(settings, "--output", &args.output)?,
            value(own(settings, "--key", &args.key)?),
        )?,
        destination,
    })
}

/// Returns an option that the official helper does not have. An empty value is refused: it may come
/// from an unset shell variable, and the secret would be printed whole.
fn own<'a>(
    settings: &Settings<'a>,
    flag: &str,
    value: &Option<String>,
) -> Result<Option<Setting<'a>>, UsageError> {
    let Some(value) = value else { return Ok(None) };
    let setting = settings.setting(flag, value)?;
    if setting.value.is_empty() {
        return Err(setting.refuse("a value"));
    }
    setting.unless_flag().map(Some)
}

fn secret_id(text: &str, settings: &Settings<'_>) -> Result<SecretId, UsageError> {
    let setting = settings.setting("NAME|ARN", text)?;
    if text.is_empty() {
        return Err(setting.refuse("the name or the ARN of a secret"));
    }
    match text.starts_with("arn:") {
        true => arn(setting).map(SecretId::Arn),
        false => Ok(SecretId::Name(text.to_owned())),
    }
}

/// Returns the Region of the secret: that of its ARN, `--region`, or that of the trust anchor.
fn secret_region(
    secret: &SecretId,
    settings: &Settings<'_>,
    session: &SessionOptions,
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

fn selection(
    output: Option<Setting<'_>>,
    key: Option<String>,
) -> Result<SecretSelection, UsageError> {
    if let Some(setting) = output.as_ref().filter(|s| !["text", "json"].contains(&&*s.value)) {
        return Err(setting.clone().refuse("`text` or `json`"));
    }
    match (output.is_some_and(|setting| setting.value == "json"), key) {
        (true, Some(_)) => Err(UsageError::Conflict {
            first: "--key".to_owned(),
            second: "--output json".to_owned(),
            why: "a member is printed as text; leave one of them out",
        }),
        (true, None) => Ok(SecretSelection::Document),
        (false, Some(key)) => Ok(SecretSelection::Member(key)),
        (false, None) => Ok(SecretSelection::Value),
    }
}
