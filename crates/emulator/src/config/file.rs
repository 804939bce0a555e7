//! The tables and keys of the file, before names are looked up. The doc comments of the fields are
//! the descriptions in the JSON Schema.

mod parameter;
mod read;
mod secret;
mod user;

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::inline_policy::InlinePolicy;
use super::reader::{At, TableKey};
pub(super) use parameter::ParameterTable;
pub(super) use secret::{SecretFailure, SecretTable};
pub(super) use user::{AccessKeyTable, KeyPropagationTable, UserTable};

/// The AWS side that roles-anywhere-emulator emulates.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, title = "roles-anywhere-emulator")]
pub(super) struct ConfigFile {
    /// The account of everything that names none. [default: 123456789012]
    #[schemars(extend("pattern" = "^[0-9]{12}$"))]
    pub(super) account: Option<At<String>>,
    /// The Region of everything that names none. [default: us-east-1]
    pub(super) region: Option<At<String>>,
    /// Other Regions that requests may be signed for. Those of the resources need not be listed.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) regions: Vec<At<String>>,
    /// What `run` and `serve` export as ROLES_ANYWHERE_*_ARN, if there is more than one of a kind.
    pub(super) exports: Option<ExportsTable>,
    /// Trust anchors, by name or ARN.
    #[schemars(with = "Option<BTreeMap<String, TrustAnchorTable>>")]
    pub(super) trust_anchor: Vec<(TableKey, TrustAnchorTable)>,
    /// Profiles, by name or ARN.
    #[schemars(with = "Option<BTreeMap<String, ProfileTable>>")]
    pub(super) profile: Vec<(TableKey, ProfileTable)>,
    /// IAM roles, by name or ARN.
    #[schemars(with = "Option<BTreeMap<String, RoleTable>>")]
    pub(super) role: Vec<(TableKey, RoleTable)>,
    /// IAM users, by name or ARN.
    #[schemars(with = "Option<BTreeMap<String, UserTable>>")]
    pub(super) user: Vec<(TableKey, UserTable)>,
    /// How long a new access key takes to be known.
    pub(super) key_propagation: Option<KeyPropagationTable>,
    /// Documents of managed policies, by name or ARN.
    #[schemars(with = "Option<BTreeMap<String, ManagedPolicyTable>>")]
    pub(super) managed_policy: Vec<(TableKey, ManagedPolicyTable)>,
    /// Secrets of Secrets Manager, by name or ARN.
    #[schemars(with = "Option<BTreeMap<String, SecretTable>>")]
    pub(super) secret: Vec<(TableKey, SecretTable)>,
    /// Parameters of Parameter Store, by name or ARN.
    #[schemars(with = "Option<BTreeMap<String, ParameterTable>>")]
    pub(super) parameter: Vec<(TableKey, ParameterTable)>,
}

/// What is exported: each by name or ARN.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ExportsTable {
    /// ROLES_ANYWHERE_TRUST_ANCHOR_ARN.
    pub(super) trust_anchor: Option<At<String>>,
    /// ROLES_ANYWHERE_PROFILE_ARN.
    pub(super) profile: Option<At<String>>,
    /// ROLES_ANYWHERE_ROLE_ARN.
    pub(super) role: Option<At<String>>,
}

/// A trust anchor: the CA whose certificates are accepted. One of `certificate` and `built-in-ca`
/// is required.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct TrustAnchorTable {
    #[schemars(flatten)]
    pub(super) common: CommonKeys,
    /// A PEM file of one or two CA certificates.
    pub(super) certificate: Option<At<String>>,
    /// The emulator's own CA, which has issued the certificates of its PKI.
    pub(super) built_in_ca: Option<At<BuiltInCa>>,
    /// PEM files of certificate revocation lists, at most two.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) crls: Vec<At<String>>,
    /// Whether it is enabled. [default: true]
    pub(super) enabled: Option<At<bool>>,
}

