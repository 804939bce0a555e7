//! Session policies: the policy in the request and managed policies; and the packed size of them
//! and the tags.

use std::sync::Arc;

use crate::account::{AttachedPolicy, Resources};
use crate::arn::Arn;
use crate::policy::{Policy, PolicyKind};
use crate::refusal::Refusal;
use crate::sts::input::AssumeRoleInput;

/// The policies of a new session; none if nothing limits it.
#[derive(Debug)]
pub(super) struct SessionPolicies(pub(super) Vec<Arc<AttachedPolicy>>);

impl SessionPolicies {
    /// Reads the policy of a request, and finds the managed ones, which are AWS's or of the role's
    /// account.
    pub(super) fn read(resources: &Resources, input: &AssumeRoleInput) -> Result<Self, Refusal> {
        let mut policies = Vec::new();
        if let Some(text) = &input.policy {
            let policy = Policy::parse(PolicyKind::Identity, text).map_err(|errors| {
                Refusal::new(
                    400,
                    "MalformedPolicyDocument",
                    "Syntax errors in policy.",
                    "policy-document",
                )
                .explained(format!("the session policy has mistakes: {errors}"))
            })?;
            let name = "the session policy of the request".to_owned();
            policies.push(Arc::new(AttachedPolicy { name, policy }));
        }
        for arn in &input.policy_arns {
            let usable =
                |managed: &Arn| ["aws", input.role_arn.account()].contains(&managed.account());
            let managed = Arn::parse(arn).ok().filter(usable);
            let managed = managed.and_then(|arn| resources.managed_policies.get(&arn));
            policies.push(Arc::clone(managed.ok_or_else(|| not_found(arn))?));
        }
        Ok(Self(policies))
    }
}

/// A policy without a document would limit nothing, and pass for one that allows everything.
fn not_found(arn: &str) -> Refusal {
    let message = format!("Policy {arn} does not exist or is not attachable.");
    Refusal::new(400, "ValidationError", message, "policy-arn")
        .explained(format!("the configuration has no document of the managed policy {arn}"))
}

/// How much of the room for policies and tags is used, in per cent; 0 if there are none.
///
/// AWS packs them in a way that it does not document; this is their text, of 2048 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sts) struct PackedSize(pub(in crate::sts) usize);

impl PackedSize {
    const ROOM: usize = 2048;

    /// Refuses more than there is room for.
    pub(super) fn of(input: &AssumeRoleInput) -> Result<Self, Refusal> {
        let policies = input.policy.iter().chain(&input.policy_arns).map(String::len);
        let tags = input.tags.iter().map(|(key, value)| key.len() + value.len());
        let bytes: usize = policies.chain(tags).sum();
        let size = (bytes * 100).div_ceil(Self::ROOM);
        if size <= 100 {
            return Ok(Self(size));
        }
        let message =
            format!("Packed policy consumes {size}% of allotted space, please use smaller policy.");
        Err(Refusal::new(400, "PackedPolicyTooLarge", message, "packed-policy-size"))
    }
}
