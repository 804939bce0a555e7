//! The names of secrets and parameters, of versions and of roles.

use std::num::NonZeroU64;
use std::str::FromStr;

use super::ReferenceError;
use roles_anywhere_client::arn::{ArnError, ParameterArn, SecretArn};
use roles_anywhere_client::aws::get_secret_value::SecretId;
use roles_anywhere_client::aws::parameter::{ParameterId, SECRET_REFERENCE};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::text::disclosure::is_shown;

/// The longest name of a secret.
const MAX_SECRET: usize = 512;
/// The longest name of a parameter in a request.
const MAX_PARAMETER: usize = 2_048;

/// Reads the name or the ARN of a secret.
pub(super) fn secret(text: &str) -> Result<SecretId, ReferenceError> {
    if text.starts_with("arn:") {
        return secret_arn(text).map(SecretId::Arn);
    }
    let name = checked(text, MAX_SECRET, is_of_secret)?;
    Ok(SecretId::Name(name))
}

/// Reads the ARN of a secret.
pub(super) fn secret_arn(text: &str) -> Result<SecretArn, ReferenceError> {
    // A name has no colon; one more part would be a member for ECS.
    match text.split(':').count() {
        ..=7 => arn(text),
        _ => Err(ReferenceError::ArnParts),
    }
}

/// Reads the name of a parameter, or its ARN.
pub(super) fn parameter(text: &str) -> Result<ParameterId, ReferenceError> {
    match text.starts_with("arn:") {
        true => parameter_arn(text).map(ParameterId::Arn),
        false => parameter_name(text).map(ParameterId::Name),
    }
}

/// Reads the ARN of a parameter.
pub(super) fn parameter_arn(text: &str) -> Result<ParameterArn, ReferenceError> {
    match text.split(':').count() {
        ..=6 => arn(text),
        _ => Err(ReferenceError::ArnParts),
    }
}

/// Reads the name of a parameter.
pub(super) fn parameter_name(text: &str) -> Result<String, ReferenceError> {
    let legal = match text.starts_with(SECRET_REFERENCE) {
        true => is_of_secret,
        false => |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c),
    };
    if text.contains('/') && !text.starts_with('/') && !text.starts_with("arn:") {
        return Err(ReferenceError::RelativePath);
    }
    checked(text, MAX_PARAMETER, legal)
}

/// Returns whether the name of a secret may have this character. `!` is in the names of secrets that AWS
/// manages: `rds!db-…`.
fn is_of_secret(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/_+=.@-!".contains(c)
}

/// Reads the number of a version of a parameter.
pub(super) fn number(text: &str) -> Result<NonZeroU64, ReferenceError> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_number).ok_or(ReferenceError::Version)
}

/// Reads a staging label, the id of a version, or a label of a parameter.
pub(super) fn label(text: &str, name: &'static str) -> Result<String, ReferenceError> {
    match text {
        "" => Err(ReferenceError::EmptyOption(name)),
        _ if text.len() > 256 => Err(ReferenceError::LongOption(name)),
        _ => match text.chars().find(|c| c.is_control() || *c == ':') {
            Some(character) => Err(ReferenceError::OptionCharacter { option: name, character }),
            None => Ok(text.to_owned()),
        },
    }
}

/// Reads a Region, which requests are signed for.
pub(super) fn region(text: &str) -> Result<Region, ReferenceError> {
    let region = Region::parse(text).filter(|region| region.without_fips().is_none());
    region.ok_or(ReferenceError::Region)
}

/// Reads the name of a role of the configuration file.
pub(super) fn role(text: &str) -> Result<Box<str>, ReferenceError> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    let is_name = (1..=64).contains(&text.len()) && text.bytes().all(legal);
    if is_name { Ok(text.into()) } else { Err(ReferenceError::Role) }
}

fn checked(
    text: &str,
    limit: usize,
    legal: impl Fn(char) -> bool,
) -> Result<String, ReferenceError> {
    if text.is_empty() {
        return Err(ReferenceError::NoName);
    }
    if let Some(character) = text.chars().find(|c| !legal(*c)) {
        return Err(ReferenceError::NameCharacter(character));
    }
    if text.len() > limit { Err(ReferenceError::LongName { limit }) } else { Ok(text.to_owned()) }
}

/// Reads an ARN. The error quotes parts of it, and so only if all of it may be shown.
fn arn<T: FromStr<Err = ArnError>>(text: &str) -> Result<T, ReferenceError> {
    text.parse().map_err(|source| match is_shown(text) {
        true => ReferenceError::Arn(source),
        false => ReferenceError::NoArn,
    })
}