/// A CA of the emulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub(super) enum BuiltInCa {
    /// anchor/root.pem
    Root,
    /// anchor/intermediate.pem
    Intermediate,
}

/// A profile of Roles Anywhere.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ProfileTable {
    #[schemars(flatten)]
    pub(super) common: CommonKeys,
    /// The roles that sessions may be created for, by name or ARN.
    #[schemars(with = "Vec<String>")]
    pub(super) roles: Vec<At<String>>,
    /// Whether requests may set a role session name. [default: false]
    pub(super) accept_role_session_name: Option<At<bool>>,
    /// How long sessions last at most, in seconds. [default: 3600]
    #[schemars(range(min = 900, max = 43200))]
    pub(super) session_duration: Option<At<u32>>,
    /// The session policy, which limits what the role allows.
    pub(super) session_policy: Option<At<InlinePolicy>>,
    /// A file with the session policy.
    pub(super) session_policy_file: Option<At<String>>,
    /// Managed session policies, by name or ARN. `[managed-policy.NAME]` has their documents.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) managed_policies: Vec<At<String>>,
    /// The attributes of the certificate that become session tags.
    pub(super) attribute_mappings: Option<AttributeMappingsTable>,
    /// Whether it is enabled. [default: true]
    pub(super) enabled: Option<At<bool>>,
}

/// The specifiers of each field of the certificate. A field that is not listed is mapped as by
/// default; an empty list maps none of it.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct AttributeMappingsTable {
    /// Such as `["CN", "OU"]`. [default: ["*"]]
    #[schemars(rename = "x509Subject", with = "Option<Vec<String>>")]
    pub(super) subject: Option<Vec<At<String>>>,
    /// Such as `["CN"]`. [default: ["*"]]
    #[schemars(rename = "x509Issuer", with = "Option<Vec<String>>")]
    pub(super) issuer: Option<Vec<At<String>>>,
    /// `DNS`, `URI`, `Name/*` and `Name/` with an attribute. [default: ["DNS", "URI", "Name/*"]]
    #[schemars(rename = "x509SAN", with = "Option<Vec<String>>")]
    pub(super) alternative_name: Option<Vec<At<String>>>,
}

/// An IAM role. One of `trust-policy` and `trust-policy-file` is required.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RoleTable {
    #[schemars(flatten)]
    pub(super) common: CommonKeys,
    /// The path, such as `/service/`. [default: /]
    pub(super) path: Option<At<String>>,
    /// The trust policy: who may assume the role.
    pub(super) trust_policy: Option<At<InlinePolicy>>,
    /// A file with the trust policy.
    pub(super) trust_policy_file: Option<At<String>>,
    /// A policy with the role's permissions.
    pub(super) permissions: Option<At<InlinePolicy>>,
    /// Files with policies of the role's permissions.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) permissions_files: Vec<At<String>>,
    /// Managed policies, by name or ARN. `[managed-policy.NAME]` has their documents.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) managed_policies: Vec<At<String>>,
    /// How long sessions last at most, in seconds. [default: 3600]
    #[schemars(range(min = 3600, max = 43200))]
    pub(super) max_session_duration: Option<At<u32>>,
}

/// A managed policy. One of `policy` and `policy-file` is required.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ManagedPolicyTable {
    /// The document.
    pub(super) policy: Option<At<InlinePolicy>>,
    /// A file with the document.
    pub(super) policy_file: Option<At<String>>,
}

/// What every resource may have: an ARN, or what it is made from.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub(super) struct CommonKeys {
    /// What it is for; `roles-anywhere-emulator show` prints it.
    pub(super) description: Option<At<String>>,
    /// The ARN, if the table's key is a name. By default it is made from the name.
    pub(super) arn: Option<At<String>>,
    /// The account. [default: the file's]
    #[schemars(extend("pattern" = "^[0-9]{12}$"))]
    pub(super) account: Option<At<String>>,
    /// The Region. [default: the file's]
    pub(super) region: Option<At<String>>,
}
