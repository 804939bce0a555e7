//! Why a secret cannot be handed out as an access key.

use crate::output::error::Error;
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::time::Timestamp;

/// A secret cannot be handed out as an access key. The message quotes nothing of its value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the secret `{secret}` cannot be used as an access key")]
pub struct KeyOfSecretError {
    /// The secret, as a message may show it.
    pub secret: String,
    /// The reason.
    #[source]
    pub why: UnusableAccessKey,
}

/// What keeps a secret from being an access key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnusableAccessKey {
    /// It is binary.
    #[error("the secret is binary")]
    Binary,
    /// Its value is not a JSON object.
    #[error("the value is not a JSON object")]
    NotAnObject,
    /// No member has one of the names of a required part.
    #[error("there is no member with {}", .0.noun())]
    NoMember(AccessKeyPart),
    /// Members hold different values of one part.
    #[error("several members hold {}, and not the same: {}", part.noun(), listed(members))]
    Ambiguous {
        /// The part.
        part: AccessKeyPart,
        /// The names of the members.
        members: Vec<String>,
    },
    /// The value of a member is not what its name says.
    #[error("the member `{member}` does not hold {}", part.noun())]
    Invalid {
        /// The part.
        part: AccessKeyPart,
        /// The name of the member.
        member: String,
    },
    /// The key is of a session, and its token is missing.
    #[error("it is a temporary key (`ASIA…`) without its session token")]
    NoSessionToken,
    /// The key has expired.
    #[error("the key expired at {0}")]
    Expired(Timestamp),
}

/// A part of an access key that a secret holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AccessKeyPart {
    /// The access key id.
    Id,
    /// The secret access key.
    Secret,
    /// The session token.
    SessionToken,
    /// When it expires.
    Expiration,
    /// The account that it belongs to.
    AccountId,
}

impl AccessKeyPart {
    fn noun(self) -> &'static str {
        match self {
            Self::Id => "an access key id",
            Self::Secret => "a secret access key",
            Self::SessionToken => "a session token",
            Self::Expiration => "a time of expiry",
            Self::AccountId => "an account id",
        }
    }
}

fn listed(members: &[String]) -> String {
    members.iter().map(|member| format!("`{member}`")).collect::<Vec<_>>().join(", ")
}

impl UnusableAccessKey {
    fn hint(&self) -> &'static str {
        match self {
            Self::Binary | Self::NotAnObject | Self::NoMember(_) => {
                "store a JSON object with the members `aws_access_key_id` and `aws_secret_access_key`, or name another secret with `--from-secret`"
            }
            Self::Ambiguous { .. } => "remove all of these members but one",
            Self::Invalid { part: AccessKeyPart::Expiration, .. } => {
                "write the time as in `2030-01-31T12:00:00Z`, or remove the member"
            }
            Self::Invalid { part: AccessKeyPart::AccountId, .. } => {
                "write the account as twelve digits in quotes, or remove the member"
            }
            Self::Invalid { .. } => {
                "check the member: its value is empty, has spaces or line breaks, or is of another kind"
            }
            Self::NoSessionToken => {
                "add the member `aws_session_token`, or store the long-term key of an IAM user"
            }
            Self::Expired(_) => {
                "put a new key into the secret; if the key is still valid, check this machine's clock"
            }
        }
    }
}

impl From<KeyOfSecretError> for Error {
    fn from(error: KeyOfSecretError) -> Self {
        let hint = error.why.hint();
        // Who can change the secret fixes it, as for a value that AWS does not have.
        Self::new(ErrorKind::Refused, error).hint(hint)
    }
}
