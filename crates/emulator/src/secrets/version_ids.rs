//! ListSecretVersionIds: the versions of a secret, also those without labels.

use serde_json::{Value, json};

use super::access;
use super::input::SecretInput;
use super::store::SecretId;
use super::versions::Version;
use crate::account::Resources;
use crate::date::epoch;
use crate::json_call::JsonCall;
use crate::refusal::Refusal;

/// The most versions of a page.
const MOST_ENTRIES: usize = 100;

pub(super) fn list_secret_version_ids(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let id = SecretId { id: input.secret_id()?, location: &call.location };
    access::check(resources, call, "secretsmanager:ListSecretVersionIds", id, call.context())?;
    let deprecated_too = input.members().flag("IncludeDeprecated")?;
    let page = input.page(MOST_ENTRIES)?;
    let secret = resources.secrets.find(id)?;
    let is_listed = |version: &&Version| deprecated_too || !version.stages.is_empty();
    let versions: Vec<_> = secret.versions.iter().filter(is_listed).collect();
    let (versions, next) = page.of(&versions);
    let entry = |version: &&Version| {
        let mut entry = json!({ "VersionId": version.id, "CreatedDate": epoch(version.created) });
        if !version.stages.is_empty() {
            entry["VersionStages"] = json!(version.stages);
        }
        entry
    };
    let mut body = json!({
        "ARN": secret.arn.as_str(),
        "Name": secret.name,
        "Versions": versions.iter().map(entry).collect::<Vec<_>>(),
    });
    if let Some(next) = next {
        body["NextToken"] = json!(next);
    }
    Ok(body)
}
