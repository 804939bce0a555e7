//! What to change so that a role of a chain can be assumed.

use roles_anywhere_client::arn::RoleArn;
use roles_anywhere_client::diagnosis::{DeniedAction, HopCause as Cause};

/// Returns a cause in words, with what to do.
pub(super) fn hint(cause: &Cause) -> String {
    match cause {
        Cause::Denied { action: DeniedAction::AssumeRole, role, caller, has_external_id } => {
            let external_id = match has_external_id {
                true => "; its `sts:ExternalId` must be the external ID that was passed",
                false => "; if it requires an `sts:ExternalId`, pass `--external-id`, or set `external-id` of this hop in the configuration file",
            };
            format!(
                "check that {role} exists, as AWS gives the same answer if it does not; allow sts:AssumeRole and sts:SetSourceIdentity for {caller} in its trust policy{}{external_id}",
                across_accounts(role, caller)
            )
        }
        Cause::Denied { action: DeniedAction::SetSourceIdentity, role, caller, .. } => format!(
            "add sts:SetSourceIdentity beside sts:AssumeRole in the trust policy of {role}{}: Roles Anywhere always sets a source identity, which the next session inherits",
            across_accounts(role, caller)
        ),
        Cause::Denied { action: DeniedAction::TagSession, role, caller, .. } => format!(
            "add sts:TagSession beside sts:AssumeRole in the trust policy of {role}{}: the session passes tags, or inherits transitive ones",
            across_accounts(role, caller)
        ),
        Cause::DurationTooLong { role, seconds } => format!(
            "{seconds} seconds is longer than {role} allows: request a shorter session, or raise the role's MaxSessionDuration"
        ),
        Cause::InheritedTag => {
            "remove the tag: the session before it passes on a transitive tag of that name, which cannot be changed".to_owned()
        }
        Cause::Policy => {
            "correct the `policy` of this role in the configuration file, or shorten it: AWS counts the session policy and the tags together".to_owned()
        }
        Cause::RegionDisabled { region, account } => format!(
            "activate STS in {region} for account {account}, in the account settings of IAM, or use a trust anchor in another Region"
        ),
        Cause::SessionNotAccepted { caller } => format!(
            "run `cache clear` and try again: AWS does not accept the session of {caller}, as after its role was deleted and created again"
        ),
    }
}

/// Returns what is needed beside the trust policy if the roles are of different accounts.
fn across_accounts(role: &RoleArn, caller: &RoleArn) -> String {
    match role.account() == caller.account() {
        true => String::new(),
        false => {
            format!(", and allow the same in a policy of {caller}, which is in another account")
        }
    }
}
