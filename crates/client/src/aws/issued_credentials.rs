//! Credentials as a response holds them: what CreateSession and AssumeRole have in common.

use serde::Deserialize;

use crate::arn::RoleArn;
use crate::aws::create_session::SessionResponseError;
use crate::credentials::{Credentials, RoleSessionName, access_key_id};
use crate::secret::Secret;
use crate::time::Timestamp;

/// The credentials of a response, not checked yet.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireCredentials {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Secret,
    pub(super) session_token: Secret,
    pub(super) expiration: String,
}

/// The names of the members in the response, for errors.
pub(super) struct MemberNames {
    pub(super) access_key_id: &'static str,
    pub(super) secret_access_key: &'static str,
    pub(super) session_token: &'static str,
    pub(super) expiration: &'static str,
}

impl WireCredentials {
    /// Returns the credentials if they can be used and are valid at `now`. They are for `role`; `user` is
    /// the ARN of its session, if the response tells it.
    pub(super) fn check(
        self,
        names: &MemberNames,
        role: &RoleArn,
        user: Option<&str>,
        now: Timestamp,
    ) -> Result<Credentials, SessionResponseError> {
        let Self { access_key_id, secret_access_key, session_token, expiration } = self;
        let members = [
            (names.access_key_id, access_key_id.as_str()),
            (names.secret_access_key, secret_access_key.expose()),
            (names.session_token, session_token.expose()),
        ];
        // They are sent in headers, which take only visible ASCII.
        let blank = |value: &str| value.is_empty() || !value.bytes().all(|b| b.is_ascii_graphic());
        if let Some((member, _)) = members.iter().find(|(_, value)| blank(value)) {
            return Err(SessionResponseError::Blank(member));
        }
        // It is logged, so it must not be any other text.
        if !access_key_id::is_possible(&access_key_id) {
            return Err(SessionResponseError::Blank(names.access_key_id));
        }
        let expiration = Timestamp::from_rfc3339(&expiration)
            .ok_or(SessionResponseError::Blank(names.expiration))?;
        if expiration <= now {
            return Err(SessionResponseError::Expired { expiration, now });
        }
        Ok(Credentials {
            access_key_id,
            secret_access_key,
            session_token,
            expiration,
            account_id: role.account().to_owned(),
            role_session_name: user.and_then(|user| session_name(user, role)),
        })
    }
}

/// Returns the last part of the ARN of a session of `role`,
/// `arn:PARTITION:sts::ACCOUNT:assumed-role/ROLE/NAME`, which has the role's name without its path.
pub(super) fn session_name(user: &str, role: &RoleArn) -> Option<RoleSessionName> {
    let prefix = format!(
        "arn:{}:sts::{}:assumed-role/{}/",
        role.partition().as_str(),
        role.account(),
        role.name()
    );
    user.strip_prefix(&prefix).and_then(RoleSessionName::parse)
}
