//! A secret as the AWS CLI prints it, and one member of a secret that is JSON.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use serde_json::value::RawValue;
use time::UtcDateTime;
use time::macros::format_description;

use crate::output::run::SecretSelectionError;
use roles_anywhere_client::aws::get_secret_value::{SecretValue, SecretVersion};
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// Renders the whole answer with the AWS CLI's members, indented as the AWS CLI does, and a newline.
pub(super) fn render(secret: &SecretVersion) -> SecretBytes {
    let (text, binary) = match &secret.value {
        SecretValue::Text(text) => (Some(text.expose()), None),
        SecretValue::Binary(bytes) => (None, Some(Secret::new(STANDARD.encode(bytes.expose())))),
    };
    let document = SecretDocument {
        arn: &secret.arn,
        name: &secret.name,
        version_id: secret.version_id.as_deref(),
        secret_binary: binary.as_ref().map(Secret::expose),
        secret_string: text,
        version_stages: &secret.version_stages,
        created_date: secret.created.and_then(iso_8601),
    };
    let value = text.map_or(0, str::len) + binary.as_ref().map_or(0, |b| b.expose().len());
    // Large enough not to grow: a buffer left behind by growth would not be wiped.
    let mut json = Vec::with_capacity(4_096 + 6 * value);
    let mut serializer =
        serde_json::Serializer::with_formatter(&mut json, PrettyFormatter::with_indent(b"    "));
    document.serialize(&mut serializer).expect("strings serialize");
    json.push(b'\n');
    SecretBytes::new(json)
}

/// Returns the member `key` of a JSON object: a string decoded, anything else as it is written.
pub(super) fn member(text: &Secret, key: &str) -> Result<SecretBytes, SecretSelectionError> {
    let object: BTreeMap<String, &RawValue> =
        serde_json::from_str(text.expose()).map_err(|_| SecretSelectionError::NotAnObject)?;
    let Some(value) = object.get(key) else {
        return Err(SecretSelectionError::NoMember { key: key.to_owned(), count: object.len() });
    };
    match serde_json::from_str::<String>(value.get()) {
        Ok(text) => Ok(SecretBytes::new(text.into_bytes())),
        Err(_) if value.get().starts_with('"') => Err(SecretSelectionError::Undecodable),
        Err(_) => Ok(super::bytes(value.get())),
    }
}

/// Renders microseconds since the epoch as Python's `isoformat`, which the AWS CLI prints.
fn iso_8601(microseconds: i64) -> Option<String> {
    let instant = UtcDateTime::from_unix_timestamp_nanos(i128::from(microseconds) * 1_000).ok()?;
    let seconds = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+00:00");
    let fraction = format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]+00:00"
    );
    if microseconds % 1_000_000 == 0 {
        instant.format(seconds).ok()
    } else {
        instant.format(fraction).ok()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SecretDocument<'a> {
    #[serde(rename = "ARN")]
    arn: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_binary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_string: Option<&'a str>,
    version_stages: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    created_date: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_dates_as_python_does() {
        assert_eq!(iso_8601(1_440_938_160_000_000).unwrap(), "2015-08-30T12:36:00+00:00");
        assert_eq!(iso_8601(1_440_938_160_000_123).unwrap(), "2015-08-30T12:36:00.000123+00:00");
        assert_eq!(iso_8601(i64::MAX), None);
    }
}
