//! Descriptions of secrets as the AWS CLI prints them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::iso_8601;
use crate::output::json::pretty_text;
use roles_anywhere_client::aws::secret_description::SecretDescription;

/// Renders a description as `aws secretsmanager describe-secret` does.
pub fn description(secret: &SecretDescription) -> String {
    let mut document = members(secret);
    insert(&mut document, "VersionIdsToStages", stages(&secret.version_ids_to_stages));
    let replicas = secret.replication_status.iter().map(|replica| {
        let mut members = Map::new();
        insert(&mut members, "Region", Some(json!(replica.region)));
        insert(&mut members, "KmsKeyId", replica.kms_key_id.as_ref().map(|it| json!(it)));
        insert(&mut members, "Status", replica.status.as_ref().map(|it| json!(it)));
        insert(&mut members, "StatusMessage", replica.status_message.as_ref().map(|it| json!(it)));
        insert(&mut members, "LastAccessedDate", date(replica.last_accessed_date));
        Value::Object(members)
    });
    insert(&mut document, "ReplicationStatus", list_of(replicas.collect()));
    pretty_text(&Value::Object(document))
}

/// Renders descriptions as `aws secretsmanager list-secrets` does.
pub fn list(secrets: &[SecretDescription]) -> String {
    let entries = secrets.iter().map(|secret| {
        let mut entry = members(secret);
        insert(&mut entry, "SecretVersionsToStages", stages(&secret.secret_versions_to_stages));
        Value::Object(entry)
    });
    pretty_text(&json!({ "SecretList": entries.collect::<Vec<_>>() }))
}

fn members(secret: &SecretDescription) -> Map<String, Value> {
    let text = |text: &Option<String>| text.as_ref().map(|text| json!(text));
    let mut members = Map::new();
    insert(&mut members, "ARN", Some(json!(secret.arn)));
    insert(&mut members, "Name", Some(json!(secret.name)));
    insert(&mut members, "Type", text(&secret.r#type));
    insert(&mut members, "Description", text(&secret.description));
    insert(&mut members, "KmsKeyId", text(&secret.kms_key_id));
    insert(&mut members, "RotationEnabled", secret.rotation_enabled.map(Value::Bool));
    insert(&mut members, "RotationLambdaARN", text(&secret.rotation_lambda_arn));
    insert(&mut members, "RotationRules", rules(secret));
    insert(&mut members, "LastRotatedDate", date(secret.last_rotated_date));
    insert(&mut members, "LastChangedDate", date(secret.last_changed_date));
    insert(&mut members, "LastAccessedDate", date(secret.last_accessed_date));
    insert(&mut members, "DeletedDate", date(secret.deleted_date));
    insert(&mut members, "NextRotationDate", date(secret.next_rotation_date));
    let tags = secret.tags.iter().map(|tag| json!({ "Key": tag.key, "Value": tag.value }));
    insert(&mut members, "Tags", list_of(tags.collect()));
    insert(&mut members, "OwningService", text(&secret.owning_service));
    insert(&mut members, "CreatedDate", date(secret.created_date));
    insert(&mut members, "PrimaryRegion", text(&secret.primary_region));
    members
}

fn rules(secret: &SecretDescription) -> Option<Value> {
    let rules = secret.rotation_rules.as_ref()?;
    let mut members = Map::new();
    let days = rules.automatically_after_days.map(|days| json!(days));
    insert(&mut members, "AutomaticallyAfterDays", days);
    insert(&mut members, "Duration", rules.duration.as_ref().map(|it| json!(it)));
    let schedule = rules.schedule_expression.as_ref().map(|it| json!(it));
    insert(&mut members, "ScheduleExpression", schedule);
    Some(Value::Object(members))
}

fn stages(stages: &BTreeMap<String, Vec<String>>) -> Option<Value> {
    (!stages.is_empty()).then(|| json!(stages))
}

fn list_of(values: Vec<Value>) -> Option<Value> {
    (!values.is_empty()).then_some(Value::Array(values))
}

fn date(microseconds: Option<i64>) -> Option<Value> {
    microseconds.and_then(iso_8601).map(Value::String)
}

/// Adds a member that the response has.
fn insert(members: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        members.insert(name.to_owned(), value);
    }
}
