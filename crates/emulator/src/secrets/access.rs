//! Who may call Secrets Manager: the role's permissions, what limits the session, and the secret's
//! own policy.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access.html>

use super::store::{Secret, SecretId};
use crate::account::{AttachedPolicy, Resources};
use crate::arn::{Arn, Location};
use crate::json_call::JsonCall;
use crate::kms::{KeyFailure, KeyUse};
use crate::policy::Context;
use crate::refusal::Refusal;
use crate::resource_access::ResourceAccess;

/// Refuses a call to a secret that the session may not make. One to a secret that does not exist is
/// judged first and not found afterwards.
pub(super) fn check(
    resources: &Resources,
    call: &JsonCall<'_>,
    action: &str,
    id: SecretId<'_>,
    context: Context,
) -> Result<(), Refusal> {
    let context = context.with("secretsmanager:SecretId", id.id);
    match resources.secrets.find(id) {
        Ok(secret) => {
            let context = secret.tags.iter().fold(context, |context, (key, value)| {
                context
                    .with(&format!("aws:ResourceTag/{key}"), value.as_str())
                    .with(&format!("secretsmanager:ResourceTag/{key}"), value.as_str())
            });
            let access =
                Access { call, action, arn: &secret.arn, called: secret.arn.as_str(), context };
            access.check(resources, secret.resource_policy.as_ref())
        }
        Err(_) => {
            let arn = Arn::parse(id.id).unwrap_or_else(|_| arn_of_name(id.location, id.id));
            Access { call, action, arn: &arn, called: id.id, context }.check(resources, None)
        }
    }
}

/// Refuses a new secret that the session may not create.
pub(super) fn check_create(
    resources: &Resources,
    call: &JsonCall<'_>,
    secret: &Secret,
) -> Result<(), Refusal> {
    let name = secret.name.as_str();
    let context = call
        .with_request_tags(&secret.tags)
        .with("secretsmanager:Name", name)
        .with_all("secretsmanager:Description", secret.description.as_deref())
        .with_all("secretsmanager:KmsKeyId", secret.kms_key_id.as_deref());
    let arn = arn_of_name(&call.location, name);
    let tagged = (!secret.tags.is_empty()).then_some("secretsmanager:TagResource");
    for action in ["secretsmanager:CreateSecret"].into_iter().chain(tagged) {
        let context = context.clone();
        Access { call, action, arn: &arn, called: name, context }.check(resources, None)?;
    }
    Ok(())
}

/// Refuses a secret whose KMS key the session may not use: one of its own needs permissions, and the
/// one that AWS manages serves its own account only.
pub(super) fn check_key(
    resources: &Resources,
    call: &JsonCall<'_>,
    action: &str,
    secret: &Secret,
) -> Result<(), Refusal> {
    const DENIED: &str = "Access to KMS is not allowed";
    if secret.failure == Some(KeyFailure::KmsDenied) {
        return Err(Refusal::new(400, "AccessDeniedException", DENIED, "kms"));
    }
    let Some(key) = secret.kms_key() else {
        if secret.arn.account() == call.location.account {
            return Ok(());
        }
        let message = "You can't access a secret from a different AWS account if you encrypt the \
                       secret with the default KMS service key.";
        return Err(Refusal::new(400, "InvalidRequestException", message, "kms"));
    };
    let service = format!("secretsmanager.{}.amazonaws.com", call.location.region);
    let context = call
        .context()
        .with("kms:ViaService", service)
        .with("kms:EncryptionContext:SecretARN", secret.arn.as_str());
    KeyUse { caller: call.caller, action, key: &key, context }
        .check(resources)
        .map_err(|refusal| Refusal { message: DENIED.to_owned(), ..refusal })
}

/// A secret without the characters behind its name is all that is known of one that is not there.
fn arn_of_name(location: &Location, name: &str) -> Arn {
    Arn::new("secretsmanager", location, &format!("secret:{name}"))
}

/// A call to a secret.
struct Access<'a> {
    call: &'a JsonCall<'a>,
    action: &'a str,
    arn: &'a Arn,
    /// What messages call it.
    called: &'a str,
    context: Context,
}

impl Access<'_> {
    fn check(self, resources: &Resources, policy: Option<&AttachedPolicy>) -> Result<(), Refusal> {
        ResourceAccess {
            caller: self.call.caller,
            action: self.action,
            resource: self.arn.as_str(),
            account: self.arn.account(),
            called: self.called,
            policy,
            context: self.context,
        }
        .check(resources)
    }
}
