//! What to change in the trust anchor, the profile and the role.

use roles_anywhere_client::aws::create_session::SessionDuration;
use roles_anywhere_client::diagnosis::ConfigurationCause as Cause;

/// Returns a cause in words, with what to do.
pub(super) fn hint(cause: &Cause) -> String {
    match cause {
        Cause::DifferentAccounts { trust_anchor, profile, role } => format!(
            "use a trust anchor, a profile and a role of one account: the trust anchor is in {trust_anchor}, the profile in {profile} and the role in {role}"
        ),
        Cause::NoSuchTrustAnchor { trust_anchor, region } => {
            format!("check `--trust-anchor-arn`: there is no {trust_anchor} in {region}")
        }
        Cause::TrustAnchorDisabled(trust_anchor) => format!(
            "enable the trust anchor: `aws rolesanywhere enable-trust-anchor --region {} --trust-anchor-id {}`",
            trust_anchor.region(),
            trust_anchor.id()
        ),
        Cause::NoSuchProfile { profile, region } => {
            format!("check `--profile-arn`: there is no {profile} in {region}")
        }
        Cause::ProfileDisabled(profile) => format!(
            "enable the profile: `aws rolesanywhere enable-profile --region {} --profile-id {}`",
            profile.region(),
            profile.id()
        ),
        Cause::RoleNotInProfile { role, profile, region } => {
            let id = profile.id();
            format!(
                "add the role to the profile: `aws rolesanywhere update-profile --region {region} --profile-id {id} --role-arns {role} OTHER-ROLE-ARNS`; this replaces its list of roles, so name all of them (`aws rolesanywhere get-profile --region {region} --profile-id {id}` shows them)"
            )
        }
        Cause::SessionNameNotAccepted(profile) => format!(
            "remove `--role-session-name`, or let the profile accept it: `aws rolesanywhere update-profile --region {} --profile-id {} --accept-role-session-name`",
            profile.region(),
            profile.id()
        ),
        Cause::DurationTooLong { requested, role } => {
            let requested = match requested {
                SessionDuration::OfProfile => "the profile's duration".to_owned(),
                SessionDuration::Seconds(seconds) => format!("{seconds} seconds"),
            };
            format!(
                "{requested} is longer than {role} allows: pass a shorter `--session-duration`, or raise the role's MaxSessionDuration"
            )
        }
        Cause::TrustPolicy { role, trust_anchor, common_name } => {
            let common_name = common_name.as_ref().map_or_else(String::new, |name| {
                format!("aws:PrincipalTag/x509Subject/CN is `{name}`, ")
            });
            format!(
                "the trust policy of {role} must allow the actions sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity for the principal rolesanywhere.amazonaws.com, and its conditions must match: {common_name}aws:SourceArn is {trust_anchor}, and `roles-anywhere read-certificate-data --output text` shows all attributes of the certificate"
            )
        }
        Cause::UnmappedAttributes => {
            "change the certificate or the profile's attribute mapping: the attributes named above contain characters that a session tag cannot have, so conditions on them never match".to_owned()
        }
        Cause::NoSuchResource { region } => format!(
            "check that `--trust-anchor-arn`, `--profile-arn` and `--role-arn` exist in {region} and in these accounts"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roles_anywhere_client::aws::create_session::SessionRequest;
    use roles_anywhere_test_support::session::request;

    #[test]
    fn each_cause_names_what_to_change() {
        let SessionRequest { trust_anchor, profile, role, region, .. } = request();
        let rows = [
            (
                Cause::NoSuchTrustAnchor {
                    trust_anchor: trust_anchor.clone(),
                    region: region.clone(),
                },
                "check `--trust-anchor-arn`: there is no arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/a in us-east-1",
            ),
            (
                Cause::TrustAnchorDisabled(trust_anchor),
                "enable the trust anchor: `aws rolesanywhere enable-trust-anchor --region us-east-1 --trust-anchor-id a`",
            ),
            (
                Cause::NoSuchProfile { profile: profile.clone(), region: region.clone() },
                "check `--profile-arn`: there is no arn:aws:rolesanywhere:us-east-1:123456789012:profile/p in us-east-1",
            ),
            (
                Cause::ProfileDisabled(profile.clone()),
                "enable the profile: `aws rolesanywhere enable-profile --region us-east-1 --profile-id p`",
            ),
            (
                Cause::RoleNotInProfile {
                    role: role.clone(),
                    profile: profile.clone(),
                    region: region.clone(),
                },
                "add the role to the profile: `aws rolesanywhere update-profile --region us-east-1 --profile-id p --role-arns arn:aws:iam::123456789012:role/path/R OTHER-ROLE-ARNS`; this replaces its list of roles, so name all of them (`aws rolesanywhere get-profile --region us-east-1 --profile-id p` shows them)",
            ),
            (
                Cause::SessionNameNotAccepted(profile),
                "remove `--role-session-name`, or let the profile accept it: `aws rolesanywhere update-profile --region us-east-1 --profile-id p --accept-role-session-name`",
            ),
            (
                Cause::DurationTooLong {
                    requested: SessionDuration::Seconds(3_600),
                    role: role.clone(),
                },
                "3600 seconds is longer than arn:aws:iam::123456789012:role/path/R allows: pass a shorter `--session-duration`, or raise the role's MaxSessionDuration",
            ),
            (
                Cause::DurationTooLong { requested: SessionDuration::OfProfile, role },
                "the profile's duration is longer than arn:aws:iam::123456789012:role/path/R allows: pass a shorter `--session-duration`, or raise the role's MaxSessionDuration",
            ),
            (
                Cause::NoSuchResource { region },
                "check that `--trust-anchor-arn`, `--profile-arn` and `--role-arn` exist in us-east-1 and in these accounts",
            ),
        ];
        for (cause, text) in rows {
            assert_eq!(hint(&cause), text);
        }
    }
}
