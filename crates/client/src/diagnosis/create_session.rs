//! `CreateSession`: every refusal that the service is known to give.

use super::chain::untrusted;
use super::{Evidence, clock_offset, general, seconds_behind};
use crate::aws::create_session::{SessionDuration, SessionRequest};
use crate::aws::error_response::ServiceError;
use crate::x509::requirements::Violation;

/// Returns the likely causes of `service_error`, each with a remedy, the most likely first.
pub fn create_session(
    service_error: &ServiceError,
    session: &SessionRequest,
    evidence: &Evidence<'_>,
) -> Vec<String> {
    let message = service_error.message.as_str();
    let has = |part: &str| message.to_ascii_lowercase().contains(part);
    if let Some(hint) = general(service_error) {
        return vec![hint];
    }
    if has("invalid signature") {
        return invalid_signature(service_error, session, evidence);
    }
    if has("insufficient certificate") {
        return insufficient_certificate(evidence);
    }
    if has("untrusted") {
        return untrusted(session, evidence);
    }
    if has("revoked") {
        let serial = evidence.leaf.serial();
        return vec![format!(
            "the certificate with serial {serial} is on a CRL imported for {}: issue a new one",
            session.trust_anchor
        )];
    }
    let accounts = accounts(session);
    let beside = |hints: Vec<String>| accounts.iter().cloned().chain(hints).collect();
    if has("unable to assume role") {
        return beside(unable_to_assume(message, session));
    }
    // A profile lists only roles of its account.
    if let (true, Some(hint)) = (has("isn't one of those listed in the profile"), &accounts) {
        return vec![hint.clone()];
    }
    if let Some(hint) = configuration(&has, session) {
        return beside(vec![hint]);
    }
    beside(match service_error.code.as_deref() {
        Some("ValidationException") => vec!["the request breaks a rule of the service; the words above name the member and the rule".to_owned()],
        Some("ResourceNotFoundException") => vec![format!("check that `--trust-anchor-arn`, `--profile-arn` and `--role-arn` exist in {} and in these accounts", session.region)],
        _ => vec!["run again with `--debug` and compare what is sent with the trust anchor, the profile and the role".to_owned()],
    })
}

/// Describes which of trust anchor, profile and role are in different accounts. It is only a hint: AWS
/// may allow it one day, so no request is refused for it here.
fn accounts(session: &SessionRequest) -> Option<String> {
    let SessionRequest { trust_anchor, profile, role, .. } = session;
    let (anchor, profile, role) = (trust_anchor.account(), profile.account(), role.account());
    (anchor != profile || anchor != role).then(|| format!(
        "the accounts differ: the trust anchor is in {anchor}, the profile in {profile} and the role in {role}; a session needs all three in one account"
    ))
}

fn invalid_signature(
    service_error: &ServiceError,
    session: &SessionRequest,
    evidence: &Evidence<'_>,
) -> Vec<String> {
    let altered = format!(
        "a proxy or gateway that changes the request's headers or body can cause this, or an endpoint of another Region than {}",
        session.region
    );
    // Minutes are tolerated; how many is not documented.
    match (
        clock_offset(service_error, evidence.received),
        seconds_behind(service_error, evidence.received),
    ) {
        (Some(offset), Some(seconds)) if seconds.abs() >= 300 => vec![offset],
        (Some(offset), _) => vec![offset, altered],
        (None, Some(_)) => vec![format!("the clock agrees with AWS's to a minute; {altered}")],
        (None, None) => {
            vec![format!("the answer has no date to compare the clock with; {altered}")]
        }
    }
}

fn insufficient_certificate(evidence: &Evidence<'_>) -> Vec<String> {
    let (usage, empty_subject) = (evidence.leaf.usage(), evidence.leaf.subject().is_empty());
    let violations = Violation::of_usage(usage, empty_subject);
    if violations.is_empty() {
        return vec!["nothing in the certificate itself is against the documented rules (X.509 v3, not a CA, keyUsage with digitalSignature, SHA-256 or better); check the CAs above it: keyUsage with keyCertSign, basicConstraints CA:TRUE".to_owned()];
    }
    let words: Vec<String> = violations.iter().map(ToString::to_string).collect();
    vec![format!("the certificate {}: issue one without that fault", words.join(", and it "))]
}

fn unable_to_assume(message: &str, session: &SessionRequest) -> Vec<String> {
    let role = &session.role;
    if message.contains("exceeds the MaxSessionDuration") {
        let asked = match session.duration {
            SessionDuration::OfProfile => "the profile's duration".to_owned(),
            SessionDuration::Seconds(seconds) => format!("{seconds} seconds"),
        };
        return vec![format!(
            "{asked} is longer than {role} allows: pass a shorter `--session-duration`, or raise the role's MaxSessionDuration"
        )];
    }
    let mut hints = vec![format!(
        "the trust policy of {role} must allow the principal rolesanywhere.amazonaws.com the actions sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity, and its conditions must hold (aws:SourceArn is {}, aws:PrincipalTag/x509Subject/CN and the like come from the certificate)",
        session.trust_anchor
    )];
    if message.contains("failed to be mapped into session tags") {
        hints.push("the attributes named above hold characters that no session tag may have, so conditions on them see nothing: change the certificate, or the profile's attribute mapping".to_owned());
    }
    hints
}

/// Refusals whose cause is in the trust anchor, the profile or the role's place in it.
fn configuration(has: &dyn Fn(&str) -> bool, session: &SessionRequest) -> Option<String> {
    let SessionRequest { trust_anchor, profile, role, region, .. } = session;
    if has("specified trust anchor wasn't found") {
        return Some(format!("there is no {trust_anchor} in {region}: check `--trust-anchor-arn`"));
    }
    if has("trust anchor is disabled") {
        return Some(format!("enable {trust_anchor} (`aws rolesanywhere enable-trust-anchor`)"));
    }
    if has("invalid or empty profile") {
        return Some(format!("there is no {profile} in {region}: check `--profile-arn`"));
    }
    if has("profile is disabled") {
        return Some(format!("enable {profile} (`aws rolesanywhere enable-profile`)"));
    }
    if has("isn't one of those listed in the profile") {
        let id = profile.id();
        return Some(format!(
            "add the role to the profile; the command replaces the whole list, so name every role of it (`aws rolesanywhere get-profile --region {region} --profile-id {id}`): `aws rolesanywhere update-profile --region {region} --profile-id {id} --role-arns {role} OTHER-ROLE-ARNS`"
        ));
    }
    if has("not authorized to set rolesessionname") {
        return Some(format!(
            "leave out `--role-session-name`, or let {profile} accept custom session names (acceptRoleSessionName)"
        ));
    }
    None
}
