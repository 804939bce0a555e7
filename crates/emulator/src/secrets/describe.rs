//! DescribeSecret: what is known of a secret but its value.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::access;
use super::input::SecretInput;
use super::store::{Secret, SecretId};
use crate::account::Resources;
use crate::date::epoch;
use crate::json_call::JsonCall;
use crate::refusal::Refusal;

pub(super) fn describe_secret(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let id = SecretId { id: input.secret_id()?, location: &call.location };
    let context = call.context();
    access::check(resources, call, "secretsmanager:DescribeSecret", id, context)?;
    let secret = resources.secrets.find(id)?;
    let mut body = described(secret);
    if let Some(stages) = stages(secret) {
        body["VersionIdsToStages"] = stages;
    }
    let replicas: Vec<_> = secret.replicas.iter().collect();
    if !replicas.is_empty() {
        let status = replicas.iter().map(|(region, status)| {
            json!({ "Region": region, "Status": status.name(), "StatusMessage": status.message() })
        });
        body["ReplicationStatus"] = status.collect();
    }
    Ok(body)
}

/// Returns an entry of ListSecrets, which calls the versions otherwise and has no replicas.
pub(super) fn entry(secret: &Secret) -> Value {
    let mut body = described(secret);
    if let Some(stages) = stages(secret) {
        body["SecretVersionsToStages"] = stages;
    }
    body
}

/// Returns what both have. What is not known is left out.
fn described(secret: &Secret) -> Value {
    let date = |date: Option<OffsetDateTime>| date.map(|date| json!(epoch(date)));
    let text = |text: &Option<String>| text.as_ref().map(|text| json!(text));
    let rotation = secret.rotation.as_ref();
    let members = [
        ("ARN", Some(json!(secret.arn.as_str()))),
        ("Name", Some(json!(secret.name))),
        ("Description", text(&secret.description)),
        ("KmsKeyId", text(&secret.kms_key_id)),
        ("RotationEnabled", rotation.map(|rotation| json!(rotation.enabled))),
        ("RotationLambdaARN", rotation.and_then(|rotation| text(&rotation.lambda_arn))),
        ("RotationRules", rotation.map(|rotation| rotation.rules.to_json())),
        ("LastRotatedDate", rotation.and_then(|rotation| date(rotation.last_rotation()))),
        ("LastChangedDate", date(Some(secret.changed))),
        ("LastAccessedDate", date(secret.accessed)),
        ("DeletedDate", date(secret.deletion.map(|deletion| deletion.requested))),
        ("NextRotationDate", rotation.and_then(|rotation| date(rotation.next_rotation()))),
        ("Tags", tags(secret)),
        ("OwningService", text(&secret.owning_service)),
        ("CreatedDate", date(Some(secret.created))),
        ("PrimaryRegion", primary_region(secret)),
    ];
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(members.collect())
}

fn tags(secret: &Secret) -> Option<Value> {
    let tags = secret.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
    (!secret.tags.is_empty()).then(|| tags.collect())
}

fn primary_region(secret: &Secret) -> Option<Value> {
    (!secret.replicas.is_empty()).then(|| json!(secret.arn.location().region))
}

/// Returns the labels of each version that has some.
fn stages(secret: &Secret) -> Option<Value> {
    let stages: Map<_, _> = secret
        .versions
        .iter()
        .filter(|version| !version.stages.is_empty())
        .map(|version| (version.id.clone(), json!(version.stages)))
        .collect();
    (!stages.is_empty()).then_some(Value::Object(stages))
}
