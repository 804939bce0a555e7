//! The secrets that are there at the start, and those that a file adds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use thiserror::Error;
use time::OffsetDateTime;

use super::store::{CURRENT, FailureMode, Material, Secret, Secrets, Version};
use crate::arn::Location;
use crate::session;

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
}

impl Secrets {
    /// Returns the examples: good ones, one that is deleted, two that cannot be decrypted.
    pub(crate) fn seeded(location: &Location, now: OffsetDateTime) -> Self {
        let mut secrets = Self::default();
        let secret = |name, material| secret(location, name, material, now);
        let credentials = r#"{"username":"app","password":"correct horse battery staple","host":"db.internal","port":5432}"#;
        let text = |text: &str| Material::Text(text.to_owned());
        secrets.insert(secret("prod/db-credentials", text(credentials)));
        secrets.insert(secret("prod/keystore", Material::Binary((0..=255).collect())));
        secrets.insert(secret("prod/plain", text("s3cr3t")));
        let mut deleted = secret("prod/deleted", text("gone"));
        deleted.deleted = Some(now);
        secrets.insert(deleted);
        for (name, failure) in [
            ("prod/kms-denied", FailureMode::KmsDenied),
            ("prod/broken-key", FailureMode::BrokenKey),
        ] {
            let mut troubled = secret(name, text("unreadable"));
            troubled.failure = Some(failure);
            secrets.insert(troubled);
        }
        secrets
    }

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
            self.insert(secret(location, name, material(name, value)?, now));
        }
        Ok(())
    }
}

/// Returns a value as a file of secrets has it.
pub(crate) fn material(name: &str, value: &Value) -> Result<Material, SeedError> {
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

fn secret(location: &Location, name: &str, material: Material, now: OffsetDateTime) -> Secret {
    let mut secret = Secret::new(location, name, now);
    let mut version = Version::new(&session::request_id(), material, now);
    version.stages.insert(CURRENT.to_owned());
    secret.versions.push(version);
    secret
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
        let mut secrets = Secrets::seeded(&here(), OffsetDateTime::UNIX_EPOCH);
        let file =
            json!({"a": "text", "b": {"k": 1}, "c": {"SecretBinary": "AAE="}, "prod/plain": "new"});
        secrets.seed(&here(), &file, OffsetDateTime::UNIX_EPOCH).unwrap();
        let here = here();
        let find = |id| secrets.find(SecretId { id, location: &here });
        let material = |name| &find(name).unwrap().version(None, None).unwrap().material;
        assert_eq!(material("a"), &Material::Text("text".to_owned()));
        assert_eq!(material("b"), &Material::Text(r#"{"k":1}"#.to_owned()));
        assert_eq!(material("c"), &Material::Binary(vec![0, 1]));
        assert_eq!(material("prod/plain"), &Material::Text("new".to_owned()));
        assert!(find("prod/db-credentials").is_ok());
    }

    #[test]
    fn refuses_a_file_that_it_cannot_use() {
        let seed =
            |file: Value| Secrets::default().seed(&here(), &file, OffsetDateTime::UNIX_EPOCH);
        assert!(matches!(seed(json!([])), Err(SeedError::NotAnObject)));
        assert!(matches!(seed(json!({"a": 1})), Err(SeedError::Value(_))));
        assert!(matches!(seed(json!({"a": {"SecretBinary": "!"}})), Err(SeedError::Base64(_))));
    }
}
