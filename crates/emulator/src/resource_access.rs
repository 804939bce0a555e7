//! Whether a caller may call a service: the permissions of the role or the user, what limits the
//! session, and the policy of the resource.

use crate::account::{AttachedPolicy, Resources, named};
use crate::caller::Caller;
use crate::policy::{AccessRequest, Context, Policies};
use crate::refusal::Refusal;

/// A call to a service, as policies see it.
#[derive(Debug)]
pub(crate) struct ResourceAccess<'a> {
    pub(crate) caller: &'a Caller,
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
    /// Refuses a call that the caller may not make.
    pub(crate) fn check(self, resources: &Resources) -> Result<(), Refusal> {
        let identity = named(self.caller.permissions(resources));
        let session = named(self.caller.session_policies());
        let policies = Policies {
            identity: &identity,
            session: &session,
            resource: self.policy.map(AttachedPolicy::named),
            resource_account: self.account,
        };
        let principal = self.caller.principal();
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
