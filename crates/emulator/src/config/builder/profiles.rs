//! The profiles of the file.

use std::sync::Arc;

use super::policies::{ManagedPolicies, PolicyKeys};
use super::{Builder, description};
use crate::account::Profile;
use crate::arn::Arn;
use crate::config::file::ProfileTable;
use crate::config::reader::{At, TableKey};
use crate::config::resource_arn::{ArnSource, Kind, Names};
use crate::policy::PolicyKind;

impl Builder<'_> {
    pub(super) fn profiles(
        &self,
        tables: &[(TableKey, ProfileTable)],
        roles: &Names,
        managed: &ManagedPolicies,
    ) -> (Vec<Profile>, Names) {
        let mut names = Names::new(Kind::Profile);
        let mut profiles = Vec::new();
        for (key, table) in tables {
            if table.roles.is_empty() && !key.misread.contains(&"roles") {
                self.problems.add(&key.name.span, "`roles` is missing or empty".to_owned());
            }
            let session_policy = self.optional_policy(&PolicyKeys {
                called: format!("the session policy of profile {}", key.name.value),
                kind: PolicyKind::Identity,
                inline: ("session-policy", table.session_policy.as_ref()),
                file: ("session-policy-file", table.session_policy_file.as_ref()),
            });
            let session_policies = session_policy
                .map(Arc::new)
                .into_iter()
                .chain(self.managed(managed, &table.managed_policies));
            let session_policies = session_policies.collect();
            let arn =
                self.arn(&ArnSource { kind: Kind::Profile, key, keys: &table.common, path: "" });
            let role_arns = self.roles_of_profile(arn.as_ref(), &table.roles, roles);
            let attribute_mappings = self.attribute_mappings(table.attribute_mappings.as_ref());
            if let Some(arn) = names.add(self.problems, key, arn) {
                profiles.push(Profile {
                    arn,
                    description: description(Kind::Profile, key, &table.common),
                    enabled: table.enabled.as_ref().is_none_or(|enabled| enabled.value),
                    duration_seconds: table.session_duration.as_ref().map_or(3600, |at| at.value),
                    accept_role_session_name: table
                        .accept_role_session_name
                        .as_ref()
                        .is_some_and(|accept| accept.value),
                    role_arns,
                    session_policies,
                    attribute_mappings,
                });
            }
        }
        (profiles, names)
    }

    /// A role cannot be passed to a profile of another account or partition.
    fn roles_of_profile(
        &self,
        profile: Option<&Arn>,
        roles: &[At<String>],
        names: &Names,
    ) -> Vec<Arn> {
        let role = |name: &At<String>| {
            let role = names.find(self.problems, name)?;
            let Some(profile) = profile else { return Some(role) };
            for (what, own, of_profile) in [
                ("account", role.account(), profile.account()),
                ("partition", role.partition(), profile.partition()),
            ] {
                if own != of_profile {
                    let At { value: name, span } = name;
                    let message =
                        format!("the role `{name}` is in another {what} ({own}) than the profile");
                    self.problems.add(span, message);
                }
            }
            Some(role)
        };
        roles.iter().filter_map(role).collect()
    }
}
