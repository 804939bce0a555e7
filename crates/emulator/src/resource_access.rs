//! Whether a session may call a service: the permissions of its role, what limits the session, and
//! the policy of the resource.

use crate::account::{AttachedPolicy, Resources};
use crate::policy::{AccessRequest, Context, NamedPolicy, Policies};
use crate::refusal::Refusal;
use crate::session::Session;

/// A call to a service, as policies see it.
#[derive(Debug)]
pub(crate) struct ResourceAccess<'a> {
    pub(crate) session: &'a Session,
    /// Such as `secretsmanager:GetSecretValue`.
    pub(crate) action: &'a str,
    /// The ARN of the resource, or `*`.
    pub(crate) resource: &'a str,
    /// The account that the resource is in.
    pub(crate) account: &'a str,
    /// What messages call the resource.
    pub(crate) called: &'a str,
    /// The policy of the resource.
    pub(crate) policy: Option<&'a AttachedPolicy>,
    pub(crate) context: Context,
}

impl ResourceAccess<'_> {
    /// Refuses a call that the session may not make.
    pub(crate) fn check(self, resources: &Resources) -> Result<(), Refusal> {
        let role = resources.role(&self.session.role_arn);
        let permissions = role.map(|role| role.permissions.as_slice()).unwrap_or_default();
        let identity: Vec<NamedPolicy<'_>> =
            permissions.iter().map(|policy| policy.named()).collect();
        let session: Vec<NamedPolicy<'_>> =
            self.session.session_policies.iter().map(|policy| policy.named()).collect();
        let policies = Policies {
            identity: &identity,
            session: &session,
            resource: self.policy.map(AttachedPolicy::named),
            resource_account: self.account,
        };
        let principal = self.session.principal();
        let (action, resource) = (self.action, self.resource);
        let context = self.context.with("aws:ResourceAccount", self.account);
        let request = AccessRequest::new(&principal, action, resource, context);
        let Err(denial) = policies.authorize(&request) else { return Ok(()) };
        let told = AccessRequest::new(&principal, action, self.called, Context::default());
        let message = denial.message(&told);
        Err(Refusal::new(400, "AccessDeniedException", message, "policy")
            .explained(format!("{action} on {resource}: {denial}")))
    }
}
