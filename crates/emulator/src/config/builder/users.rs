//! The users of the file.

use std::collections::BTreeSet;

use time::Duration;

use super::policies::{ManagedPolicies, PermissionKeys};
use super::{Builder, description};
use crate::config::file::{AccessKeyTable, ConfigFile, UserTable};
use crate::config::reader::TableKey;
use crate::config::resource_arn::{ArnSource, Kind, Names};
use crate::iam::users::{AccessKey, KeyStatus, MOST_KEYS, User, Users};

/// The most characters of a secret access key; those of AWS have 40.
const MOST_SECRET: usize = 128;

impl Builder<'_> {
    pub(super) fn users(&self, file: &ConfigFile, managed: &ManagedPolicies) -> Users {
        let delay = file.key_propagation.as_ref().and_then(|table| table.delay.as_ref());
        let mut users = Users::default();
        users.key_propagation = Duration::seconds(delay.map_or(0, |at| at.value.into()));
        let mut names = Names::new(Kind::User);
        let mut ids = BTreeSet::new();
        for (key, table) in &file.user {
            let permissions = self.permissions(
                &PermissionKeys {
                    called: format!("the permissions of user {}", key.name.value),
                    inline: table.permissions.as_ref(),
                    files: &table.permissions_files,
                    managed: &table.managed_policies,
                },
                managed,
            );
            let keys = self.access_keys(key, table, &mut ids);
            let path = self.path(key, table.path.as_ref(), &table.common);
            let arn = path.and_then(|path| {
                self.arn(&ArnSource { kind: Kind::User, key, keys: &table.common, path })
            });
            let Some(arn) = names.add(self.problems, key, arn) else { continue };
            if users.find(arn.account(), arn.name()).is_some() {
                let message = format!("a user `{}` already exists in that account", arn.name());
                self.problems.add(&key.name.span, message);
            }
            let description = description(Kind::User, key, &table.common);
            users.insert(User { arn, description, permissions, keys });
        }
        users
    }

    fn access_keys(
        &self,
        user: &TableKey,
        table: &UserTable,
        ids: &mut BTreeSet<String>,
    ) -> Vec<AccessKey> {
        let mut keys = Vec::new();
        for (key, table) in &table.access_key {
            let id = &key.name;
            let is_key_id = |text: &str| {
                (16..=128).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            };
            if !is_key_id(&id.value) {
                let message = format!(
                    "invalid access key id `{}`: expected 16 to 128 letters and digits, such as \
                     AKIAIOSFODNN7EXAMPLE",
                    id.value
                );
                self.problems.add(&id.span, message);
            } else if !ids.insert(id.value.clone()) {
                let message = format!("the access key `{}` already exists", id.value);
                self.problems.add(&id.span, message);
            }
            keys.extend(self.access_key(user, key, table));
        }
        if let Some((surplus, _)) = table.access_key.get(MOST_KEYS) {
            let message = format!("a user has at most {MOST_KEYS} access keys");
            self.problems.add(&surplus.name.span, message);
        }
        keys.sort_by_key(|key| key.created);
        keys
    }

    /// Returns an access key, which is known at once. No message shows its secret.
    fn access_key(
        &self,
        user: &TableKey,
        key: &TableKey,
        table: &AccessKeyTable,
    ) -> Option<AccessKey> {
        let Some(secret) = &table.secret else {
            if !key.misread.contains(&"secret") {
                let message = format!(
                    "`[user.{}.access-key.{}]` lacks `secret`",
                    user.name.value, key.name.value
                );
                self.problems.add(&key.name.span, message);
            }
            return None;
        };
        if !(1..=MOST_SECRET).contains(&secret.value.chars().count()) {
            let message =
                format!("invalid value for `secret`: expected 1 to {MOST_SECRET} characters");
            self.problems.add(&secret.span, message);
        }
        let created = table.created.as_ref().map_or(self.source.now, |at| at.value);
        Some(AccessKey {
            id: key.name.value.clone(),
            secret: secret.value.clone(),
            status: table.status.as_ref().map_or(KeyStatus::Active, |at| at.value),
            created,
            known_from: created.min(self.source.now),
            last_use: None,
        })
    }
}
