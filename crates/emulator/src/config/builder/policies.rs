//! Policies: within the file, in files of their own, and managed ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Builder;
use crate::account::AttachedPolicy;
use crate::arn::Arn;
use crate::config::file::{CommonKeys, ManagedPolicyTable};
use crate::config::inline_policy::{self, InlinePolicy};
use crate::config::reader::{At, TableKey, quoted};
use crate::config::resource_arn::{ArnSource, Kind, Names};
use crate::nearest::{did_you_mean, nearest};
use crate::policy::{Policy, PolicyError, PolicyKind};

/// Documents of managed policies, by ARN; `None` if one has mistakes.
pub(super) type ManagedPolicies = BTreeMap<Arn, Option<Arc<AttachedPolicy>>>;

/// The two keys that a policy may be given by.
pub(super) struct PolicyKeys<'a> {
    /// What the log calls a policy that is within the file.
    pub(super) called: String,
    pub(super) kind: PolicyKind,
    pub(super) inline: (&'static str, Option<&'a At<InlinePolicy>>),
    pub(super) file: (&'static str, Option<&'a At<String>>),
}

/// The keys of the permissions of a role or a user.
pub(super) struct PermissionKeys<'a> {
    /// What the log calls a policy that is within the file.
    pub(super) called: String,
    pub(super) inline: Option<&'a At<InlinePolicy>>,
    pub(super) files: &'a [At<String>],
    pub(super) managed: &'a [At<String>],
}

impl Builder<'_> {
    /// Reads the permissions of a role or a user.
    pub(super) fn permissions(
        &self,
        keys: &PermissionKeys<'_>,
        managed: &ManagedPolicies,
    ) -> Vec<Arc<AttachedPolicy>> {
        let inline = keys.inline.map(|inline| AttachedPolicy {
            name: keys.called.clone(),
            policy: inline.value.0.clone(),
        });
        let read = |path| self.policy_file(PolicyKind::Identity, path);
        let files = keys.files.iter().filter_map(read);
        let own = inline.into_iter().chain(files).map(Arc::new);
        own.chain(self.managed(managed, keys.managed)).collect()
    }

    pub(super) fn managed_policies(
        &self,
        tables: &[(TableKey, ManagedPolicyTable)],
    ) -> ManagedPolicies {
        let mut names = Names::new(Kind::ManagedPolicy);
        let mut policies = BTreeMap::new();
        for (key, table) in tables {
            let policy = self.required_policy(
                Kind::ManagedPolicy,
                key,
                &PolicyKeys {
                    called: format!("the managed policy {}", key.name.value),
                    kind: PolicyKind::Identity,
                    inline: ("policy", table.policy.as_ref()),
                    file: ("policy-file", table.policy_file.as_ref()),
                },
            );
            let keys = CommonKeys { description: None, arn: None, account: None, region: None };
            let arn =
                self.arn(&ArnSource { kind: Kind::ManagedPolicy, key, keys: &keys, path: "/" });
            if let Some(arn) = names.add(self.problems, key, arn) {
                policies.insert(arn, policy.map(Arc::new));
            }
        }
        policies
    }

    /// Looks managed policies up: their documents are not in an emulator that AWS is not.
    pub(super) fn managed(
        &self,
        policies: &ManagedPolicies,
        names: &[At<String>],
    ) -> Vec<Arc<AttachedPolicy>> {
        let find = |name: &At<String>| {
            let mut entries = policies.iter();
            let is_meant = |arn: &Arn| arn.as_str() == name.value || arn.name() == name.value;
            if let Some((_, policy)) = entries.find(|(arn, _)| is_meant(arn)) {
                return policy.clone();
            }
            let known = policies.keys().flat_map(|arn| [arn.as_str(), arn.name()]);
            let suggestion = did_you_mean(nearest(&name.value, known));
            let message = format!(
                "the document of the managed policy `{}` is missing: expected \
                 `[managed-policy.{}]`{suggestion}",
                name.value,
                quoted(&name.value)
            );
            self.problems.add(&name.span, message);
            None
        };
        names.iter().filter_map(find).collect()
    }

    /// Reads a policy of a file of its own, whose mistakes are where they are in that file.
    pub(super) fn policy_file(
        &self,
        kind: PolicyKind,
        path: &At<String>,
    ) -> Option<AttachedPolicy> {
        let (file, bytes) = self.read(path)?;
        let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned());
        let text = self.report(path, &file, text)?;
        match Policy::parse(kind, &text) {
            Ok(policy) => {
                for warning in policy.warnings() {
                    let message = inline_policy::warning(warning);
                    self.problems.warn(Some(&file), warning.position, message);
                }
                Some(AttachedPolicy { name: file.display().to_string(), policy })
            }
            Err(errors) => {
                for error in errors.iter() {
                    let message = PolicyError { position: None, ..error.clone() }.to_string();
                    self.problems.add_in(&file, error.position, message);
                }
                None
            }
        }
    }

    /// Reads a policy that must be given.
    pub(super) fn required_policy(
        &self,
        table: Kind,
        key: &TableKey,
        keys: &PolicyKeys<'_>,
    ) -> Option<AttachedPolicy> {
        let given = [
            (keys.inline.0, keys.inline.1.map(|at| (&at.span, ()))),
            (keys.file.0, keys.file.1.map(|at| (&at.span, ()))),
        ];
        self.one_of(table, key, given)?;
        self.optional_policy(keys)
    }

    /// Reads a policy if one is given.
    pub(super) fn optional_policy(&self, keys: &PolicyKeys<'_>) -> Option<AttachedPolicy> {
        match (keys.inline.1, keys.file.1) {
            (Some(_), Some(path)) => {
                let message =
                    format!("`{}` and `{}` cannot be used together", keys.inline.0, keys.file.0);
                self.problems.add(&path.span, message);
                None
            }
            (Some(inline), None) => {
                Some(AttachedPolicy { name: keys.called.clone(), policy: inline.value.0.clone() })
            }
            (None, Some(path)) => self.policy_file(keys.kind, path),
            (None, None) => None,
        }
    }
}
