//! Whether the caller may assume a role: the role's trust policy, and the caller's permissions.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html>

use super::Inherited;
use crate::account::{Resources, Role, named};
use crate::policy::{AccessRequest, Context, Denial, Policies, StatementRef};
use crate::refusal::Refusal;
use crate::sts::StsCall;
use crate::sts::input::AssumeRoleInput;

/// What the decision depends on.
pub(super) struct RoleAccess<'r, 'a> {
    pub(super) resources: &'r Resources,
    pub(super) call: &'a StsCall<'a>,
    pub(super) input: &'a AssumeRoleInput,
    pub(super) inherited: &'a Inherited,
}

impl<'r> RoleAccess<'r, '_> {
    /// Returns the role, and what allows to assume it.
    ///
    /// A source identity and tags need permissions of their own, also if they are inherited. A role
    /// that does not exist is refused like one that may not be assumed, as at AWS.
    pub(super) fn check(&self) -> Result<(&'r Role, String), Refusal> {
        let arn = &self.input.role_arn;
        let Some(role) = self.resources.role(arn) else {
            return Err(self.refuse("sts:AssumeRole", &format!("there is no role {arn}")));
        };
        let has_identity = self.inherited.source_identity.is_some();
        let has_tags = !(self.input.tags.is_empty() && self.inherited.tags.is_empty());
        let actions = [
            Some("sts:AssumeRole"),
            has_identity.then_some("sts:SetSourceIdentity"),
            has_tags.then_some("sts:TagSession"),
        ];
        let mut permits = Vec::new();
        for action in actions.into_iter().flatten() {
            match self.authorize(role, action) {
                Ok(statement) => {
                    permits.push(format!("{action} is allowed by {statement}"));
                }
                Err(denial) => {
                    return Err(self.refuse(action, &format!("{action} on {arn}: {denial}")));
                }
            }
        }
        Ok((role, permits.join("; ")))
    }

    fn authorize(&self, role: &Role, action: &str) -> Result<StatementRef, Denial> {
        let caller = self.call.caller;
        let identity = named(caller.permissions(self.resources));
        let limits = named(caller.session_policies());
        let policies = Policies {
            identity: &identity,
            session: &limits,
            resource: Some(role.trust_policy.named()),
            resource_account: role.arn.account(),
        };
        let principal = caller.principal();
        let request = AccessRequest::new(&principal, action, role.arn.as_str(), self.context());
        policies.authorize(&request)
    }

    fn context(&self) -> Context {
        let Self { call, input, inherited, .. } = self;
        let tags = || inherited.tags.iter().chain(&input.tags);
        let context = call
            .caller
            .request_context(call.request, &call.region, call.now)
            .with("aws:ResourceAccount", input.role_arn.account())
            .with("sts:RoleSessionName", &*input.role_session_name)
            .with_all("sts:ExternalId", input.external_id.as_deref())
            .with_all("sts:SourceIdentity", inherited.source_identity.as_deref())
            .with_all("sts:TransitiveTagKeys", inherited.transitive_tag_keys.iter().cloned())
            .with_all("aws:TagKeys", tags().map(|(key, _)| key.clone()));
        tags().fold(context, |context, (key, value)| {
            context.with(&format!("aws:RequestTag/{key}"), value.as_str())
        })
    }

    /// One message for each reason; only the log tells them apart.
    fn refuse(&self, action: &str, explanation: &str) -> Refusal {
        let principal = self.call.caller.principal();
        let arn = self.input.role_arn.as_str();
        let request = AccessRequest::new(&principal, action, arn, Context::default());
        let message = Denial::message_without_reason(&request);
        let reason = match action {
            "sts:SetSourceIdentity" => "source-identity-policy",
            "sts:TagSession" => "tag-session-policy",
            _ => "policy",
        };
        Refusal::new(403, "AccessDenied", message, reason).explained(explanation)
    }
}
