//! `CreateSession`: every refusal that the service is known to give.

use super::cause::{Cause, CertificateCause, ConfigurationCause};
use super::chain::untrusted;
use super::{Evidence, general, invalid_signature};
use crate::aws::create_session::SessionRequest;
use crate::aws::error_response::ServiceError;
use crate::x509::requirements::Violation;
use crate::x509::session_attributes::{SessionAttributes, Tag, TagStatus};

/// Returns the likely causes of `service_error`, the most likely first; at least one.
pub fn create_session(
    service_error: &ServiceError,
    session: &SessionRequest,
    evidence: &Evidence<'_>,
) -> Vec<Cause> {
    let message = service_error.message.as_str();
    let lower_case = message.to_ascii_lowercase();
    let has = |part: &str| lower_case.contains(part);
    if let Some(cause) = general(service_error) {
        return vec![cause];
    }
    if has("invalid signature") {
        return invalid_signature(service_error, &session.region, evidence.received);
    }
    if let Some(causes) = certificate(&has, session, evidence) {
        return causes.into_iter().map(Cause::Certificate).collect();
    }
    let accounts = different_accounts(session);
    let others = if has("unable to assume role") {
        unable_to_assume(message, session, evidence).into_iter().map(Cause::Configuration).collect()
    } else if accounts.is_some() && has(NOT_LISTED) {
        // The role is not reported as missing: a profile lists only roles of its account.
        Vec::new()
    } else if let Some(cause) = configuration(&has, service_error, session) {
        vec![Cause::Configuration(cause)]
    } else if service_error.code.as_deref() == Some("ValidationException") {
        vec![Cause::InvalidRequest]
    } else {
        vec![Cause::Unknown]
    };
    accounts.map(Cause::Configuration).into_iter().chain(others).collect()
}

/// Returns the causes in the certificate, if the message is about it.
fn certificate(
    has: &dyn Fn(&str) -> bool,
    session: &SessionRequest,
    evidence: &Evidence<'_>,
) -> Option<Vec<CertificateCause>> {
    if has("insufficient certificate") {
        return Some(vec![insufficient_certificate(evidence)]);
    }
    if has("untrusted") {
        return Some(untrusted(session, evidence));
    }
    has("revoked").then(|| {
        let (serial, trust_anchor) = (evidence.leaf.serial(), session.trust_anchor.clone());
        vec![CertificateCause::Revoked { serial: serial.to_owned(), trust_anchor }]
    })
}

fn insufficient_certificate(evidence: &Evidence<'_>) -> CertificateCause {
    let (usage, empty_subject) = (evidence.leaf.usage(), evidence.leaf.subject().is_empty());
    let violations = Violation::of_usage(usage, empty_subject);
    match violations.is_empty() {
        true => CertificateCause::NoViolation,
        false => CertificateCause::Violations(violations),
    }
}

fn different_accounts(session: &SessionRequest) -> Option<ConfigurationCause> {
    let SessionRequest { trust_anchor, profile, role, .. } = session;
    let (anchor, profile, role) = (trust_anchor.account(), profile.account(), role.account());
    (anchor != profile || anchor != role).then(|| ConfigurationCause::DifferentAccounts {
        trust_anchor: anchor.to_owned(),
        profile: profile.to_owned(),
        role: role.to_owned(),
    })
}

fn unable_to_assume(
    message: &str,
    session: &SessionRequest,
    evidence: &Evidence<'_>,
) -> Vec<ConfigurationCause> {
    let (role, trust_anchor) = (session.role.clone(), session.trust_anchor.clone());
    if message.contains("exceeds the MaxSessionDuration") {
        return vec![ConfigurationCause::DurationTooLong { requested: session.duration, role }];
    }
    let common_name = common_name_tag(evidence);
    let mut causes = vec![ConfigurationCause::TrustPolicy { role, trust_anchor, common_name }];
    if message.contains("failed to be mapped into session tags") {
        causes.push(ConfigurationCause::UnmappedAttributes);
    }
    causes
}

