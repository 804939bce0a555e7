//! What a secret holds: an access key, or a password; and the same secret with another one.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::output::access_key::{AccessKeyPart, UnusableAccessKey};
use crate::output::rotation::RotatedValueError;
use crate::secrets::access_key;
use crate::secrets::member::{MemberValue, Object};
use roles_anywhere_client::aws::get_secret_value::SecretValue;
use roles_anywhere_client::credentials::{AccessKey, access_key_id};
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// The names of the member that is the user of the key, as those of its other parts.
const USER_NAMES: &[&str] = &["username", "iamusername", "awsusername", "iamuser", "user"];

/// A long-term access key in a JSON secret.
#[derive(Clone, Debug)]
pub(super) struct KeyInSecret {
    /// The key.
    pub(super) key: AccessKey,
    /// The name of its user, if the secret has it.
    pub(super) user: Option<String>,
}

impl KeyInSecret {
    /// Reads a secret.
    pub(super) fn parse(value: &SecretValue) -> Result<Self, RotatedValueError> {
        let object = object(value)?;
        let key = access_key::key_in(&object).map_err(|why| unusable(&why))?;
        if key.session_token.is_some() || access_key_id::is_temporary(&key.id) {
            return Err(RotatedValueError::SessionToken);
        }
        if !access_key_id::is_possible(&key.id) {
            return Err(RotatedValueError::NoKeyId);
        }
        let user = user_in(&object)?.filter(|user| is_user_name(user));
        Ok(Self { key, user })
    }

    /// Returns the same secret with another key; everything else is as it is written.
    pub(super) fn replaced(
        value: &SecretValue,
        key: &AccessKey,
    ) -> Result<Secret, RotatedValueError> {
        let (object, text) = (object(value)?, text(value)?);
        let id = Secret::new(key.id.clone());
        let mut places = Vec::new();
        for (names, new) in [(access_key::ID, &id), (access_key::SECRET, &key.secret)] {
            let of_names = object.names().filter(|name| is_called(name, names));
            places.extend(of_names.filter_map(|name| Some((object.place(text, name)?, new))));
        }
        Ok(spliced(text, places))
    }
}

/// Returns the same secret with another password: the member `key`, or all of it if it is not a JSON object, whose
/// other members would be lost.
pub(super) fn with_password(
    value: &SecretValue,
    key: Option<&str>,
    password: &Secret,
) -> Result<Secret, RotatedValueError> {
    let Some(key) = key else {
        return match Object::parse(text(value)?) {
            Some(_) => Err(RotatedValueError::WholeObject),
            None => Ok(password.clone()),
        };
    };
    let (object, text) = (object(value)?, text(value)?);
    match object.at_path(key) {
        Some(MemberValue::Text(_)) => {}
        Some(_) => return Err(RotatedValueError::NotText),
        None => return Err(RotatedValueError::NoMember { count: object.len() }),
    }
    let place = object.place_at_path(text, key);
    Ok(spliced(text, place.into_iter().map(|place| (place, password)).collect()))
}

/// Returns what a command reads: the step, the secret, and the values as JSON if they are objects, else as
/// texts.
pub(super) fn command_input(
    step: &str,
    (arn, version_id): (&str, &str),
    values: &[(&str, &SecretValue)],
) -> Result<SecretBytes, RotatedValueError> {
    let texts: Vec<(&str, Zeroizing<String>)> = values
        .iter()
        .map(|(name, value)| {
            let text = text(value)?;
            let json = match Object::parse(text) {
                Some(_) => Zeroizing::new(text.to_owned()),
                None => quoted(text),
            };
            Ok((*name, json))
        })
        .collect::<Result<_, RotatedValueError>>()?;
    let length: usize = texts.iter().map(|(name, text)| name.len() + text.len() + 4).sum();
    // Of its final size from the start, so that no copy of a value stays behind.
    let mut json = String::with_capacity(256 + arn.len() + version_id.len() + length);
    for (name, text) in [("step", step), ("secret", arn), ("version_id", version_id)] {
        json.push_str(if json.is_empty() { "{" } else { "," });
        json.push_str(&format!("\"{name}\":{}", quoted(text).as_str()));
    }
    for (name, text) in &texts {
        json.push_str(",\"");
        json.push_str(name);
        json.push_str("\":");
        json.push_str(text);
    }
    json.push_str("}\n");
    Ok(SecretBytes::new(json.into_bytes()))
}

fn text(value: &SecretValue) -> Result<&str, RotatedValueError> {
    match value {
        SecretValue::Text(text) => Ok(text.expose()),
        SecretValue::Binary(_) => Err(RotatedValueError::Binary),
    }
}

fn object(value: &SecretValue) -> Result<Object<'_>, RotatedValueError> {
    Object::parse(text(value)?).ok_or(RotatedValueError::NotAnObject)
}

/// Returns what keeps an object from being a long-term access key.
fn unusable(why: &UnusableAccessKey) -> RotatedValueError {
    match why {
        UnusableAccessKey::Binary => RotatedValueError::Binary,
        UnusableAccessKey::NotAnObject => RotatedValueError::NotAnObject,
        UnusableAccessKey::Ambiguous { .. } => RotatedValueError::Ambiguous,
        UnusableAccessKey::NoSessionToken | UnusableAccessKey::Expired(_) => {
            RotatedValueError::SessionToken
        }
        UnusableAccessKey::NoMember(part) | UnusableAccessKey::Invalid { part, .. } => match part {
            AccessKeyPart::Id => RotatedValueError::NoKeyId,
            AccessKeyPart::SessionToken => RotatedValueError::SessionToken,
            _ => RotatedValueError::NoSecretKey,
        },
    }
}

/// Returns the name of the user that an object holds.
fn user_in(object: &Object<'_>) -> Result<Option<String>, RotatedValueError> {
    let mut found: Option<String> = None;
    for (_, value) in object.members().filter(|(name, _)| is_called(name, USER_NAMES)) {
        let text = match value {
            MemberValue::Text(text) => text.expose().to_owned(),
            MemberValue::Null => continue,
            MemberValue::Json(_) | MemberValue::NotUnicode => {
                return Err(RotatedValueError::NotText);
            }
        };
        if found.as_ref().is_some_and(|other| *other != text) {
            return Err(RotatedValueError::Ambiguous);
        }
        found = Some(text);
    }
    Ok(found)
}

fn is_called(name: &str, names: &[&str]) -> bool {
    names.contains(&access_key::normalized(name).as_str())
}

/// Returns whether IAM may have a user of this name.
fn is_user_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(is_allowed)
}

/// Returns `text` as a JSON string.
fn quoted(text: &str) -> Zeroizing<String> {
    // A character takes up to six.
    let mut json = Vec::with_capacity(6 * text.len() + 2);
    serde_json::to_writer(&mut json, text).expect("a text is JSON");
    Zeroizing::new(String::from_utf8(json).expect("JSON is UTF-8"))
}

/// Returns `text` with JSON strings in these places.
fn spliced(text: &str, mut places: Vec<(Range<usize>, &Secret)>) -> Secret {
    places.sort_by_key(|(place, _)| place.start);
    let strings: Vec<_> = places.iter().map(|(_, new)| quoted(new.expose())).collect();
    let length = text.len() + strings.iter().map(|string| string.len()).sum::<usize>();
    let (mut whole, mut end) = (String::with_capacity(length), 0);
    for ((place, _), string) in places.iter().zip(&strings) {
        whole.push_str(&text[end..place.start]);
        whole.push_str(string);
        end = place.end;
    }
    whole.push_str(&text[end..]);
    Secret::new(whole)
}

#[cfg(test)]
mod tests;
