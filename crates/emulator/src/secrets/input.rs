//! The members of a Secrets Manager request.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::store::{CURRENT, MOST_BYTES, Material};
use crate::json;
use crate::message::Request;
use crate::refusal::Refusal;

/// A JSON object whose members are read one by one.
pub(super) struct SecretInput(Map<String, Value>);

/// Without the values, which may be those of secrets.
impl fmt::Debug for SecretInput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl SecretInput {
    /// Reads the body.
    pub(super) fn parse(request: &Request) -> Result<Self, Refusal> {
        json::object(&request.body).map(Self).map_err(|_| {
            Refusal::new(400, "SerializationException", "Body is not a JSON object", "json")
        })
    }

    pub(super) fn secret_id(&self) -> Result<&str, Refusal> {
        self.required("SecretId", 1, 2048)
    }

    /// Returns the name of a secret to be created.
    pub(super) fn name(&self) -> Result<&str, Refusal> {
        let name = self.required("Name", 1, 512)?;
        if name.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@-!".contains(c)) {
            return Ok(name);
        }
        let message = "Invalid name. Must be a valid name containing alphanumeric characters, or \
                       any of the following: -/_+=.@!";
        Err(Refusal::new(400, "ValidationException", message, "name"))
    }

    pub(super) fn version_id(&self) -> Result<Option<&str>, Refusal> {
        self.optional("VersionId", 32, 64)
    }

    pub(super) fn version_stage(&self) -> Result<Option<&str>, Refusal> {
        self.optional("VersionStage", 1, 256)
    }

    pub(super) fn description(&self) -> Result<Option<&str>, Refusal> {
        self.optional("Description", 0, 2048)
    }

    /// Returns the labels for a new version, `AWSCURRENT` where none are given.
    pub(super) fn version_stages(&self) -> Result<Vec<String>, Refusal> {
        let Some(stages) = self.0.get("VersionStages").filter(|value| !value.is_null()) else {
            return Ok(vec![CURRENT.to_owned()]);
        };
        let stages: Vec<String> = serde_json::from_value(stages.clone())
            .map_err(|_| misshapen("VersionStages", "is not a list of strings"))?;
        let fit = (1..=20).contains(&stages.len())
            && stages.iter().all(|stage| (1..=256).contains(&stage.len()));
        if fit { Ok(stages) } else { Err(misshapen("VersionStages", "has 1 to 20 labels")) }
    }

    /// Returns the id of a new version. SDKs and the AWS CLI generate one; a client
    /// without an SDK must send it.
    pub(super) fn client_request_token(&self) -> Result<&str, Refusal> {
        self.optional("ClientRequestToken", 32, 64)?.ok_or_else(|| {
            let message = "You must provide a ClientRequestToken value. We recommend a UUID-type \
                           value.";
            Refusal::new(400, "InvalidRequestException", message, "token-missing")
        })
    }

    /// Returns the value of a new version, text or bytes and not both.
    pub(super) fn material(&self) -> Result<Option<Material>, Refusal> {
        let text = self.optional("SecretString", 0, MOST_BYTES)?;
        let binary = self.optional("SecretBinary", 0, MOST_BYTES * 2)?;
        match (text, binary) {
            (None, None) => Ok(None),
            (Some(text), None) => Ok(Some(Material::Text(text.to_owned()))),
            (None, Some(binary)) => STANDARD
                .decode(binary)
                .ok()
                .filter(|bytes| bytes.len() <= MOST_BYTES)
                .map(|bytes| Some(Material::Binary(bytes)))
                .ok_or_else(|| misshapen("SecretBinary", "is not base64 of at most 65536 bytes")),
            (Some(_), Some(_)) => {
                let message = "You can't specify both a binary secret value and a string secret \
                               value in the same secret.";
                Err(Refusal::new(400, "InvalidParameterException", message, "two-values"))
            }
        }
    }

    fn required(&self, name: &str, least: usize, most: usize) -> Result<&str, Refusal> {
        self.optional(name, least, most)?.ok_or_else(|| {
            let message = format!(
                "1 validation error detected: Value null at '{name}' failed to satisfy \
                 constraint: Member must not be null"
            );
            Refusal::new(400, "ValidationException", message, "missing-member")
        })
    }

    fn optional(&self, name: &str, least: usize, most: usize) -> Result<Option<&str>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if (least..=most).contains(&text.len()) => Ok(Some(text)),
            Some(Value::String(_)) => {
                Err(misshapen(name, &format!("must have a length of {least} to {most}")))
            }
            Some(_) => Err(misshapen(name, "is not a string")),
        }
    }
}

/// Returns bytes as they are written in JSON.
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn misshapen(name: &str, how: &str) -> Refusal {
    let message = format!("1 validation error detected: '{name}' {how}");
    Refusal::new(400, "ValidationException", message, "member")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_print_values() {
        let body = br#"{"SecretString":"s3cret"}"#.to_vec();
        let input = SecretInput::parse(&Request { body, ..Request::default() }).unwrap();
        assert_eq!(format!("{input:?}"), r#"{"SecretString"}"#);
    }
}
