//! `secretsmanager:PutSecretValue`, which adds a version to a secret.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::get_secret_value::{SecretId, SecretValue};
use crate::aws::json_protocol::{JsonOperation, JsonResponseError};
use crate::http::{Request, Response};
use crate::text::disclosure::may_be_repeated;

const OPERATION: JsonOperation = JsonOperation::PutSecretValue;

/// A new version of a secret.
///
/// To send it twice has no further effect: a version with the same id and value exists then.
#[derive(Clone, Debug)]
pub struct PutSecretValue {
    /// The secret.
    pub secret: SecretId,
    /// The id of the version, 32 to 64 characters: `ClientRequestToken`.
    pub version_id: String,
    /// Its value.
    pub value: SecretValue,
    /// Its staging labels, at least one: a label of another version moves. AWS would move AWSCURRENT if
    /// there was none, so an empty list is sent, which it refuses.
    pub stages: Vec<String>,
}

impl PutSecretValue {
    /// Returns the unsigned request at `at`.
    pub fn to_http(&self, at: &RegionalEndpoint) -> Request {
        let base64;
        let (text, binary) = match &self.value {
            SecretValue::Text(text) => (Some(text.expose()), None),
            SecretValue::Binary(bytes) => {
                base64 = Zeroizing::new(STANDARD.encode(bytes.expose()));
                (None, Some(base64.as_str()))
            }
        };
        let secret_id = self.secret.to_string();
        let others = self.stages.iter().chain([&secret_id, &self.version_id]);
        let value = text.or(binary).unwrap_or_default();
        let texts = others.map(String::len).sum::<usize>() + value.len();
        // A byte takes up to six in JSON; a label has two quotation marks and a comma besides.
        let length = LONGEST_FRAME + 6 * texts + 3 * self.stages.len();
        let input = PutSecretValueInput {
            secret_id: &secret_id,
            client_request_token: &self.version_id,
            secret_string: text,
            secret_binary: binary,
            version_stages: &self.stages,
        };
        OPERATION.request_of_length(at, &input, length)
    }

    /// Returns the values that must not be shown, even if AWS repeats them.
    pub fn hidden(&self) -> Vec<&str> {
        let others = self.stages.iter().chain([&self.version_id]);
        let others = others.map(String::as_str).filter(|text| !may_be_repeated(text));
        let value = match &self.value {
            SecretValue::Text(text) => Some(text.expose()),
            SecretValue::Binary(bytes) => std::str::from_utf8(bytes.expose()).ok(),
        };
        self.secret.hidden().into_iter().chain(others).chain(value).collect()
    }
}

/// The most bytes of a request besides its texts.
const LONGEST_FRAME: usize = 256;

/// A version that was stored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "PascalCase")]
pub struct StoredVersion {
    /// The ARN of the secret.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The id of the version.
    pub version_id: String,
    /// The staging labels of the version.
    #[serde(default)]
    pub version_stages: Vec<String>,
}

/// Reads a 2xx `response`.
pub fn parse(response: &Response) -> Result<StoredVersion, JsonResponseError> {
    OPERATION.output(response)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutSecretValueInput<'a> {
    secret_id: &'a str,
    client_request_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_string: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_binary: Option<&'a str>,
    version_stages: &'a [String],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Secret, SecretBytes};

    fn parsed(body: &str) -> Result<StoredVersion, JsonResponseError> {
        let body = SecretBytes::new(body.as_bytes().to_vec());
        parse(&Response { status: 200, headers: Vec::new(), body })
    }

    #[test]
    fn reads_the_stored_version() {
        let body = r#"{"ARN":"a","Name":"n","VersionId":"v","VersionStages":["AWSPENDING"]}"#;
        let stored = parsed(body).unwrap();
        assert_eq!((stored.version_id.as_str(), stored.version_stages.len()), ("v", 1));
        assert_eq!(parsed("{}"), Err(JsonResponseError::Malformed(OPERATION)));
    }

    #[test]
    fn the_value_is_neither_shown_nor_repeated() {
        let put = |value| PutSecretValue {
            secret: SecretId::Name("prod/db".to_owned()),
            version_id: "01234567-89ab-4def-8123-456789abcdef".to_owned(),
            value,
            stages: vec!["AWSPENDING".to_owned()],
        };
        let text = put(SecretValue::Text(Secret::new("hunter2".to_owned())));
        assert_eq!(text.hidden(), ["hunter2"]);
        let binary = put(SecretValue::Binary(SecretBytes::new(b"hunter2".to_vec())));
        assert_eq!(binary.hidden(), ["hunter2"]);
        assert!(!format!("{text:?} {binary:?}").contains("hunter2"));
    }
}
