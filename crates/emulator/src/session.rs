//! Sessions: the temporary credentials that CreateSession vends and the other services check.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use crate::account::AttachedPolicy;
use crate::arn::Arn;
use crate::policy::{Context, Principal};
use crate::{date, os};

/// What the services know about a set of credentials.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: String,
    pub(crate) issued: OffsetDateTime,
    pub(crate) expiration: OffsetDateTime,
    pub(crate) duration_seconds: u32,
    pub(crate) role_arn: Arn,
    pub(crate) role_session_name: String,
    pub(crate) source_identity: String,
    pub(crate) tags: BTreeMap<String, String>,
    /// The keys of the tags that a session inherits if it is assumed by this one. No source says
    /// whether tags of Roles Anywhere are inherited; here they are not.
    pub(crate) transitive_tag_keys: BTreeSet<String>,
    /// What limits the role's permissions; none if nothing does.
    pub(crate) session_policies: Vec<Arc<AttachedPolicy>>,
}

/// Without the secret access key and the session token.
impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Session")
            .field("access_key_id", &self.access_key_id)
            .field("expiration", &self.expiration)
            .field("role_arn", &self.role_arn)
            .field("role_session_name", &self.role_session_name)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Returns `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`, with the role's name and not its
    /// path.
    pub(crate) fn assumed_role_arn(&self) -> String {
        let role = &self.role_arn;
        format!(
            "arn:{}:sts::{}:assumed-role/{}/{}",
            role.partition(),
            role.account(),
            role.name(),
            self.role_session_name
        )
    }

    /// Returns who calls, as policies see it.
    pub(crate) fn principal(&self) -> Principal {
        Principal::AssumedRole {
            account: self.role_arn.account().to_owned(),
            role_arn: self.role_arn.to_string(),
            session_arn: self.assumed_role_arn(),
        }
    }

    /// Returns the condition keys that every call of the session has.
    pub(crate) fn context(&self) -> Context {
        let context = Context::default()
            .with("aws:SourceIdentity", self.source_identity.as_str())
            .with("aws:userid", self.assumed_role_id())
            .with("aws:TokenIssueTime", date::format_iso(self.issued));
        self.tags.iter().fold(context, |context, (key, value)| {
            context.with(&format!("aws:PrincipalTag/{key}"), value.as_str())
        })
    }

    /// Returns `AROA…:SESSION`; the same for every session of the role.
    pub(crate) fn assumed_role_id(&self) -> String {
        let digest = Sha256::digest(self.role_arn.as_str().as_bytes());
        format!("AROA{}:{}", base32(&digest[..17]), self.role_session_name)
    }
}

/// Returns how long a session is valid: what was granted, or what the control API has set.
pub(crate) fn lifetime(granted_seconds: u32, end_after_seconds: Option<u64>) -> Duration {
    let seconds = end_after_seconds.map_or(granted_seconds, |seconds| {
        // Longer than any test, and short of the end of the calendar.
        u32::try_from(seconds).unwrap_or(u32::MAX)
    });
    Duration::seconds(i64::from(seconds))
}

/// Returns a new access key id: `ASIA` and 16 characters of base32.
pub(crate) fn access_key_id() -> String {
    format!("ASIA{}", base32(&os::random::<16>()))
}

/// Returns a character of base32 for each byte.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
}

/// Returns a new secret access key: 40 characters.
pub(crate) fn secret_access_key() -> String {
    STANDARD.encode(os::random::<30>())
}

/// Returns a new session token: 420 characters, base64 like AWS's.
pub(crate) fn session_token() -> String {
    format!("IQoJ{}", STANDARD.encode(os::random::<312>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_look_like_those_of_aws() {
        let id = access_key_id();
        assert!(id.len() == 20 && id.starts_with("ASIA"));
        assert_eq!(secret_access_key().len(), 40);
        assert!(session_token().len() >= 300);
    }

    #[test]
    fn debug_does_not_print_secrets() {
        let session = Session {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: "hunter2".to_owned(),
            session_token: "hunter3".to_owned(),
            issued: OffsetDateTime::UNIX_EPOCH,
            expiration: OffsetDateTime::UNIX_EPOCH,
            duration_seconds: 3600,
            role_arn: Arn::parse(crate::account::ROLE_ARN).unwrap(),
            role_session_name: "job".to_owned(),
            source_identity: "CN=job".to_owned(),
            tags: BTreeMap::new(),
            transitive_tag_keys: BTreeSet::new(),
            session_policies: Vec::new(),
        };
        let debug = format!("{session:?}");
        assert!(debug.contains("ASIAEXAMPLE") && !debug.contains("hunter"), "{debug}");
    }
}
