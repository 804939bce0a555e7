//! The roles of the file.

use super::policies::{ManagedPolicies, PermissionKeys, PolicyKeys};
use super::{Builder, description};
use crate::account::Role;
use crate::config::file::{CommonKeys, RoleTable};
use crate::config::reader::{At, TableKey};
use crate::config::resource_arn::{ArnSource, Kind, Names};
use crate::policy::PolicyKind;

impl Builder<'_> {
    pub(super) fn roles(
        &self,
        tables: &[(TableKey, RoleTable)],
        managed: &ManagedPolicies,
    ) -> (Vec<Role>, Names) {
        let mut names = Names::new(Kind::Role);
        let mut roles = Vec::new();
        for (key, table) in tables {
            let trust_policy = self.required_policy(
                Kind::Role,
                key,
                &PolicyKeys {
                    called: format!("the trust policy of role {}", key.name.value),
                    kind: PolicyKind::Trust,
                    inline: ("trust-policy", table.trust_policy.as_ref()),
                    file: ("trust-policy-file", table.trust_policy_file.as_ref()),
                },
            );
            let permissions = self.permissions(
                &PermissionKeys {
                    called: format!("the permissions of role {}", key.name.value),
                    inline: table.permissions.as_ref(),
                    files: &table.permissions_files,
                    managed: &table.managed_policies,
                },
                managed,
            );
            let path = self.path(key, table.path.as_ref(), &table.common);
            let arn = path.and_then(|path| {
                self.arn(&ArnSource { kind: Kind::Role, key, keys: &table.common, path })
            });
            if let (Some(arn), Some(trust_policy)) =
                (names.add(self.problems, key, arn), trust_policy)
            {
                roles.push(Role {
                    arn,
                    description: description(Kind::Role, key, &table.common),
                    max_session_seconds: table
                        .max_session_duration
                        .as_ref()
                        .map_or(3600, |at| at.value),
                    trust_policy,
                    permissions,
                });
            }
        }
        (roles, names)
    }

    /// Returns the path of a role or a user.
    pub(super) fn path<'t>(
        &self,
        key: &TableKey,
        path: Option<&'t At<String>>,
        common: &CommonKeys,
    ) -> Option<&'t str> {
        let Some(At { value: path, span }) = path else { return Some("/") };
        let of_arn = key.name.value.starts_with("arn:") || common.arn.is_some();
        let message = if of_arn {
            "`path`: the ARN already contains it".to_owned()
        } else if path.starts_with('/') && path.ends_with('/') {
            return Some(path);
        } else {
            format!("invalid path `{path}`: expected `/` at its beginning and its end")
        };
        self.problems.add(span, message);
        None
    }
}
