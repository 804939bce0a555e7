//! What Secrets Manager says about a secret without its value.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::aws::json_protocol::{microseconds, or_empty};

/// All about a secret but its value. Dates are in microseconds since the Unix epoch.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecretDescription {
    /// Its ARN.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The kind of a secret that another service manages.
    pub r#type: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// The KMS key; `None` for the key `aws/secretsmanager`.
    pub kms_key_id: Option<String>,
    /// Whether it is rotated; `None` if that was never set up.
    pub rotation_enabled: Option<bool>,
    /// The function that rotates it.
    #[serde(rename = "RotationLambdaARN")]
    pub rotation_lambda_arn: Option<String>,
    /// When it is rotated.
    pub rotation_rules: Option<RotationRules>,
    /// When it was last rotated.
    #[serde(default, deserialize_with = "date")]
    pub last_rotated_date: Option<i64>,
    /// When anything about it was last changed.
    #[serde(default, deserialize_with = "date")]
    pub last_changed_date: Option<i64>,
    /// On which day its value was last read.
    #[serde(default, deserialize_with = "date")]
    pub last_accessed_date: Option<i64>,
    /// When its deletion was requested, if it was.
    #[serde(default, deserialize_with = "date")]
    pub deleted_date: Option<i64>,
    /// The latest date of its next rotation.
    #[serde(default, deserialize_with = "date")]
    pub next_rotation_date: Option<i64>,
    /// Its tags.
    #[serde(default, deserialize_with = "or_empty")]
    pub tags: Vec<SecretTag>,
    /// The staging labels of each version that has one, from DescribeSecret.
    #[serde(default, deserialize_with = "or_empty")]
    pub version_ids_to_stages: BTreeMap<String, Vec<String>>,
    /// The same from ListSecrets. moto returns both.
    #[serde(default, deserialize_with = "or_empty")]
    pub secret_versions_to_stages: BTreeMap<String, Vec<String>>,
    /// The service that manages it.
    pub owning_service: Option<String>,
    /// When it was created.
    #[serde(default, deserialize_with = "date")]
    pub created_date: Option<i64>,
    /// The Region of the secret that it is a replica of, or of itself if it has replicas.
    pub primary_region: Option<String>,
    /// Its replicas.
    #[serde(default, deserialize_with = "or_empty")]
    pub replication_status: Vec<SecretReplica>,
}

/// When a secret is rotated.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RotationRules {
    /// The number of days between rotations.
    pub automatically_after_days: Option<u32>,
    /// The length of the window, such as `3h`.
    pub duration: Option<String>,
    /// A `cron()` or `rate()` expression, in UTC.
    pub schedule_expression: Option<String>,
}

/// A tag of a secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecretTag {
    /// The key.
    pub key: String,
    /// The value.
    #[serde(default, deserialize_with = "or_empty")]
    pub value: String,
}

/// A replica of a secret in another Region.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecretReplica {
    /// The Region.
    pub region: String,
    /// The KMS key there.
    pub kms_key_id: Option<String>,
    /// `InSync`, `Failed` or `InProgress`.
    pub status: Option<String>,
    /// What is wrong with it.
    pub status_message: Option<String>,
    /// On which day its value was last read there.
    #[serde(default, deserialize_with = "date")]
    pub last_accessed_date: Option<i64>,
}

/// Reads seconds since the Unix epoch, or `null`.
fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.map(microseconds))
}
