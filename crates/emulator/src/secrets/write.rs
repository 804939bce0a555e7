//! Writing values: CreateSecret, PutSecretValue, UpdateSecret, UpdateSecretVersionStage and
//! CancelRotateSecret.

use serde_json::{Value, json};

use super::access;
use super::input::SecretInput;
use super::store::{Secret, SecretId, StoreError};
use super::versions::{StageMove, Version};
use crate::account::Resources;
use crate::json_call::JsonCall;
use crate::kms::KeyFailure;
use crate::refusal::Refusal;

pub(super) fn create_secret(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let name = input.name()?;
    let mut secret = Secret::new(&call.location, name, call.now);
    secret.description = input.description()?.map(str::to_owned);
    secret.kms_key_id = input.kms_key_id()?.map(str::to_owned);
    secret.tags = input.tags()?.unwrap_or_default();
    access::check_create(resources, call, &secret)?;
    let version = match input.material()? {
        Some(material) => Some(Version::new(input.client_request_token()?, material, call.now)),
        None => None,
    };
    if version.is_some() {
        access::check_key(resources, call, "kms:GenerateDataKey", &secret)?;
    }
    let version_id = version.as_ref().map(|version| version.id.clone());
    let secret = resources.secrets.create(secret, version)?;
    Ok(answer(secret, version_id))
}

pub(super) fn put_secret_value(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let id = SecretId { id: input.secret_id()?, location: &call.location };
    access::check(resources, call, "secretsmanager:PutSecretValue", id, call.context())?;
    let material = input.material()?.ok_or_else(|| {
        let message = "You must provide either SecretString or SecretBinary.";
        Refusal::new(400, "InvalidRequestException", message, "no-value")
    })?;
    let version = Version::new(input.client_request_token()?, material, call.now);
    let version_id = version.id.clone();
    let stages = input.version_stages()?;
    check_encryption(resources, call, id)?;
    let secret = resources.secrets.find_mut(id)?;
    let stages = secret.put(version, &stages)?;
    let mut body = answer(secret, Some(version_id));
    body["VersionStages"] = json!(stages);
    Ok(body)
}

/// Changes what is known of a secret, and its value if there is one. A request token that a version
/// has is refused, while PutSecretValue takes it for the same request again.
pub(super) fn update_secret(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let id = SecretId { id: input.secret_id()?, location: &call.location };
    let (description, kms_key_id) = (input.description()?, input.kms_key_id()?);
    let context = call
        .context()
        .with_all("secretsmanager:Description", description)
        .with_all("secretsmanager:KmsKeyId", kms_key_id);
    access::check(resources, call, "secretsmanager:UpdateSecret", id, context)?;
    let version = match input.material()? {
        Some(material) => Some(Version::new(input.client_request_token()?, material, call.now)),
        None => None,
    };
    if version.is_some() {
        check_encryption(resources, call, id)?;
    }
    let version_id = version.as_ref().map(|version| version.id.clone());
    let secret = resources.secrets.find_mut(id)?;
    secret.check_writable()?;
    if let Some(version) = version {
        secret.update(version)?;
    }
    if let Some(description) = description {
        secret.description = Some(description.to_owned());
    }
    if let Some(kms_key_id) = kms_key_id {
        secret.kms_key_id = Some(kms_key_id.to_owned());
    }
    secret.changed = call.now;
    Ok(answer(secret, version_id))
}

pub(super) fn update_secret_version_stage(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let id = SecretId { id: input.secret_id()?, location: &call.location };
    let members = input.members();
    let change = StageMove {
        stage: members.required_text("VersionStage", 1..=256)?,
        remove_from: members.text("RemoveFromVersionId", 32..=64)?,
        move_to: members.text("MoveToVersionId", 32..=64)?,
    };
    let context = call.context().with("secretsmanager:VersionStage", change.stage);
    access::check(resources, call, "secretsmanager:UpdateSecretVersionStage", id, context)?;
    let secret = resources.secrets.find_mut(id)?;
    secret.move_stage(change, call.now)?;
    Ok(answer(secret, None))
}

/// Turns rotation off. The version of a rotation that is not finished keeps AWSPENDING.
pub(super) fn cancel_rotate_secret(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let id = SecretId { id: input.secret_id()?, location: &call.location };
    access::check(resources, call, "secretsmanager:CancelRotateSecret", id, call.context())?;
    let secret = resources.secrets.find_mut(id)?;
    secret.check_writable()?;
    let rotation = secret.rotation.as_mut().ok_or(StoreError::NoRotation)?;
    rotation.enabled = false;
    secret.changed = call.now;
    let unfinished = secret.unfinished_version().map(str::to_owned);
    Ok(answer(secret, unfinished))
}

/// Refuses a new value that cannot be encrypted. A secret that cannot be written to is refused for
/// that first.
fn check_encryption(
    resources: &Resources,
    call: &JsonCall<'_>,
    id: SecretId<'_>,
) -> Result<(), Refusal> {
    let secret = resources.secrets.find(id)?;
    secret.check_writable()?;
    if secret.failure == Some(KeyFailure::BrokenKey) {
        let message = "Secrets Manager can't encrypt the protected secret text using the provided \
                       KMS key.";
        return Err(Refusal::new(400, "EncryptionFailure", message, "encryption"));
    }
    access::check_key(resources, call, "kms:GenerateDataKey", secret)
}

/// Returns what every write answers.
pub(super) fn answer(secret: &Secret, version_id: Option<String>) -> Value {
    let mut body = json!({ "ARN": secret.arn.as_str(), "Name": secret.name });
    if let Some(version_id) = version_id {
        body["VersionId"] = json!(version_id);
    }
    body
}
