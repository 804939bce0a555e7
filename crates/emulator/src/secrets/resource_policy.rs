//! The policies of secrets: PutResourcePolicy, GetResourcePolicy and DeleteResourcePolicy.

use serde_json::{Value, json};

use super::access;
use super::input::SecretInput;
use super::store::SecretId;
use super::write::answer;
use crate::account::{AttachedPolicy, Resources};
use crate::json_call::JsonCall;
use crate::policy::{Policy, PolicyKind};
use crate::refusal::Refusal;

pub(super) fn put_resource_policy(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let id = SecretId { id: input.secret_id()?, location: &call.location };
    let document = input.members().required_text("ResourcePolicy", 1..=20_480)?;
    let blocks_public = input.members().flag("BlockPublicPolicy")?;
    let context =
        call.context().with("secretsmanager:BlockPublicPolicy", blocks_public.to_string());
    access::check(resources, call, "secretsmanager:PutResourcePolicy", id, context)?;
    let policy = Policy::parse(PolicyKind::Resource, document).map_err(|errors| {
        let message = "This resource policy contains a syntax error.";
        let explanation = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Refusal::new(400, "MalformedPolicyDocumentException", message, "resource-policy")
            .explained(explanation)
    })?;
    if blocks_public && policy.is_public() {
        let message = "Your resource policy contains a statement that allows broad access to the \
                       secret.";
        return Err(Refusal::new(400, "PublicPolicyException", message, "resource-policy"));
    }
    let secret = resources.secrets.find_mut(id)?;
    secret.check_writable()?;
    let name = format!("the resource policy of secret {}", secret.name);
    secret.resource_policy = Some(AttachedPolicy { name, policy });
    secret.changed = call.now;
    Ok(answer(secret, None))
}

pub(super) fn get_resource_policy(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let id = SecretId { id: input.secret_id()?, location: &call.location };
    access::check(resources, call, "secretsmanager:GetResourcePolicy", id, call.context())?;
    let secret = resources.secrets.find(id)?;
    let mut body = answer(secret, None);
    if let Some(attached) = &secret.resource_policy {
        body["ResourcePolicy"] = json!(attached.policy.document());
    }
    Ok(body)
}

pub(super) fn delete_resource_policy(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let id = SecretId { id: input.secret_id()?, location: &call.location };
    access::check(resources, call, "secretsmanager:DeleteResourcePolicy", id, call.context())?;
    let secret = resources.secrets.find_mut(id)?;
    secret.check_writable()?;
    secret.resource_policy = None;
    secret.changed = call.now;
    Ok(answer(secret, None))
}
