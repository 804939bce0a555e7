//! Reading values: GetSecretValue and BatchGetSecretValue.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::access;
use super::filter::Filters;
use super::input::SecretInput;
use super::list::listed;
use super::store::{Secret, SecretId, StoreError};
use super::versions::Material;
use crate::account::Resources;
use crate::date::epoch;
use crate::json_call::JsonCall;
use crate::kms::KeyFailure;
use crate::refusal::Refusal;

/// The most secrets of one BatchGetSecretValue.
const MOST_VALUES: usize = 20;

pub(super) fn get_secret_value(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let id = SecretId { id: input.secret_id()?, location: &call.location };
    let version = VersionChoice { id: input.version_id()?, stage: input.version_stage()? };
    read(resources, call, id, version)
}

/// Reads AWSCURRENT of several secrets. What cannot be read is listed beside the values, and the
/// values are in the order of their names: AWS promises none.
pub(super) fn batch_get_secret_value(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    call.check_service(resources, "secretsmanager:BatchGetSecretValue")?;
    let ids = input.members().texts("SecretIdList", 1..=MOST_VALUES, 1..=2048)?;
    let filters = Filters::parse(input)?;
    let (ids, next): (Vec<String>, _) = match (ids, filters) {
        (Some(ids), None) => {
            if input.members().number("MaxResults", 1..=MOST_VALUES as u64)?.is_some() {
                let message = "'Filters' not specified. 'Filters' must also be specified when \
                               'MaxResults' is provided.";
                return Err(invalid_parameter(message));
            }
            (ids.into_iter().map(str::to_owned).collect(), None)
        }
        (None, Some(filters)) => {
            call.check_service(resources, "secretsmanager:ListSecrets")?;
            let secrets = listed(&resources.secrets, &call.location);
            let secrets: Vec<_> = secrets.filter(|secret| secret.deletion.is_none()).collect();
            let (page, next) = input.page(MOST_VALUES)?.of(&secrets);
            let matching = page.iter().filter(|secret| filters.match_secret(secret));
            (matching.map(|secret| secret.arn.to_string()).collect(), next)
        }
        _ => {
            let message = "Either 'SecretIdList' or 'Filters' must be provided, but not both.";
            return Err(invalid_parameter(message));
        }
    };
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for id in &ids {
        let of_list = SecretId { id, location: &call.location };
        match read(resources, call, of_list, VersionChoice::default()) {
            Ok(value) => values.push(value),
            Err(refusal) => errors.push(json!({
                "SecretId": id,
                "ErrorCode": refusal.code,
                "Message": refusal.message,
            })),
        }
    }
    values.sort_by(|one, other| one["Name"].as_str().cmp(&other["Name"].as_str()));
    let mut body = json!({ "SecretValues": values, "Errors": errors });
    if let Some(next) = next {
        body["NextToken"] = json!(next);
    }
    Ok(body)
}

/// Reads a secret for Parameter Store, by a staging label or the id of a version.
pub(crate) fn read_as_parameter(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    id: &str,
    version: Option<&str>,
) -> Result<Value, Refusal> {
    let id = SecretId { id, location: &call.location };
    let known = resources.secrets.find(id);
    let is_id = |version: &&str| {
        known.is_ok_and(|secret| secret.versions.iter().any(|known| known.id == *version))
    };
    let choice = match version {
        Some(version) if is_id(&version) => VersionChoice { id: Some(version), stage: None },
        stage => VersionChoice { id: None, stage },
    };
    read(resources, call, id, choice)
}

/// Which version is asked for.
#[derive(Debug, Clone, Copy, Default)]
struct VersionChoice<'a> {
    id: Option<&'a str>,
    stage: Option<&'a str>,
}

/// Reads a secret as GetSecretValue does.
fn read(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    id: SecretId<'_>,
    version: VersionChoice<'_>,
) -> Result<Value, Refusal> {
    let context = call
        .context()
        .with_all("secretsmanager:VersionId", version.id)
        .with_all("secretsmanager:VersionStage", version.stage);
    access::check(resources, call, "secretsmanager:GetSecretValue", id, context)?;
    let secret = resources.secrets.find(id)?;
    if secret.deletion.is_some() {
        return Err(StoreError::Deleted.into());
    }
    access::check_key(resources, call, "kms:Decrypt", secret)?;
    if secret.failure == Some(KeyFailure::BrokenKey) {
        let message = "Secrets Manager can't decrypt the protected secret text using the provided \
                       KMS key.";
        return Err(Refusal::new(400, "DecryptionFailure", message, "decryption"));
    }
    let body = value(secret, version)?;
    if let Ok(secret) = resources.secrets.find_mut(id) {
        secret.accessed = Some(midnight(call.now));
    }
    Ok(body)
}

fn value(secret: &Secret, choice: VersionChoice<'_>) -> Result<Value, Refusal> {
    let version = secret.version(choice.id, choice.stage)?;
    let mut body = json!({
        "ARN": secret.arn.as_str(),
        "Name": secret.name,
        "VersionId": version.id,
        "VersionStages": version.stages,
        "CreatedDate": epoch(version.created),
    });
    match &version.material {
        Some(Material::Text(text)) => body["SecretString"] = json!(text),
        Some(Material::Binary(bytes)) => body["SecretBinary"] = json!(STANDARD.encode(bytes)),
        None => {}
    }
    Ok(body)
}

/// The date of the last access has no time of day.
fn midnight(now: OffsetDateTime) -> OffsetDateTime {
    now.replace_time(time::Time::MIDNIGHT)
}

fn invalid_parameter(message: &str) -> Refusal {
    Refusal::new(400, "InvalidParameterException", message, "parameter")
}
