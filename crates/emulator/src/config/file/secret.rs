//! The table of a secret.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use time::OffsetDateTime;

use super::CommonKeys;
use crate::config::inline_policy::InlinePolicy;
use crate::config::reader::{At, TableReader};
use crate::policy::PolicyKind;
use crate::secrets::rotation::ReplicaStatus;

/// A secret. One of `value`, `value-file`, `binary` and `binary-file` is required.
// No `Debug`: `value` and `binary` are secrets.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::config) struct SecretTable {
    #[schemars(flatten)]
    pub(in crate::config) common: CommonKeys,
    /// The value, as SecretString.
    pub(in crate::config) value: Option<At<String>>,
    /// A file with the value, as SecretString.
    pub(in crate::config) value_file: Option<At<String>>,
    /// The value in base64, as SecretBinary.
    pub(in crate::config) binary: Option<At<String>>,
    /// A file with the value, as SecretBinary.
    pub(in crate::config) binary_file: Option<At<String>>,
    /// The resource policy.
    pub(in crate::config) resource_policy: Option<At<InlinePolicy>>,
    /// A file with the resource policy.
    pub(in crate::config) resource_policy_file: Option<At<String>>,
    /// The KMS key: an ARN, an id or an alias. Reading the secret then needs `kms:Decrypt`.
    pub(in crate::config) kms_key: Option<At<String>>,
    /// Tags, by key.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub(in crate::config) tags: Vec<(At<String>, At<String>)>,
    /// How the secret is rotated. Nothing rotates it here.
    pub(in crate::config) rotation: Option<RotationTable>,
    /// The Regions of its replicas, each with the status of the replica.
    #[schemars(with = "Option<BTreeMap<String, ReplicaStatus>>")]
    pub(in crate::config) replicas: Vec<(At<String>, At<ReplicaStatus>)>,
    /// The service that manages the secret, such as `rds`.
    pub(in crate::config) owning_service: Option<At<String>>,
    /// Makes the secret unreadable.
    pub(in crate::config) failure: Option<At<SecretFailure>>,
}

/// How a secret is rotated, as DescribeSecret shows it.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::config) struct RotationTable {
    /// Whether rotation is enabled. [default: true]
    pub(in crate::config) enabled: Option<At<bool>>,
    /// The ARN of the Lambda function.
    pub(in crate::config) lambda_arn: Option<At<String>>,
    /// The days between two rotations.
    #[schemars(range(min = 1, max = 1000))]
    pub(in crate::config) automatically_after_days: Option<At<u32>>,
    /// Such as `rate(10 days)`.
    pub(in crate::config) schedule_expression: Option<At<String>>,
    /// The length of the rotation window, such as `3h`.
    pub(in crate::config) duration: Option<At<String>>,
    /// When the secret was rotated last: a date and time with an offset.
    #[schemars(with = "Option<String>")]
    pub(in crate::config) last_rotated: Option<At<OffsetDateTime>>,
    /// The latest date of the next rotation.
    #[schemars(with = "Option<String>")]
    pub(in crate::config) next_rotation: Option<At<OffsetDateTime>>,
    /// Whether a rotation is not finished: AWSPENDING is on a version without a value. [default: false]
    pub(in crate::config) unfinished: Option<At<bool>>,
}

/// Why a secret cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub(in crate::config) enum SecretFailure {
    /// It is scheduled for deletion: InvalidRequestException.
    Deleted,
    /// The caller may not use its KMS key: AccessDeniedException.
    KmsDenied,
    /// Its KMS key cannot decrypt it: DecryptionFailure.
    BrokenKey,
}

impl SecretTable {
    pub(in crate::config) fn read(table: &mut TableReader<'_, '_>) -> Self {
        Self {
            common: CommonKeys::read(table),
            value: table.text("value"),
            value_file: table.text("value-file"),
            binary: table.text("binary"),
            binary_file: table.text("binary-file"),
            resource_policy: table.policy("resource-policy", PolicyKind::Resource),
            resource_policy_file: table.text("resource-policy-file"),
            kms_key: table.text("kms-key"),
            tags: table.texts_by_name("tags"),
            rotation: table.table("rotation").map(|mut rotation| {
                let read = RotationTable::read(&mut rotation);
                rotation.finish();
                read
            }),
            replicas: table.choices_by_name("replicas", &ReplicaStatus::ALL),
            owning_service: table.text("owning-service"),
            failure: table.choice(
                "failure",
                &[
                    ("deleted", SecretFailure::Deleted),
                    ("kms-denied", SecretFailure::KmsDenied),
                    ("broken-key", SecretFailure::BrokenKey),
                ],
            ),
        }
    }
}

impl RotationTable {
    fn read(table: &mut TableReader<'_, '_>) -> Self {
        Self {
            enabled: table.flag("enabled"),
            lambda_arn: table.text("lambda-arn"),
            automatically_after_days: table.days("automatically-after-days", 1..=1000),
            schedule_expression: table.text("schedule-expression"),
            duration: table.text("duration"),
            last_rotated: table.date("last-rotated"),
            next_rotation: table.date("next-rotation"),
            unfinished: table.flag("unfinished"),
        }
    }
}
