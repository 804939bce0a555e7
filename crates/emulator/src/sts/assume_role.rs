//! AssumeRole: who may assume which role, for how long, and what the new session inherits.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

mod access;
mod session_policies;

use std::collections::{BTreeMap, BTreeSet};

use super::input::{self, AssumeRoleInput};
use super::response;
use crate::account::{Resources, Role};
use crate::caller::Caller;
use crate::query::Parameters;
use crate::refusal::Refusal;
use crate::session::{self, Session};
use crate::sts::{StsAnswer, StsCall};
use access::RoleAccess;
pub(super) use session_policies::PackedSize;
use session_policies::SessionPolicies;

/// The longest session of a role that another role's session assumes.
const LONGEST_CHAINED: u32 = 3600;

/// Makes every check and vends a session, which is the caller's to keep.
pub(crate) fn assume_role(resources: &Resources, call: &StsCall<'_>) -> Result<StsAnswer, Refusal> {
    let input = input::parse(&Parameters::of(call.request))?;
    let inherited = Inherited::of(call.caller.session(), &input)?;
    let policies = SessionPolicies::read(resources, &input)?;
    let packed = PackedSize::of(&input)?;
    let access = RoleAccess { resources, call, input: &input, inherited: &inherited };
    let (role, explanation) = access.check()?;
    check_duration(role, call.caller, input.duration_seconds)?;
    let mut tags = inherited.tags;
    tags.extend(input.tags);
    let session = Session {
        access_key_id: session::access_key_id(),
        secret_access_key: session::secret_access_key(),
        session_token: session::session_token(),
        issued: call.now,
        expiration: call.now + session::lifetime(input.duration_seconds, call.end_after_seconds),
        duration_seconds: input.duration_seconds,
        role_arn: role.arn.clone(),
        role_session_name: input.role_session_name,
        source_identity: inherited.source_identity.unwrap_or_default(),
        tags,
        transitive_tag_keys: inherited.transitive_tag_keys,
        session_policies: policies.0,
    };
    let reply = response::assume_role(&session, packed, call.request_id);
    Ok(StsAnswer { reply, vended: Some(session), explanation: Some(explanation) })
}

/// What the new session has of the caller's, beside what the request gives.
struct Inherited {
    source_identity: Option<String>,
    /// The tags of the caller that are transitive.
    tags: BTreeMap<String, String>,
    /// Those of the caller, and those of the request.
    transitive_tag_keys: BTreeSet<String>,
}

impl Inherited {
    /// A source identity that is set stays, and so does a transitive tag. A user has neither.
    fn of(caller: Option<&Session>, input: &AssumeRoleInput) -> Result<Self, Refusal> {
        let own = caller.map(|session| &session.source_identity);
        let own = own.filter(|identity| !identity.is_empty());
        let own_transitive = || caller.into_iter().flat_map(|it| &it.transitive_tag_keys);
        if let (Some(own), Some(asked)) = (own, &input.source_identity)
            && own != asked
        {
            let message = "The source identity is already set for this assume role session";
            return Err(Refusal::new(400, "ValidationError", message, "source-identity")
                .explained(format!("the caller's session has the source identity `{own}`")));
        }
        let is_transitive =
            |key: &str| own_transitive().any(|known| known.to_lowercase() == key.to_lowercase());
        if let Some(key) = input.tags.keys().find(|key| is_transitive(key)) {
            let message = format!(
                "The tag key {key} conflicts with a transitive tag key from the calling session"
            );
            return Err(Refusal::new(400, "InvalidParameterValue", message, "tags"));
        }
        let tags = caller.into_iter().flat_map(|session| &session.tags);
        let tags = tags.filter(|(key, _)| is_transitive(key));
        let passed = input.tags.keys().filter(|tag| {
            input.transitive_tag_keys.iter().any(|key| key.to_lowercase() == tag.to_lowercase())
        });
        Ok(Self {
            source_identity: own.or(input.source_identity.as_ref()).cloned(),
            tags: tags.map(|(key, value)| (key.clone(), value.clone())).collect(),
            transitive_tag_keys: own_transitive().chain(passed).cloned().collect(),
        })
    }
}

/// The session of a role can get a chained session only, which is shorter.
fn check_duration(role: &Role, caller: &Caller, seconds: u32) -> Result<(), Refusal> {
    let message = if seconds > role.max_session_seconds {
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    } else if caller.session().is_some() && seconds > LONGEST_CHAINED {
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role \
         chaining."
    } else {
        return Ok(());
    };
    Err(Refusal::new(400, "ValidationError", message, "max-session-duration"))
}

#[cfg(test)]
mod tests;
