//! CreateSession: the checks in the order that AWS seems to make them, and the credentials.
//!
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-create-session.html>

mod authentication;
mod input;
mod role_trust;

use std::collections::BTreeSet;

use serde_json::json;
use time::OffsetDateTime;

use crate::account::{Profile, Resources, Role, TrustAnchor};
use crate::arn::Arn;
use crate::date::format_iso;
use crate::message::{Reply, Request};
use crate::refusal::Refusal;
use crate::session::{self, Session};
use crate::state::{State, Strictness};
use crate::trust::Trust;
use crate::uuid;
use crate::x509::Certificate;
use crate::x509::identity::{role_session_name, source_identity};
use crate::x509::tags::session_tags;
use authentication::Authenticated;
use input::CreateSessionInput;

/// What a request that was accepted brings.
#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) reply: Reply,
    pub(crate) session: Session,
    /// What the strict emulator would have refused.
    pub(crate) tolerated: Vec<&'static str>,
}

/// Makes every check and vends a session, which is the caller's to keep.
pub(crate) fn create_session(state: &State, request: &Request) -> Result<Created, Refusal> {
    let now = state.clock.now();
    let input = input::parse(request, state.strictness)?;
    let authenticated = authentication::authenticate(state, request, now)?;
    let anchor = trust_anchor(&state.resources, &input, &authenticated.region)?;
    check_trust(state, anchor, &authenticated, now)?;
    let profile = profile(&state.resources, &input, anchor)?;
    let role = role_in_profile(&state.resources, profile, &input)?;
    let leaf = &authenticated.leaf;
    let name = session_name(profile, &input, leaf)?;
    let mapped = session_tags(leaf, &profile.attribute_mappings);
    let duration_seconds = duration(profile, &input);
    check_duration(role, duration_seconds)?;
    let session = Session {
        access_key_id: session::access_key_id(),
        secret_access_key: session::secret_access_key(),
        session_token: session::session_token(),
        expiration: now + session::lifetime(duration_seconds, state.end_after_seconds),
        duration_seconds,
        issued: now,
        role_arn: role.arn.clone(),
        role_session_name: name,
        source_identity: source_identity(leaf),
        tags: mapped.tags,
        transitive_tag_keys: BTreeSet::new(),
        session_policies: profile.session_policies.clone(),
    };
    role_trust::check(role, anchor, &session, now).map_err(|explanation| {
        let message = unable_to_assume(role) + &mapped.dropped.suffix();
        Refusal::denied(message, "trust-policy").explained(explanation)
    })?;
    let reply = reply(&session, leaf, anchor);
    Ok(Created { reply, session, tolerated: authenticated.tolerated })
}

/// Finds the trust anchor in the Region that the request is signed for: an endpoint knows those of
/// its own Region only.
fn trust_anchor<'a>(
    resources: &'a Resources,
    input: &CreateSessionInput,
    region: &str,
) -> Result<&'a TrustAnchor, Refusal> {
    let not_found = |reason| Refusal::denied("Specified Trust Anchor wasn't found.", reason);
    let anchor = resources
        .trust_anchors
        .iter()
        .find(|anchor| anchor.arn == input.trust_anchor_arn)
        .ok_or_else(|| not_found("trust-anchor"))?;
    if anchor.arn.location().region != region {
        return Err(not_found("trust-anchor-region"));
    }
    if anchor.enabled {
        Ok(anchor)
    } else {
        Err(Refusal::denied("Trust anchor is disabled", "trust-anchor-disabled"))
    }
}

fn check_trust(
    state: &State,
    anchor: &TrustAnchor,
    authenticated: &Authenticated,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let trust = Trust {
        anchors: &anchor.certificates,
        crls: &anchor.crls,
        now,
        any_extended_key_usage: state.strictness == Strictness::Lenient,
    };
    trust
        .verify(&authenticated.leaf, &authenticated.chain)
        .map_err(|distrust| Refusal::denied(distrust.message(), distrust.reason()))?;
    if state.revoked.contains(&authenticated.leaf.serial_decimal) {
        return Err(Refusal::denied("Certificate revoked", "revoked"));
    }
    Ok(())
}

/// Finds the profile, in the account and Region of the trust anchor.
fn profile<'a>(
    resources: &'a Resources,
    input: &CreateSessionInput,
    anchor: &TrustAnchor,
) -> Result<&'a Profile, Refusal> {
    let invalid = |reason| Refusal::denied("Invalid or empty profile provided.", reason);
    let profile = resources
        .profiles
        .iter()
        .find(|profile| profile.arn == input.profile_arn)
        .ok_or_else(|| invalid("profile"))?;
    if profile.arn.location() != anchor.arn.location() {
        return Err(invalid("profile-location"));
    }
    if profile.enabled {
        Ok(profile)
    } else {
        Err(Refusal::denied("Profile is disabled", "profile-disabled"))
    }
}

fn role_in_profile<'a>(
    resources: &'a Resources,
    profile: &Profile,
    input: &CreateSessionInput,
) -> Result<&'a Role, Refusal> {
    let listed = profile.role_arns.contains(&input.role_arn);
    listed.then(|| resources.role(&input.role_arn)).flatten().ok_or_else(|| {
        Refusal::denied("Requested Role isn't one of those listed in the Profile.", "role")
    })
}

fn session_name(
    profile: &Profile,
    input: &CreateSessionInput,
    leaf: &Certificate,
) -> Result<String, Refusal> {
    match &input.role_session_name {
        Some(_) if !profile.accept_role_session_name => {
            Err(Refusal::denied("Not authorized to set roleSessionName.", "role-session-name"))
        }
        Some(name) => Ok(name.clone()),
        None => Ok(role_session_name(leaf)),
    }
}

/// The lesser of what profile and request say; a certificate's end is not part of it.
fn duration(profile: &Profile, input: &CreateSessionInput) -> u32 {
    let asked_for = input.duration_seconds.unwrap_or(profile.duration_seconds);
    asked_for.min(profile.duration_seconds)
}

/// A session that is too long is refused, not cut.
fn check_duration(role: &Role, duration_seconds: u32) -> Result<(), Refusal> {
    if duration_seconds <= role.max_session_seconds {
        return Ok(());
    }
    let why = " The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    Err(Refusal::denied(unable_to_assume(role) + why, "max-session-duration"))
}

fn unable_to_assume(role: &Role) -> String {
    format!("Unable to assume role for {}.", role.arn)
}

fn reply(session: &Session, leaf: &Certificate, anchor: &TrustAnchor) -> Reply {
    let mut subject_id = [0; 16];
    subject_id.copy_from_slice(&leaf.subject_sha256[..16]);
    let subject = format!("subject/{}", uuid::from_octets(subject_id));
    let subject = Arn::new("rolesanywhere", &anchor.arn.location(), &subject);
    let tag_bytes: usize = session.tags.iter().map(|(key, value)| key.len() + value.len()).sum();
    let body = json!({
        "credentialSet": [{
            "assumedRoleUser": {
                "arn": session.assumed_role_arn(),
                "assumedRoleId": session.assumed_role_id(),
            },
            "credentials": {
                "accessKeyId": session.access_key_id,
                "secretAccessKey": session.secret_access_key,
                "sessionToken": session.session_token,
                "expiration": format_iso(session.expiration),
            },
            "packedPolicySize": tag_bytes / 20,
            "roleArn": session.role_arn.as_str(),
            "sourceIdentity": session.source_identity,
        }],
        "subjectArn": subject.as_str(),
    });
    Reply::new(201, "application/json", body.to_string())
}
