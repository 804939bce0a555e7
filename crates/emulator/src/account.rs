//! The resources of AWS, as data: trust anchors, profiles, roles, users, secrets and parameters, of
//! any account and Region.
//!
//! The constants name what is built in, which `config/built_in.toml` describes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::arn::{Arn, Location};
use crate::iam::users::Users;
use crate::parameters::store::ParameterStore;
use crate::policy::{NamedPolicy, Policy};
use crate::secrets::store::Secrets;
use crate::x509::tags::AttributeMappings;

/// The Region of what is built in.
pub const REGION: &str = "us-east-1";
/// The account of what is built in.
pub const ACCOUNT: &str = "123456789012";
/// The trust anchor whose certificate is the root, `anchor/root.pem`.
pub const TRUST_ANCHOR_ARN: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555";
/// The trust anchor whose certificate is the intermediate, `anchor/intermediate.pem`.
pub const INTERMEDIATE_ANCHOR_ARN: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/99999999-2222-4333-8444-555555555555";
/// The profile that allows twelve hours and a role session name.
pub const PROFILE_ARN: &str =
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-4888-8999-000000000000";
/// The profile that allows fifteen minutes and no role session name.
pub const SHORT_PROFILE_ARN: &str =
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/77777777-7777-4888-8999-000000000000";
/// The role for everything ordinary.
pub const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/Workload";
/// A role with a path.
pub const DEEP_ROLE_ARN: &str = "arn:aws:iam::123456789012:role/path/Deep";
/// A role whose trust policy does not allow Roles Anywhere.
pub const NO_TRUST_ROLE_ARN: &str = "arn:aws:iam::123456789012:role/NoTrust";
/// A role whose sessions last an hour at most.
pub const SHORT_LIVED_ROLE_ARN: &str = "arn:aws:iam::123456789012:role/ShortLived";
/// A role that may not call Secrets Manager and Parameter Store.
pub const NO_SECRETS_ROLE_ARN: &str = "arn:aws:iam::123456789012:role/NoSecrets";
/// The second role of a chain, which sessions of [`ROLE_ARN`] may assume.
pub const SECOND_ROLE_ARN: &str = "arn:aws:iam::123456789012:role/Second";
/// The user whose access key is in the secret `prod/access-key`.
pub const USER_ARN: &str = "arn:aws:iam::123456789012:user/legacy-app";

/// Everything that AWS holds.
#[derive(Debug)]
pub(crate) struct Resources {
    /// The account and the Region of what names none.
    pub(crate) home: Location,
    /// The Regions that a request may be signed for.
    pub(crate) regions: BTreeSet<String>,
    pub(crate) trust_anchors: Vec<TrustAnchor>,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) roles: Vec<Role>,
    pub(crate) users: Users,
    /// Documents of managed policies, by ARN.
    pub(crate) managed_policies: BTreeMap<Arn, Arc<AttachedPolicy>>,
    pub(crate) secrets: Secrets,
    pub(crate) parameters: ParameterStore,
    /// The ARNs to export.
    pub(crate) exports: Exports,
}

/// The ARNs that the environment of a command names, if it is clear which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Exports {
    pub(crate) trust_anchor: Option<Arn>,
    pub(crate) profile: Option<Arn>,
    pub(crate) role: Option<Arn>,
}

/// A trust anchor of Roles Anywhere.
#[derive(Debug, Clone)]
pub(crate) struct TrustAnchor {
    pub(crate) arn: Arn,
    pub(crate) description: Option<String>,
    pub(crate) enabled: bool,
    /// In DER; a path to any of them will do.
    pub(crate) certificates: Vec<Vec<u8>>,
    /// Imported CRLs, in DER.
    pub(crate) crls: Vec<Vec<u8>>,
    /// Whether the emulator's own PKI is below it.
    pub(crate) is_built_in: bool,
}

/// A profile of Roles Anywhere.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) arn: Arn,
    pub(crate) description: Option<String>,
    pub(crate) enabled: bool,
    pub(crate) duration_seconds: u32,
    pub(crate) accept_role_session_name: bool,
    pub(crate) role_arns: Vec<Arn>,
    /// The session policy and the managed ones; none limits nothing.
    pub(crate) session_policies: Vec<Arc<AttachedPolicy>>,
    pub(crate) attribute_mappings: AttributeMappings,
}

/// An IAM role.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) arn: Arn,
    pub(crate) description: Option<String>,
    pub(crate) max_session_seconds: u32,
    pub(crate) trust_policy: AttachedPolicy,
    pub(crate) permissions: Vec<Arc<AttachedPolicy>>,
}

/// A policy, and what the log calls it.
#[derive(Debug, Clone)]
pub(crate) struct AttachedPolicy {
    pub(crate) name: String,
    pub(crate) policy: Policy,
}

impl AttachedPolicy {
    /// Returns it as the evaluator takes it.
    pub(crate) fn named(&self) -> NamedPolicy<'_> {
        (&self.name, &self.policy)
    }
}

/// Returns policies as the evaluator takes them.
pub(crate) fn named(policies: &[Arc<AttachedPolicy>]) -> Vec<NamedPolicy<'_>> {
    policies.iter().map(|policy| policy.named()).collect()
}

impl Resources {
    /// Returns whether `run` and `serve` export a certificate of the emulator's own PKI: the trust
    /// anchor that they export is above it.
    pub(crate) fn exports_built_in_certificate(&self) -> bool {
        let exported = self.exports.trust_anchor.as_ref();
        let mut anchors = self.trust_anchors.iter();
        anchors.any(|anchor| anchor.is_built_in && Some(&anchor.arn) == exported)
    }

    /// Returns the role of an ARN.
    pub(crate) fn role(&self, arn: &Arn) -> Option<&Role> {
        self.roles.iter().find(|role| role.arn == *arn)
    }
}
