//! Secrets that a JSON file adds, and the first version of one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use thiserror::Error;
use time::OffsetDateTime;

use super::store::{Secret, Secrets};
use super::versions::{CURRENT, MOST_BYTES, Material, Version};
use crate::arn::Location;
use crate::uuid;

/// Why a file of secrets cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SeedError {
    /// It is not an object.
    #[error("the secrets are not a JSON object of names and values")]
    NotAnObject,
    /// One of its values is neither text nor an object.
    #[error("the secret `{0}` is neither a string nor an object")]
    Value(String),
    /// One of its `SecretBinary`s is not base64.
    #[error("`SecretBinary` of the secret `{0}` is not base64")]
    Base64(String),
    /// One of its values is longer than AWS takes.
    #[error("the secret `{0}` has more than {MOST_BYTES} bytes")]
    Long(String),
}

impl Secrets {
    /// Adds the secrets of a file: text, an object kept as its JSON text, or
    /// `{"SecretBinary": base64}`.
    pub(crate) fn seed(
        &mut self,
        location: &Location,
        file: &Value,
        now: OffsetDateTime,
    ) -> Result<(), SeedError> {
        let file = file.as_object().ok_or(SeedError::NotAnObject)?;
        for (name, value) in file {
            let secret = Secret::new(location, name, now);
            self.insert(secret.with_value(material(name, value)?, now));
        }
        Ok(())
    }
}

/// Returns a value as a file of secrets has it.
pub(crate) fn material(name: &str, value: &Value) -> Result<Material, SeedError> {
    let material = read(name, value)?;
    let length = match &material {
        Material::Text(text) => text.len(),
        Material::Binary(bytes) => bytes.len(),
    };
    if length > MOST_BYTES { Err(SeedError::Long(name.to_owned())) } else { Ok(material) }
}

fn read(name: &str, value: &Value) -> Result<Material, SeedError> {
    match value {
        Value::String(text) => Ok(Material::Text(text.clone())),
        Value::Object(object) => match object.get("SecretBinary").and_then(Value::as_str) {
            Some(base64) if object.len() == 1 => STANDARD
                .decode(base64)
                .map(Material::Binary)
                .map_err(|_| SeedError::Base64(name.to_owned())),
            _ => Ok(Material::Text(value.to_string())),
        },
        _ => Err(SeedError::Value(name.to_owned())),
    }
}

impl Secret {
    /// Returns the secret with one version more, which is the current one.
    pub(crate) fn with_value(mut self, material: Material, now: OffsetDateTime) -> Self {
        let mut version = Version::new(&uuid::random(), material, now);
        version.stages.insert(CURRENT.to_owned());
        self.versions.push(version);
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::store::SecretId;
    use super::*;

    fn here() -> Location {
        Location { account: "123456789012".to_owned(), region: "eu-central-1".to_owned() }
    }

    #[test]
    fn a_file_adds_text_objects_and_bytes() {
        let mut secrets = Secrets::default();
        let old = Secret::new(&here(), "prod/plain", OffsetDateTime::UNIX_EPOCH);
        secrets
            .insert(old.with_value(Material::Text("old".to_owned()), OffsetDateTime::UNIX_EPOCH));
        let file =
            json!({"a": "text", "b": {"k": 1}, "c": {"SecretBinary": "AAE="}, "prod/plain": "new"});
        secrets.seed(&here(), &file, OffsetDateTime::UNIX_EPOCH).unwrap();
        let here = here();
        let find = |id| secrets.find(SecretId { id, location: &here });
        let material = |name| &find(name).unwrap().version(None, None).unwrap().material;
        assert_eq!(material("a"), &Some(Material::Text("text".to_owned())));
        assert_eq!(material("b"), &Some(Material::Text(r#"{"k":1}"#.to_owned())));
        assert_eq!(material("c"), &Some(Material::Binary(vec![0, 1])));
        assert_eq!(material("prod/plain"), &Some(Material::Text("new".to_owned())));
    }

    #[test]
    fn refuses_a_file_that_it_cannot_use() {
        let seed =
            |file: Value| Secrets::default().seed(&here(), &file, OffsetDateTime::UNIX_EPOCH);
        assert!(matches!(seed(json!([])), Err(SeedError::NotAnObject)));
        assert!(matches!(seed(json!({"a": 1})), Err(SeedError::Value(_))));
        assert!(matches!(seed(json!({"a": {"SecretBinary": "!"}})), Err(SeedError::Base64(_))));
        let of_length = |length: usize| seed(json!({ "a": "x".repeat(length) }));
        assert!(of_length(MOST_BYTES).is_ok());
        assert!(matches!(of_length(MOST_BYTES + 1), Err(SeedError::Long(_))));
    }
}
