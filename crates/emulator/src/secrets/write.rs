//! Writing values: CreateSecret and PutSecretValue.

use serde_json::{Value, json};

use super::access;
use super::input::SecretInput;
use super::store::{Secret, SecretId, Version};
use crate::account::Resources;
use crate::json_call::JsonCall;
use crate::refusal::Refusal;

pub(super) fn create_secret(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let name = input.name()?;
    access::check_create(resources, call, input, name)?;
    let version = match input.material()? {
        Some(material) => Some(Version::new(input.client_request_token()?, material, call.now)),
        None => None,
    };
    let version_id = version.as_ref().map(|version| version.id.clone());
    let mut secret = Secret::new(&call.location, name, call.now);
    secret.description = input.description()?.map(str::to_owned);
    let secret = resources.secrets.create(secret, version)?;
    let mut body = json!({ "ARN": secret.arn.as_str(), "Name": secret.name });
    if let Some(version_id) = version_id {
        body["VersionId"] = json!(version_id);
    }
    Ok(body)
}

pub(super) fn put_secret_value(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let id = SecretId { id: input.secret_id()?, location: &call.location };
    let context = call.context();
    access::check(resources, call, "secretsmanager:PutSecretValue", id, context)?;
    let material = input.material()?.ok_or_else(|| {
        let message = "You must provide either SecretString or SecretBinary.";
        Refusal::new(400, "InvalidRequestException", message, "no-value")
    })?;
    let version = Version::new(input.client_request_token()?, material, call.now);
    let version_id = version.id.clone();
    let stages = input.version_stages()?;
    let secret = resources.secrets.find_mut(id)?;
    let stages = secret.put(version, &stages)?;
    Ok(json!({
        "ARN": secret.arn.as_str(),
        "Name": secret.name,
        "VersionId": version_id,
        "VersionStages": stages,
    }))
}
