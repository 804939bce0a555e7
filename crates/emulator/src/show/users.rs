//! What `show` prints of users and their access keys.

use std::fmt;

use serde::Serialize;

use super::{heading, list};
use crate::date::format_iso;
use crate::iam::users::{AccessKey, User};

/// A user.
#[derive(Debug, Serialize)]
pub(super) struct ShownUser {
    name: String,
    arn: String,
    description: Option<String>,
    permissions: Vec<String>,
    access_keys: Vec<ShownAccessKey>,
}

/// An access key, without its secret.
#[derive(Debug, Serialize)]
struct ShownAccessKey {
    id: String,
    status: &'static str,
    created: String,
    /// When a request was signed with it; none if none was.
    last_used: Option<String>,
}

/// Returns what is shown of a user.
pub(super) fn user(user: &User) -> ShownUser {
    ShownUser {
        name: user.name().to_owned(),
        arn: user.arn.to_string(),
        description: user.description.clone(),
        permissions: user.permissions.iter().map(|policy| policy.name.clone()).collect(),
        access_keys: user.keys.iter().map(access_key).collect(),
    }
}

fn access_key(key: &AccessKey) -> ShownAccessKey {
    ShownAccessKey {
        id: key.id.clone(),
        status: key.status.name(),
        created: format_iso(key.created),
        last_used: key.last_use.as_ref().map(|last_use| format_iso(last_use.date)),
    }
}

/// Writes the list of users.
pub(super) fn write_users(users: &[ShownUser], formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    if users.is_empty() {
        return Ok(());
    }
    writeln!(formatter, "\nUsers:")?;
    for user in users {
        heading(formatter, &user.arn, user.description.as_deref(), &[])?;
        list(formatter, "permissions", &user.permissions)?;
        for key in &user.access_keys {
            let ShownAccessKey { id, status, created, .. } = key;
            writeln!(formatter, "    access key: {id} ({status}, created {created})")?;
        }
    }
    Ok(())
}
