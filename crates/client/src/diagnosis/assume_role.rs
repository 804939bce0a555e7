//! `AssumeRole`: the refusals of STS in a chain of roles.

use super::cause::{Cause, DeniedAction, HopCause};
use super::{general, invalid_signature};
use crate::arn::RoleArn;
use crate::aws::assume_role::AssumeRole;
use crate::aws::error_response::ServiceError;
use crate::region::Region;
use crate::time::Timestamp;

/// What is known on this side of a refused hop.
#[derive(Clone, Copy, Debug)]
pub struct HopEvidence<'a> {
    /// The request.
    pub request: &'a AssumeRole,
    /// The Region that it was signed for.
    pub region: &'a Region,
    /// The role of the session that signed it.
    pub caller: &'a RoleArn,
    /// When the response was received, by this machine's clock.
    pub received: Timestamp,
}

/// Returns the likely causes of `service_error`, the most likely first; at least one.
pub fn assume_role(service_error: &ServiceError, evidence: &HopEvidence<'_>) -> Vec<Cause> {
    if let Some(cause) = general(service_error) {
        return vec![cause];
    }
    let HopEvidence { request, region, caller, received } = *evidence;
    let role = || request.role.clone();
    let message = service_error.message.as_str();
    let cause = match service_error.code.as_deref().unwrap_or_default() {
        "SignatureDoesNotMatch" => return invalid_signature(service_error, region, received),
        "AccessDenied" => HopCause::Denied {
            action: denied_action(message),
            role: role(),
            caller: caller.clone(),
            has_external_id: request.external_id.is_some(),
        },
        _ if service_error.is_about_credentials() => {
            HopCause::SessionNotAccepted { caller: caller.clone() }
        }
        "RegionDisabledException" => HopCause::RegionDisabled {
            region: region.clone(),
            account: request.role.account().to_owned(),
        },
        "MalformedPolicyDocument" | "PackedPolicyTooLarge" => HopCause::Policy,
        "InvalidParameterValue" if message.contains("transitive") => HopCause::InheritedTag,
        "ValidationError" if message.contains("MaxSessionDuration") => {
            HopCause::DurationTooLong { role: role(), seconds: request.duration.seconds() }
        }
        "ValidationError" | "MalformedInput" | "InvalidParameterValue" => {
            return vec![Cause::InvalidRequest];
        }
        _ => return vec![Cause::Unknown],
    };
    vec![Cause::Hop(cause)]
}

/// Returns the action that AWS's message names: `… is not authorized to perform: ACTION on resource: …`.
fn denied_action(message: &str) -> DeniedAction {
    let names = |action: &DeniedAction| message.contains(&format!(": {} on", action.as_str()));
    let others = [DeniedAction::SetSourceIdentity, DeniedAction::TagSession];
    others.into_iter().find(names).unwrap_or(DeniedAction::AssumeRole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::assume_role::ExternalId;
    use crate::diagnosis::ClockComparison;

    const RECEIVED: Timestamp = Timestamp::from_unix(1_780_000_000);

    fn causes(status: u16, code: &str, message: &str) -> Vec<Cause> {
        let region = Region::parse("eu-west-1").unwrap();
        let role: RoleArn = "arn:aws:iam::210987654321:role/Reader".parse().unwrap();
        let caller = "arn:aws:iam::123456789012:role/path/R".parse().unwrap();
        let request = AssumeRole {
            external_id: ExternalId::parse("hunter2"),
            ..AssumeRole::new(role, region.clone())
        };
        let (code, message) = (Some(code.to_owned()), message.to_owned());
        let service_error =
            ServiceError { status, code, message, request_id: None, date: Some(RECEIVED) };
        let evidence =
            HopEvidence { request: &request, region: &region, caller: &caller, received: RECEIVED };
        assume_role(&service_error, &evidence)
    }

    fn hop(code: &str, message: &str) -> HopCause {
        match causes(403, code, message).as_slice() {
            [Cause::Hop(cause)] => cause.clone(),
            other => panic!("{code} {message}: {other:?}"),
        }
    }

    #[test]
    fn denial_names_the_action_of_the_message() {
        for (action, expected) in [
            ("sts:AssumeRole", DeniedAction::AssumeRole),
            ("sts:SetSourceIdentity", DeniedAction::SetSourceIdentity),
            ("sts:TagSession", DeniedAction::TagSession),
            ("sts:Other", DeniedAction::AssumeRole),
        ] {
            let message = format!(
                "User: arn:aws:sts::123456789012:assumed-role/R/sts:TagSession is not authorized \
                 to perform: {action} on resource: arn:aws:iam::210987654321:role/Reader"
            );
            let HopCause::Denied { action, role, caller, has_external_id } =
                hop("AccessDenied", &message)
            else {
                panic!("{message}")
            };
            assert_eq!((action, role.name(), caller.name()), (expected, "Reader", "R"));
            assert!(has_external_id);
        }
    }

    #[test]
    fn each_code_has_its_cause() {
        let caller = || "arn:aws:iam::123456789012:role/path/R".parse().unwrap();
        let role = "arn:aws:iam::210987654321:role/Reader".parse().unwrap();
        let too_long =
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        let inherited =
            "The tag key A conflicts with a transitive tag key from the calling session";
        let (region, account) = (Region::parse("eu-west-1").unwrap(), "210987654321".to_owned());
        let rows = [
            ("InvalidClientTokenId", "", HopCause::SessionNotAccepted { caller: caller() }),
            ("ExpiredToken", "", HopCause::SessionNotAccepted { caller: caller() }),
            ("MalformedPolicyDocument", "", HopCause::Policy),
            ("PackedPolicyTooLarge", "", HopCause::Policy),
            ("InvalidParameterValue", inherited, HopCause::InheritedTag),
            ("ValidationError", too_long, HopCause::DurationTooLong { role, seconds: 3_600 }),
            ("RegionDisabledException", "", HopCause::RegionDisabled { region, account }),
        ];
        for (code, message, cause) in rows {
            assert_eq!(hop(code, message), cause, "{code}");
        }
        assert_eq!(causes(400, "ValidationError", "1 validation error"), [Cause::InvalidRequest]);
        assert_eq!(causes(400, "Throttling", ""), [Cause::Throttled]);
        assert_eq!(causes(400, "Something", ""), [Cause::Unknown]);
        let [Cause::AlteredRequest { clocks, .. }] = &causes(403, "SignatureDoesNotMatch", "")[..]
        else {
            panic!("the clocks agree")
        };
        assert_eq!(*clocks, ClockComparison::Agree);
    }
}
