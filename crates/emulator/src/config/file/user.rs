//! The tables of users and their access keys.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use time::OffsetDateTime;

use super::CommonKeys;
use crate::config::inline_policy::InlinePolicy;
use crate::config::reader::{At, TableKey, TableReader};
use crate::iam::users::KeyStatus;
use crate::policy::PolicyKind;

/// An IAM user.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::config) struct UserTable {
    #[schemars(flatten)]
    pub(in crate::config) common: CommonKeys,
    /// The path, such as `/service/`. [default: /]
    pub(in crate::config) path: Option<At<String>>,
    /// A policy with the user's permissions.
    pub(in crate::config) permissions: Option<At<InlinePolicy>>,
    /// Files with policies of the user's permissions.
    #[schemars(with = "Option<Vec<String>>")]
    pub(in crate::config) permissions_files: Vec<At<String>>,
    /// Managed policies, by name or ARN. `[managed-policy.NAME]` has their documents.
    #[schemars(with = "Option<Vec<String>>")]
    pub(in crate::config) managed_policies: Vec<At<String>>,
    /// Access keys, by id, at most two.
    #[schemars(with = "Option<BTreeMap<String, AccessKeyTable>>")]
    pub(in crate::config) access_key: Vec<(TableKey, AccessKeyTable)>,
}

/// An access key of a user.
// No `Debug`: `secret` is one.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::config) struct AccessKeyTable {
    /// The secret access key.
    #[schemars(with = "String", length(min = 1, max = 128))]
    pub(in crate::config) secret: Option<At<String>>,
    /// Whether it can be used. [default: Active]
    pub(in crate::config) status: Option<At<KeyStatus>>,
    /// When it was created: a date and time with an offset. [default: the start of the emulator]
    #[schemars(with = "Option<String>")]
    pub(in crate::config) created: Option<At<OffsetDateTime>>,
}

/// How long a new access key takes to be known.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::config) struct KeyPropagationTable {
    /// The seconds from the creation of an access key until it is accepted. [default: 0]
    #[schemars(range(min = 0, max = 3600))]
    pub(in crate::config) delay: Option<At<u32>>,
}

impl UserTable {
    pub(in crate::config) fn read(table: &mut TableReader<'_, '_>) -> Self {
        Self {
            common: CommonKeys::read(table),
            path: table.text("path"),
            permissions: table.policy("permissions", PolicyKind::Identity),
            permissions_files: table.texts("permissions-files"),
            managed_policies: table.texts("managed-policies"),
            access_key: table.entries("access-key", AccessKeyTable::read),
        }
    }
}

impl AccessKeyTable {
    fn read(table: &mut TableReader<'_, '_>) -> Self {
        Self {
            secret: table.text("secret"),
            status: table.choice("status", &KeyStatus::ALL.map(|status| (status.name(), status))),
            created: table.date("created"),
        }
    }
}

impl KeyPropagationTable {
    pub(super) fn read(table: &mut TableReader<'_, '_>) -> Self {
        Self { delay: table.seconds("delay", 0..=3600) }
    }
}
