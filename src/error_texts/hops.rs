//! Hops of a chain of roles that AWS refused, with their likely causes.

use super::refusals::refused;
use super::{Page, variants};
use roles_anywhere_client::arn::RoleArn;
use roles_anywhere_client::diagnosis::{Cause, DeniedAction, HopCause, Operation};
use roles_anywhere_client::region::Region;
use roles_anywhere_test_support::session::request;

variants!(HopCause:
    Denied DurationTooLong InheritedTag Policy RegionDisabled SessionNotAccepted
);
variants!(DeniedAction: AssumeRole SetSourceIdentity TagSession);

fn role() -> RoleArn {
    "arn:aws:iam::210987654321:role/Reader".parse().unwrap()
}

/// Returns the second hop of two.
pub(super) fn operation() -> Operation {
    Operation::AssumeRole { hop: 2, hops: 2, role: role() }
}

/// Returns an example of each cause.
pub(super) fn causes() -> Vec<HopCause> {
    let caller = request().role;
    vec![
        denied(DeniedAction::AssumeRole, false),
        denied(DeniedAction::AssumeRole, true),
        HopCause::DurationTooLong { role: role(), seconds: 3_600 },
        HopCause::InheritedTag,
        HopCause::Policy,
        HopCause::RegionDisabled {
            region: Region::parse("me-south-1").unwrap(),
            account: "210987654321".to_owned(),
        },
        HopCause::SessionNotAccepted { caller },
    ]
}

fn denied(action: DeniedAction, has_external_id: bool) -> HopCause {
    HopCause::Denied { action, role: role(), caller: request().role, has_external_id }
}

#[test]
fn refusals_of_hops_have_these_texts() {
    let mut page = Page::default();
    page.add_all(causes(), |cause| {
        let answer = match cause {
            HopCause::Denied { .. } => (
                403,
                "AccessDenied",
                "User: arn:aws:sts::123456789012:assumed-role/R/0a is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/Reader",
            ),
            HopCause::DurationTooLong { .. } => (
                400,
                "ValidationError",
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ),
            HopCause::InheritedTag => (
                400,
                "InvalidParameterValue",
                "The tag key Team conflicts with a transitive tag key from the calling session",
            ),
            HopCause::Policy => (400, "MalformedPolicyDocument", "Syntax errors in policy."),
            HopCause::RegionDisabled { .. } => {
                (403, "RegionDisabledException", "STS is not activated in this region")
            }
            HopCause::SessionNotAccepted { .. } => {
                (403, "InvalidClientTokenId", "The security token included in the request is invalid.")
            }
        };
        refused(operation(), answer, Cause::Hop(cause))
    });
    let actions =
        vec![DeniedAction::AssumeRole, DeniedAction::SetSourceIdentity, DeniedAction::TagSession];
    page.add_all(actions, |action| {
        let cause = HopCause::Denied {
            action,
            role: "arn:aws:iam::123456789012:role/Second".parse().unwrap(),
            caller: request().role,
            has_external_id: false,
        };
        refused(operation(), (403, "AccessDenied", "not authorized"), Cause::Hop(cause))
    });
    page.compare("refusals_of_hops");
}
