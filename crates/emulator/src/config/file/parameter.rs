//! The table of a parameter.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::CommonKeys;
use crate::config::inline_policy::InlinePolicy;
use crate::config::reader::{At, TableReader};
use crate::kms::KeyFailure;
use crate::parameters::store::ParameterType;
use crate::policy::PolicyKind;

/// A parameter. One of `value` and `value-file` is required.
// No `Debug`: `value` may be a secret.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::config) struct ParameterTable {
    #[schemars(flatten)]
    pub(in crate::config) common: CommonKeys,
    /// The type. [default: String]
    #[schemars(rename = "type")]
    pub(in crate::config) kind: Option<At<ParameterType>>,
    /// The value.
    pub(in crate::config) value: Option<At<String>>,
    /// A file with the value.
    pub(in crate::config) value_file: Option<At<String>>,
    /// The labels of its version.
    #[schemars(with = "Option<Vec<String>>")]
    pub(in crate::config) labels: Vec<At<String>>,
    /// The values of earlier versions, the oldest first.
    #[schemars(with = "Option<Vec<String>>")]
    pub(in crate::config) earlier_values: Vec<At<String>>,
    /// The KMS key of a SecureString: an ARN, an id or an alias. Reading the value then needs
    /// `kms:Decrypt`.
    pub(in crate::config) kms_key: Option<At<String>>,
    /// Tags, by key.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub(in crate::config) tags: Vec<(At<String>, At<String>)>,
    /// The policy by which the parameter is shared with other accounts.
    pub(in crate::config) resource_policy: Option<At<InlinePolicy>>,
    /// A file with the resource policy.
    pub(in crate::config) resource_policy_file: Option<At<String>>,
    /// Makes a SecureString unreadable.
    pub(in crate::config) failure: Option<At<KeyFailure>>,
}

impl ParameterTable {
    pub(in crate::config) fn read(table: &mut TableReader<'_, '_>) -> Self {
        Self {
            common: CommonKeys::read(table),
            kind: table.choice("type", &ParameterType::ALL),
            value: table.text("value"),
            value_file: table.text("value-file"),
            labels: table.texts("labels"),
            earlier_values: table.texts("earlier-values"),
            kms_key: table.text("kms-key"),
            tags: table.texts_by_name("tags"),
            resource_policy: table.policy("resource-policy", PolicyKind::Resource),
            resource_policy_file: table.text("resource-policy-file"),
            failure: table.choice(
                "failure",
                &[("kms-denied", KeyFailure::KmsDenied), ("broken-key", KeyFailure::BrokenKey)],
            ),
        }
    }
}