/// Returns the session tag of the certificate's common name.
fn common_name_tag(evidence: &Evidence<'_>) -> Option<String> {
    let attributes = SessionAttributes::of(evidence.leaf, evidence.received);
    let is_it = |tag: &Tag| tag.key == "x509Subject/CN" && tag.status == TagStatus::Kept;
    attributes.tags.into_iter().find(is_it).map(|tag| tag.value)
}

/// The part of a message about a role that the profile does not list.
const NOT_LISTED: &str = "isn't one of those listed in the profile";

/// Returns the cause in the trust anchor, the profile or the role's place in it.
fn configuration(
    has: &dyn Fn(&str) -> bool,
    service_error: &ServiceError,
    session: &SessionRequest,
) -> Option<ConfigurationCause> {
    let SessionRequest { trust_anchor, profile, role, region, .. } = session.clone();
    Some(if has("specified trust anchor wasn't found") {
        ConfigurationCause::NoSuchTrustAnchor { trust_anchor, region }
    } else if has("trust anchor is disabled") {
        ConfigurationCause::TrustAnchorDisabled(trust_anchor)
    } else if has("invalid or empty profile") {
        ConfigurationCause::NoSuchProfile { profile, region }
    } else if has("profile is disabled") {
        ConfigurationCause::ProfileDisabled(profile)
    } else if has(NOT_LISTED) {
        ConfigurationCause::RoleNotInProfile { role, profile, region }
    } else if has("not authorized to set rolesessionname") {
        ConfigurationCause::SessionNameNotAccepted(profile)
    } else if service_error.code.as_deref() == Some("ResourceNotFoundException") {
        ConfigurationCause::NoSuchResource { region }
    } else {
        return None;
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::ClockComparison;
    use crate::test_support::session::{identity, request};
    use crate::time::Timestamp;

    const RECEIVED: Timestamp = Timestamp::from_unix(1_780_000_000);

    fn service_error(code: &str, message: &str) -> ServiceError {
        ServiceError {
            status: 403,
            code: Some(code.to_owned()),
            message: message.to_owned(),
            request_id: None,
            date: None,
        }
    }

    fn causes(service_error: &ServiceError, session: &SessionRequest) -> Vec<Cause> {
        let identity = identity();
        let (leaf, chain) = (identity.certificate(), identity.chain());
        create_session(service_error, session, &Evidence { received: RECEIVED, leaf, chain })
    }

    fn message(message: &str) -> Vec<Cause> {
        causes(&service_error("AccessDeniedException", message), &request())
    }

    #[test]
    fn each_message_has_its_cause() {
        let SessionRequest { trust_anchor, profile, role, region, .. } = request();
        let not_listed = ConfigurationCause::RoleNotInProfile {
            role: role.clone(),
            profile: profile.clone(),
            region: region.clone(),
        };
        let rows = [
            (
                "Specified Trust Anchor wasn't found.",
                ConfigurationCause::NoSuchTrustAnchor {
                    trust_anchor: trust_anchor.clone(),
                    region: region.clone(),
                },
            ),
            ("Trust anchor is disabled", ConfigurationCause::TrustAnchorDisabled(trust_anchor)),
            (
                "Invalid or empty profile provided.",
                ConfigurationCause::NoSuchProfile { profile: profile.clone(), region },
            ),
            ("Profile is disabled", ConfigurationCause::ProfileDisabled(profile.clone())),
            ("Requested Role isn't one of those listed in the Profile.", not_listed),
            (
                "Not authorized to set roleSessionName.",
                ConfigurationCause::SessionNameNotAccepted(profile),
            ),
        ];
        for (text, cause) in rows {
            assert_eq!(message(text), [Cause::Configuration(cause)], "{text}");
        }
    }

    #[test]
    fn a_role_that_cannot_be_assumed_has_several_causes() {
        let SessionRequest { trust_anchor, role, duration, .. } = request();
        let common_name = Some("p256".to_owned());
        let policy =
            ConfigurationCause::TrustPolicy { role: role.clone(), trust_anchor, common_name };
        let rows = [
            (
                ": The requested DurationSeconds exceeds the MaxSessionDuration",
                vec![ConfigurationCause::DurationTooLong { requested: duration, role }],
            ),
            (
                ": x509Subject/O failed to be mapped into session tags",
                vec![policy.clone(), ConfigurationCause::UnmappedAttributes],
            ),
            ("", vec![policy]),
        ];
        for (ending, expected) in rows {
            let found = message(&format!("Unable to assume role{ending}"));
            let expected: Vec<_> = expected.into_iter().map(Cause::Configuration).collect();
            assert_eq!(found, expected, "{ending}");
        }
    }

    #[test]
    fn messages_about_the_certificate_come_before_the_configuration() {
        let (trust_anchor, serial) = (request().trust_anchor, identity());
        let serial = serial.certificate().serial().to_owned();
        let revoked = CertificateCause::Revoked { serial, trust_anchor };
        assert_eq!(message("Certificate revoked"), [Cause::Certificate(revoked)]);
        let meets_all = [Cause::Certificate(CertificateCause::NoViolation)];
        assert_eq!(message("Untrusted certificate. Insufficient certificate"), meets_all);
        let untrusted = message("Untrusted signing certificate");
        assert!(
            matches!(untrusted[..], [Cause::Certificate(CertificateCause::PathEnds { .. })]),
            "{untrusted:?}"
        );
    }

    #[test]
    fn without_a_known_message_the_code_decides() {
        let region = request().region;
        let not_found = ConfigurationCause::NoSuchResource { region };
        let rows = [
            ("ValidationException", Cause::InvalidRequest),
            ("ResourceNotFoundException", Cause::Configuration(not_found)),
            ("ThrottlingException", Cause::Throttled),
            ("AccessDeniedException", Cause::Unknown),
        ];
        for (code, cause) in rows {
            assert_eq!(causes(&service_error(code, ""), &request()), [cause], "{code}");
        }
        let failed = ServiceError { status: 500, ..service_error("InternalFailure", "untrusted") };
        assert_eq!(causes(&failed, &request()), [Cause::ServiceFailure]);
        let proxy = ServiceError { code: None, ..service_error("", "untrusted") };
        assert_eq!(causes(&proxy, &request()), [Cause::AnotherServer]);
    }

    #[test]
    fn clocks_decide_about_a_refused_signature() {
        let altered = |clocks| Cause::AlteredRequest { region: request().region, clocks };
        let offset = |seconds_behind| Cause::ClockOffset {
            seconds_behind,
            local: RECEIVED,
            aws: RECEIVED.after(seconds_behind),
        };
        let rows = [
            (None, vec![altered(ClockComparison::NotPossible)]),
            (Some(0), vec![altered(ClockComparison::Agree)]),
            (Some(-60), vec![altered(ClockComparison::Agree)]),
            (Some(61), vec![offset(61), altered(ClockComparison::Differ)]),
            (Some(-299), vec![offset(-299), altered(ClockComparison::Differ)]),
            (Some(300), vec![offset(300)]),
            (Some(-7_200), vec![offset(-7_200)]),
        ];
        for (behind, expected) in rows {
            let date = behind.map(|seconds| RECEIVED.after(seconds));
            let refused = service_error("AccessDeniedException", "Invalid signature");
            let found = causes(&ServiceError { date, ..refused }, &request());
            assert_eq!(found, expected, "{behind:?}");
        }
    }

    #[test]
    fn different_accounts_come_first_and_explain_a_role_that_is_not_listed() {
        let session = SessionRequest {
            role: "arn:aws:iam::999999999999:role/R".parse().unwrap(),
            ..request()
        };
        let accounts = Cause::Configuration(ConfigurationCause::DifferentAccounts {
            trust_anchor: "123456789012".to_owned(),
            profile: "123456789012".to_owned(),
            role: "999999999999".to_owned(),
        });
        let not_listed = "Requested Role isn't one of those listed in the Profile.";
        let refused = service_error("AccessDeniedException", not_listed);
        let unknown = service_error("AccessDeniedException", "Something else");
        assert_eq!(causes(&unknown, &session), [accounts.clone(), Cause::Unknown]);
        assert_eq!(causes(&refused, &session), [accounts]);
        let signature = service_error("AccessDeniedException", "Invalid signature");
        assert_eq!(causes(&signature, &session).len(), 1);
    }
}
