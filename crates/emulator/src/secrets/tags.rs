//! TagResource and UntagResource.

use serde_json::{Value, json};

use super::access;
use super::input::{MOST_TAGS, SecretInput};
use super::store::SecretId;
use crate::account::Resources;
use crate::json_call::JsonCall;
use crate::refusal::Refusal;

pub(super) fn tag_resource(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let id = SecretId { id: input.secret_id()?, location: &call.location };
    let tags = input.tags()?.ok_or_else(|| input.members().missing("Tags"))?;
    let context = call.with_request_tags(&tags);
    access::check(resources, call, "secretsmanager:TagResource", id, context)?;
    let secret = resources.secrets.find_mut(id)?;
    secret.check_writable()?;
    let added = tags.keys().filter(|key| !secret.tags.contains_key(*key)).count();
    if secret.tags.len() + added > MOST_TAGS {
        let message = format!("A secret can't have more than {MOST_TAGS} tags.");
        return Err(Refusal::new(400, "InvalidParameterException", message, "tags"));
    }
    secret.tags.extend(tags);
    secret.changed = call.now;
    Ok(json!({}))
}

pub(super) fn untag_resource(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let id = SecretId { id: input.secret_id()?, location: &call.location };
    let keys = input.members().texts("TagKeys", 0..=MOST_TAGS, 1..=128)?;
    let keys = keys.ok_or_else(|| input.members().missing("TagKeys"))?;
    let context = call.context().with_all("aws:TagKeys", keys.iter().copied());
    access::check(resources, call, "secretsmanager:UntagResource", id, context)?;
    let secret = resources.secrets.find_mut(id)?;
    secret.check_writable()?;
    secret.tags.retain(|key, _| !keys.contains(&key.as_str()));
    secret.changed = call.now;
    Ok(json!({}))
}
