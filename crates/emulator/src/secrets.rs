//! Secrets Manager's CreateSecret, GetSecretValue, PutSecretValue and DescribeSecret: JSON in and
//! out, and who may call them.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/>

mod access;
mod input;
pub(crate) mod seed;
pub(crate) mod store;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::account::Resources;
use crate::arn::Location;
use crate::message::{Reply, Request};
use crate::refusal::Refusal;
use crate::session::Session;
use input::SecretInput;
use store::{FailureMode, Material, Secret, SecretId, Secrets, StoreError, Version};

/// The operations that there are.
pub(crate) const OPERATIONS: [&str; 4] =
    ["CreateSecret", "GetSecretValue", "PutSecretValue", "DescribeSecret"];

/// One of [`OPERATIONS`], called by a session.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) operation: &'a str,
    pub(crate) session: &'a Session,
    /// The Region that the request is signed for.
    pub(crate) region: String,
    pub(crate) request: &'a Request,
    pub(crate) now: OffsetDateTime,
}

/// Performs a call.
pub(crate) fn perform(resources: &mut Resources, call: &Call<'_>) -> Result<Reply, Refusal> {
    let (input, now) = (SecretInput::parse(call.request)?, call.now);
    let account = call.session.role_arn.account().to_owned();
    let location = Location { account, region: call.region.clone() };
    let body = if call.operation == "CreateSecret" {
        let name = input.name()?;
        access::check_create(resources, call, &input, &location, name)?;
        create_secret(&mut resources.secrets, &location, name, &input, now)
    } else {
        let id = SecretId { id: input.secret_id()?, location: &location };
        access::check(resources, call, &input, id)?;
        match call.operation {
            "PutSecretValue" => put_secret_value(&mut resources.secrets, id, &input, now),
            "GetSecretValue" => get_secret_value(resources.secrets.find(id)?, &input),
            _ => Ok(describe_secret(resources.secrets.find(id)?)),
        }
    }?;
    Ok(Reply::new(200, "application/x-amz-json-1.1", body.to_string()))
}

fn get_secret_value(secret: &Secret, input: &SecretInput) -> Result<Value, Refusal> {
    if secret.deleted.is_some() {
        return Err(StoreError::Deleted.into());
    }
    match secret.failure {
        Some(FailureMode::KmsDenied) => {
            let message = "Access to KMS is not allowed";
            return Err(Refusal::new(400, "AccessDeniedException", message, "kms"));
        }
        Some(FailureMode::BrokenKey) => {
            let message = "Secrets Manager can't decrypt the protected secret text using the \
                           provided KMS key.";
            return Err(Refusal::new(400, "DecryptionFailure", message, "decryption"));
        }
        None => {}
    }
    let version = secret.version(input.version_id()?, input.version_stage()?)?;
    let mut body = json!({
        "ARN": secret.arn.as_str(),
        "Name": secret.name,
        "VersionId": version.id,
        "VersionStages": version.stages,
        "CreatedDate": epoch(version.created),
    });
    match &version.material {
        Material::Text(text) => body["SecretString"] = json!(text),
        Material::Binary(bytes) => body["SecretBinary"] = json!(input::encode(bytes)),
    }
    Ok(body)
}

fn create_secret(
    secrets: &mut Secrets,
    location: &Location,
    name: &str,
    input: &SecretInput,
    now: OffsetDateTime,
) -> Result<Value, Refusal> {
    let material = input.material()?;
    let version = match material {
        Some(material) => Some(Version::new(input.client_request_token()?, material, now)),
        None => None,
    };
    let version_id = version.as_ref().map(|version| version.id.clone());
    let mut secret = Secret::new(location, name, now);
    secret.description = input.description()?.map(str::to_owned);
    let secret = secrets.create(secret, version)?;
    let mut body = json!({ "ARN": secret.arn.as_str(), "Name": secret.name });
    if let Some(version_id) = version_id {
        body["VersionId"] = json!(version_id);
    }
    Ok(body)
}

fn put_secret_value(
    secrets: &mut Secrets,
    id: SecretId<'_>,
    input: &SecretInput,
    now: OffsetDateTime,
) -> Result<Value, Refusal> {
    let material = input.material()?.ok_or_else(|| {
        let message = "You must provide either SecretString or SecretBinary.";
        Refusal::new(400, "InvalidRequestException", message, "no-value")
    })?;
    let version = Version::new(input.client_request_token()?, material, now);
    let version_id = version.id.clone();
    let stages = input.version_stages()?;
    let secret = secrets.find_mut(id)?;
    let version = secret.put(version, &stages)?;
    Ok(json!({
        "ARN": secret.arn.as_str(),
        "Name": secret.name,
        "VersionId": version_id,
        "VersionStages": version,
    }))
}

fn describe_secret(secret: &Secret) -> Value {
    let stages: Map<_, _> = secret
        .versions
        .iter()
        .filter(|version| !version.stages.is_empty())
        .map(|version| (version.id.clone(), json!(version.stages)))
        .collect();
    let mut body = json!({
        "ARN": secret.arn.as_str(),
        "Name": secret.name,
        "CreatedDate": epoch(secret.created),
        "LastChangedDate": epoch(secret.changed),
        "VersionIdsToStages": stages,
    });
    if let Some(description) = &secret.description {
        body["Description"] = json!(description);
    }
    if let Some(deleted) = secret.deleted {
        body["DeletedDate"] = json!(epoch(deleted));
    }
    body
}

/// Timestamps are numbers of seconds since the epoch.
fn epoch(date: OffsetDateTime) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century fit 52 bits")]
    let milliseconds = (date.unix_timestamp_nanos() / 1_000_000) as f64;
    milliseconds / 1000.0
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let (code, reason) = match error {
            StoreError::NoSecret => ("ResourceNotFoundException", "no-secret"),
            StoreError::NoStage(_) | StoreError::NoVersion(_) => {
                ("ResourceNotFoundException", "no-version")
            }
            StoreError::Deleted | StoreError::NameDeleted => ("InvalidRequestException", "deleted"),
            StoreError::StageOfAnother => ("InvalidRequestException", "stage-mismatch"),
            StoreError::Exists(_) => ("ResourceExistsException", "exists"),
            StoreError::TokenUsed { .. } => ("ResourceExistsException", "token-used"),
        };
        Self::new(400, code, error.to_string(), reason)
    }
}
