//! The access key that a secret holds.
//!
//! The value is a JSON object. Its members may have any of the names that AWS's tools and documents use; the
//! case of the letters, `_` and `-` make no difference.

use std::time::Duration;

use super::member::{MemberValue, Object};
use crate::credentials_file::ProfileCredentials;
use crate::output::access_key::{AccessKeyPart, KeyOfSecretError, UnusableAccessKey};
use crate::output::error::Error;
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;
use roles_anywhere_client::aws::get_secret_value::{
    SecretId, SecretRequest, SecretValue, SecretVersion,
};
use roles_anywhere_client::credentials::{AccessKey, Session, access_key_id};
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::provider::secrets_manager::{SecretsManager, ServiceCallError};
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::text::disclosure::field;
use roles_anywhere_client::time::{Deadline, Timestamp};

/// How long a program may keep a key before it asks again, unless the command line says it.
pub const DEFAULT_REFRESH_AFTER: Duration = Duration::from_secs(3_600);

/// A secret that holds an access key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessKeySecret {
    /// Its name or ARN.
    pub id: SecretId,
    /// Where Secrets Manager is.
    pub at: RegionalEndpoint,
}

/// The access key of a secret, as it was read.
#[derive(Clone, Debug)]
pub struct SecretAccessKey {
    /// The key.
    pub key: AccessKey,
    /// When it expires, if the secret says so.
    pub expiration: Option<Timestamp>,
    /// The account that it belongs to, twelve digits, if the secret says so.
    pub account_id: Option<String>,
    /// The ARN of the secret.
    pub secret_arn: String,
}

