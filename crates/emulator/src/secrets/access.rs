//! Who may call Secrets Manager: the role's permissions, what limits the session, and the secret's
//! own policy.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access.html>

use super::Call;
use super::input::SecretInput;
use super::store::SecretId;
use crate::account::{AttachedPolicy, Resources};
use crate::arn::{Arn, Location};
use crate::policy::{AccessRequest, Context, NamedPolicy, Policies};
use crate::refusal::Refusal;

/// Refuses a call to a secret that the session may not make. One to a secret that does not exist is
/// judged first and not found afterwards.
pub(super) fn check(
    resources: &Resources,
    call: &Call<'_>,
    input: &SecretInput,
    id: SecretId<'_>,
) -> Result<(), Refusal> {
    let context = context(call)
        .with("secretsmanager:SecretId", id.id)
        .with_all("secretsmanager:VersionId", input.version_id()?)
        .with_all("secretsmanager:VersionStage", input.version_stage()?);
    match resources.secrets.find(id) {
        Ok(secret) => Access {
            arn: &secret.arn,
            called: secret.arn.as_str(),
            policy: secret.resource_policy.as_ref(),
        }
        .check(resources, call, context),
        Err(_) => {
            let arn = Arn::parse(id.id).unwrap_or_else(|_| arn_of_name(id.location, id.id));
            Access { arn: &arn, called: id.id, policy: None }.check(resources, call, context)
        }
    }
}

/// Refuses a new secret that the session may not create.
pub(super) fn check_create(
    resources: &Resources,
    call: &Call<'_>,
    input: &SecretInput,
    location: &Location,
    name: &str,
) -> Result<(), Refusal> {
    let context = context(call)
        .with("secretsmanager:Name", name)
        .with_all("secretsmanager:Description", input.description()?);
    let arn = arn_of_name(location, name);
    Access { arn: &arn, called: name, policy: None }.check(resources, call, context)
}

/// A secret without the characters behind its name is all that is known of one that is not there.
fn arn_of_name(location: &Location, name: &str) -> Arn {
    Arn::new("secretsmanager", location, &format!("secret:{name}"))
}

fn context(call: &Call<'_>) -> Context {
    call.session.request_context(call.request, &call.region, call.now)
}

/// The secret that a call is about.
struct Access<'a> {
    arn: &'a Arn,
    /// What messages call it.
    called: &'a str,
    policy: Option<&'a AttachedPolicy>,
}

impl Access<'_> {
    fn check(
        &self,
        resources: &Resources,
        call: &Call<'_>,
        context: Context,
    ) -> Result<(), Refusal> {
        let role = resources.role(&call.session.role_arn);
        let permissions = role.map(|role| role.permissions.as_slice()).unwrap_or_default();
        let identity: Vec<NamedPolicy<'_>> =
            permissions.iter().map(|policy| policy.named()).collect();
        let session: Vec<NamedPolicy<'_>> =
            call.session.session_policies.iter().map(|policy| policy.named()).collect();
        let policies = Policies {
            identity: &identity,
            session: &session,
            resource: self.policy.map(AttachedPolicy::named),
            resource_account: self.arn.account(),
        };
        let principal = call.session.principal();
        let action = format!("secretsmanager:{}", call.operation);
        let context = context.with("aws:ResourceAccount", self.arn.account());
        let request = AccessRequest::new(&principal, &action, self.arn.as_str(), context);
        let Err(denial) = policies.authorize(&request) else { return Ok(()) };
        let told = AccessRequest::new(&principal, &action, self.called, Context::default());
        let message = denial.message(&told);
        Err(Refusal::new(400, "AccessDeniedException", message, "policy")
            .explained(format!("{action} on {}: {denial}", self.arn)))
    }
}
