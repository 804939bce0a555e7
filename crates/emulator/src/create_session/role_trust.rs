//! Whether a role lets Roles Anywhere assume it: what STS evaluates before CreateSession answers.
//!
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html>

use time::OffsetDateTime;

use crate::account::{Role, TrustAnchor};
use crate::policy::{AccessRequest, Context, Policies, Principal};
use crate::session::Session;

/// The service that assumes roles for holders of certificates.
const SERVICE: &str = "rolesanywhere.amazonaws.com";

/// Returns why the trust policy does not allow the session, in a sentence for the log.
///
/// Roles Anywhere sets a source identity, and passes session tags if the certificate has any that
/// the profile maps: each is an action of its own that the trust policy must allow.
pub(super) fn check(
    role: &Role,
    anchor: &TrustAnchor,
    session: &Session,
    now: OffsetDateTime,
) -> Result<(), String> {
    let principal = Principal::Service(SERVICE.to_owned());
    let context = context(anchor, session, now);
    let policies = Policies {
        identity: &[],
        session: &[],
        resource: Some(role.trust_policy.named()),
        resource_account: role.arn.account(),
    };
    let tags = (!session.tags.is_empty()).then_some("sts:TagSession");
    for action in ["sts:AssumeRole", "sts:SetSourceIdentity"].into_iter().chain(tags) {
        let request = AccessRequest::new(&principal, action, role.arn.as_str(), context.clone());
        policies
            .authorize(&request)
            .map_err(|denial| format!("{action} on {}: {denial}", role.arn))?;
    }
    Ok(())
}

/// The keys that Roles Anywhere documents: the source is the trust anchor, and the session's tags
/// are the principal's already. That they are those of the request too follows from STS.
///
/// There is no `aws:SourceIp`: it is a service that calls STS.
fn context(anchor: &TrustAnchor, session: &Session, now: OffsetDateTime) -> Context {
    let mut context = Context::default()
        .at(now)
        .with("aws:SourceArn", anchor.arn.as_str())
        .with("aws:SourceAccount", anchor.arn.account())
        .with("aws:RequestedRegion", anchor.arn.location().region)
        .with("aws:SecureTransport", "true")
        .with("sts:RoleSessionName", session.role_session_name.as_str())
        .with("sts:SourceIdentity", session.source_identity.as_str())
        .with_all("aws:TagKeys", session.tags.keys().map(String::as_str));
    for (key, value) in &session.tags {
        context = context
            .with(&format!("aws:PrincipalTag/{key}"), value.as_str())
            .with(&format!("aws:RequestTag/{key}"), value.as_str());
    }
    context
}
