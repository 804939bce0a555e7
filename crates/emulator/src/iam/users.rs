//! IAM users and their access keys.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use crate::account::AttachedPolicy;
use crate::arn::Arn;
use crate::os;
use crate::session::{base32, secret_access_key};

/// The most access keys of a user.
pub(crate) const MOST_KEYS: usize = 2;

/// The users of every account, and how long a new access key takes to be known.
#[derive(Debug, Default)]
pub(crate) struct Users {
    users: Vec<User>,
    /// How long after its creation an access key is accepted.
    pub(crate) key_propagation: Duration,
}

/// An IAM user.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) arn: Arn,
    pub(crate) description: Option<String>,
    pub(crate) permissions: Vec<Arc<AttachedPolicy>>,
    /// At most [`MOST_KEYS`], the oldest first.
    pub(crate) keys: Vec<AccessKey>,
}

/// A long-term access key.
#[derive(Clone)]
pub(crate) struct AccessKey {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) status: KeyStatus,
    pub(crate) created: OffsetDateTime,
    /// From when on it is accepted.
    pub(crate) known_from: OffsetDateTime,
    pub(crate) last_use: Option<LastUse>,
}

/// Whether an access key can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
pub(crate) enum KeyStatus {
    Active,
    Inactive,
    Expired,
}

/// The last request that was signed with an access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LastUse {
    pub(crate) date: OffsetDateTime,
    /// The name that the request was signed for, such as `secretsmanager`.
    pub(crate) service: String,
    pub(crate) region: String,
}

/// Without the secret access key.
impl fmt::Debug for AccessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AccessKey")
            .field("id", &self.id)
            .field("status", &self.status)
            .field("created", &self.created)
            .finish_non_exhaustive()
    }
}

impl KeyStatus {
    pub(crate) const ALL: [Self; 3] = [Self::Active, Self::Inactive, Self::Expired];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
            Self::Expired => "Expired",
        }
    }
}

impl AccessKey {
    /// Returns a new access key, which is accepted after `propagation`.
    pub(crate) fn create(now: OffsetDateTime, propagation: Duration) -> Self {
        Self {
            id: format!("AKIA{}", base32(&os::random::<16>())),
            secret: secret_access_key(),
            status: KeyStatus::Active,
            created: now,
            known_from: now + propagation,
            last_use: None,
        }
    }
}

impl User {
    /// Returns the name, which has no path.
    pub(crate) fn name(&self) -> &str {
        self.arn.name()
    }
}

impl Users {
    /// Adds a user.
    pub(crate) fn insert(&mut self, user: User) {
        self.users.push(user);
    }

    /// Returns every user, in the order of the file.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &User> {
        self.users.iter()
    }

    /// Returns the user of an ARN.
    pub(crate) fn of_arn(&self, arn: &Arn) -> Option<&User> {
        self.users.iter().find(|user| user.arn == *arn)
    }

    /// Returns the user of a name in an account. Names are compared without case.
    pub(crate) fn find(&self, account: &str, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.is(account, name))
    }

    /// Returns the same, to be changed.
    pub(crate) fn find_mut(&mut self, account: &str, name: &str) -> Option<&mut User> {
        self.users.iter_mut().find(|user| user.is(account, name))
    }

    /// Returns an access key and its user.
    pub(crate) fn key(&self, id: &str) -> Option<(&User, &AccessKey)> {
        let key = |user| Some((user, find_key(user, id)?));
        self.users.iter().find_map(key)
    }

    /// Notes that an access key has signed a request.
    pub(crate) fn note_use(&mut self, id: &str, last_use: LastUse) {
        let mut keys = self.users.iter_mut().flat_map(|user| &mut user.keys);
        if let Some(key) = keys.find(|key| key.id == id) {
            key.last_use = Some(last_use);
        }
    }
}

impl User {
    fn is(&self, account: &str, name: &str) -> bool {
        self.arn.account() == account && self.name().eq_ignore_ascii_case(name)
    }
}

fn find_key<'u>(user: &'u User, id: &str) -> Option<&'u AccessKey> {
    user.keys.iter().find(|key| key.id == id)
}

/// Returns `AIDA…`; always the same for a user.
pub(crate) fn user_id(arn: &Arn) -> String {
    let digest = Sha256::digest(arn.as_str().as_bytes());
    format!("AIDA{}", base32(&digest[..17]))
}