impl AccessKeySecret {
    /// Reads the current version of the secret with a session.
    pub async fn fetch(
        &self,
        provider: &RolesAnywhere,
        session: &Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<SecretVersion, ServiceCallError> {
        let request = SecretRequest::current(self.id.clone());
        let secrets = SecretsManager { at: &self.at, provider };
        secrets.get_secret_value(&request, session, ports, deadline).await
    }

    /// Returns the key of a version, which must not have expired.
    pub fn key_of(
        &self,
        version: &SecretVersion,
        now: Timestamp,
    ) -> Result<SecretAccessKey, KeyOfSecretError> {
        let found = access_key_of(version).and_then(|found| match found.expiration {
            Some(end) if now.seconds_until(end) <= 0 => Err(UnusableAccessKey::Expired(end)),
            _ => Ok(found),
        });
        found.map_err(|why| KeyOfSecretError { secret: self.id.shown(), why })
    }

    /// Reads the key with a session.
    pub async fn read(
        &self,
        provider: &RolesAnywhere,
        session: &Session,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<SecretAccessKey, Error> {
        let version = self.fetch(provider, session, ports, deadline).await?;
        Ok(self.key_of(&version, ports.clock.now())?)
    }
}

impl SecretAccessKey {
    /// Returns the identifier of the key, as a message may show it: the member may hold something else.
    pub fn shown_id(&self) -> String {
        field(&self.key.id, false)
    }

    /// Returns until when a program that gets the key `now` may keep it: `refresh_after`, and not beyond its
    /// own expiration.
    pub fn kept_until(&self, now: Timestamp, refresh_after: Duration) -> Timestamp {
        let end = now.plus(refresh_after);
        self.expiration.map_or(end, |own| own.min(end))
    }
}

impl From<&SecretAccessKey> for ProfileCredentials {
    fn from(found: &SecretAccessKey) -> Self {
        Self { key: found.key.clone(), secret_arn: Some(found.secret_arn.clone()) }
    }
}

/// Returns the key that a version of a secret holds.
pub fn access_key_of(version: &SecretVersion) -> Result<SecretAccessKey, UnusableAccessKey> {
    let SecretValue::Text(text) = &version.value else { return Err(UnusableAccessKey::Binary) };
    let object = Object::parse(text.expose()).ok_or(UnusableAccessKey::NotAnObject)?;
    let key = key_in(&object)?;
    let members = AccessKeyMembers(&object);
    let expiration = members.value(AccessKeyPart::Expiration, EXPIRATION)?;
    let account_id = members.value(AccessKeyPart::AccountId, ACCOUNT_ID)?;
    Ok(SecretAccessKey {
        key,
        expiration: expiration.and_then(|text| Timestamp::from_rfc3339(text.expose())),
        account_id: account_id.map(|text| text.expose().to_owned()),
        secret_arn: version.arn.clone(),
    })
}

/// Returns the key that a JSON object holds.
pub(crate) fn key_in(object: &Object<'_>) -> Result<AccessKey, UnusableAccessKey> {
    let members = AccessKeyMembers(object);
    let id = members.required(AccessKeyPart::Id)?.expose().to_owned();
    let secret = members.required(AccessKeyPart::Secret)?;
    let is_temporary = access_key_id::is_temporary(&id);
    let session_token = match members.value(AccessKeyPart::SessionToken, TOKEN)? {
        None if is_temporary => members.value(AccessKeyPart::SessionToken, BARE_TOKEN)?,
        token => token,
    };
    match session_token.is_none() && is_temporary {
        true => Err(UnusableAccessKey::NoSessionToken),
        false => Ok(AccessKey { id, secret, session_token }),
    }
}

/// The names of the id, in lower case and without `_` and `-`, as all of these.
pub(crate) const ID: &[&str] = &["awsaccesskeyid", "accesskeyid", "awsaccesskey", "accesskey"];
/// The names of the secret.
pub(crate) const SECRET: &[&str] =
    &["awssecretaccesskey", "secretaccesskey", "awssecretkey", "secretkey"];
/// The names of a session's token.
const TOKEN: &[&str] = &["awssessiontoken", "sessiontoken", "awssecuritytoken", "securitytoken"];
/// The name of the token in the documents of container and instance credentials. Beside a long-term key it
/// is something else.
const BARE_TOKEN: &[&str] = &["token"];
const EXPIRATION: &[&str] = &["expiration", "awscredentialexpiration", "awssessionexpiration"];
const ACCOUNT_ID: &[&str] = &["accountid", "awsaccountid"];

/// The members of a secret, by what their names mean.
struct AccessKeyMembers<'a>(&'a Object<'a>);

impl AccessKeyMembers<'_> {
    fn required(&self, part: AccessKeyPart) -> Result<Secret, UnusableAccessKey> {
        let names = if part == AccessKeyPart::Id { ID } else { SECRET };
        self.value(part, names)?.ok_or(UnusableAccessKey::NoMember(part))
    }

    /// Returns the value of the members with these names. An optional one that is `null` or empty counts as
    /// missing.
    fn value(
        &self,
        part: AccessKeyPart,
        names: &[&str],
    ) -> Result<Option<Secret>, UnusableAccessKey> {
        let is_required = matches!(part, AccessKeyPart::Id | AccessKeyPart::Secret);
        let mut found: Vec<(&str, Secret)> = Vec::new();
        for (name, value) in self.0.members() {
            if !names.contains(&normalized(name).as_str()) {
                continue;
            }
            let invalid = || UnusableAccessKey::Invalid { part, member: name.to_owned() };
            match value {
                MemberValue::Null if !is_required => {}
                MemberValue::Text(text) if text.expose().is_empty() && !is_required => {}
                MemberValue::Text(text) if is_valid(part, text.expose()) => {
                    found.push((name, text));
                }
                // A number, as an account without quotes is.
                MemberValue::Json(text)
                    if part == AccessKeyPart::AccountId && is_valid(part, text.expose()) =>
                {
                    found.push((name, text));
                }
                _ => return Err(invalid()),
            }
        }
        let is_same = |(_, other): &(&str, Secret)| other.expose() == found[0].1.expose();
        if !found.iter().all(is_same) {
            let members = found.iter().map(|(name, _)| (*name).to_owned()).collect();
            return Err(UnusableAccessKey::Ambiguous { part, members });
        }
        Ok(found.into_iter().next().map(|(_, value)| value))
    }
}

/// Returns a name in lower case and without `_` and `-`.
pub(crate) fn normalized(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

/// Returns whether a value can be that part of a key. Stores that speak AWS's protocols have ids and secrets
/// of other lengths, so only what no request could hold is refused.
fn is_valid(part: AccessKeyPart, value: &str) -> bool {
    match part {
        AccessKeyPart::Id => {
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
            (1..=128).contains(&value.len()) && value.bytes().all(is_plain)
        }
        // With the two swapped, the secret would be shown as the id.
        AccessKeyPart::Secret => is_visible(value) && !access_key_id::is_typical(value),
        AccessKeyPart::SessionToken => is_visible(value),
        AccessKeyPart::Expiration => Timestamp::from_rfc3339(value).is_some(),
        AccessKeyPart::AccountId => value.len() == 12 && value.bytes().all(|b| b.is_ascii_digit()),
    }
}

fn is_visible(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
