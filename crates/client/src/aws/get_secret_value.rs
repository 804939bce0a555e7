//! `secretsmanager:GetSecretValue`, by AWS JSON 1.1.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::arn::{ArnError, SecretArn};
use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::json_protocol::{JsonOperation, JsonResponseError, microseconds};
use crate::http::{Request, Response};
use crate::region::Region;
use crate::secret::{Secret, SecretBytes};
use crate::text::disclosure::{DisplayValue, Sensitivity, may_be_repeated, shown};

/// A request for a version of a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecretRequest {
    /// Its name or ARN.
    pub secret: SecretId,
    /// One version by its id.
    pub version_id: Option<String>,
    /// The version with that staging label; `AWSCURRENT` without either.
    pub version_stage: Option<String>,
}

impl SecretRequest {
    /// Returns the request for the current version.
    pub fn current(secret: SecretId) -> Self {
        Self { secret, version_id: None, version_stage: None }
    }

    /// Returns the unsigned request at `at`.
    pub fn to_http(&self, at: &RegionalEndpoint) -> Request {
        let input = GetSecretValueInput {
            secret_id: self.secret.to_string(),
            version_id: self.version_id.as_deref(),
            version_stage: self.version_stage.as_deref(),
        };
        OPERATION.request(at, &input)
    }

    /// Returns the values that must not be shown, even if AWS repeats them.
    pub fn hidden(&self) -> Vec<&str> {
        let version = [self.version_id.as_deref(), self.version_stage.as_deref()];
        let version = version.into_iter().flatten().filter(|value| !may_be_repeated(value));
        self.secret.hidden().into_iter().chain(version).collect()
    }
}

const OPERATION: JsonOperation = JsonOperation::GetSecretValue;

/// A secret as the user names it. `Debug` shows no name that may be a secret value.
#[derive(Clone, Eq, PartialEq)]
pub enum SecretId {
    /// By its ARN, which holds its Region.
    Arn(SecretArn),
    /// By its name, in the Region of the request.
    Name(String),
}

impl SecretId {
    /// Returns the Region in its ARN.
    pub fn region(&self) -> Option<&Region> {
        match self {
            Self::Arn(arn) => Some(arn.region()),
            Self::Name(_) => None,
        }
    }

    /// Returns its name for messages, or `NAME` if it may not be shown.
    pub fn shown(&self) -> String {
        match shown(&self.to_string(), Sensitivity::Public, || false) {
            DisplayValue::Value(name) => name,
            DisplayValue::Hidden(_) => "NAME".to_owned(),
        }
    }

    /// Returns its name if it must not be shown, even if AWS repeats it.
    pub fn hidden(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name.as_str()).filter(|name| !may_be_repeated(name)),
            Self::Arn(_) => None,
        }
    }

    /// Returns whether the secret with this ARN and name is meant: an ARN may lack its last hyphen and
    /// the six random characters after it.
    pub fn is_of(&self, arn: &str, name: &str) -> bool {
        let asked = match self {
            Self::Name(asked) => return asked == name,
            Self::Arn(asked) => asked.to_string(),
        };
        let suffix = arn.strip_prefix(asked.as_str()).and_then(|rest| rest.strip_prefix('-'));
        asked == arn || suffix.is_some_and(|suffix| suffix.len() == 6)
    }
}

impl FromStr for SecretId {
    type Err = ArnError;

    /// Reads a name, or an ARN, which starts with `arn:`.
    fn from_str(text: &str) -> Result<Self, ArnError> {
        match text.starts_with("arn:") {
            true => text.parse().map(Self::Arn),
            false => Ok(Self::Name(text.to_owned())),
        }
    }
}

impl fmt::Debug for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arn(arn) => arn.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// One version of a secret, as the service returned it.
#[derive(Clone, Debug)]
pub struct SecretVersion {
    /// The ARN of the secret.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The id of the version.
    pub version_id: Option<String>,
    /// The staging labels of the version.
    pub version_stages: Vec<String>,
    /// When the version was created, in microseconds since the Unix epoch.
    pub created: Option<i64>,
    /// The secret itself.
    pub value: SecretValue,
}

/// The value of a secret.
#[derive(Clone, Debug)]
pub enum SecretValue {
    /// `SecretString`.
    Text(Secret),
    /// `SecretBinary`, decoded.
    Binary(SecretBytes),
}

/// Reads the secret of a 2xx `response`.
pub fn parse(response: &Response) -> Result<SecretVersion, JsonResponseError> {
    OPERATION.output::<SecretVersionMembers>(response)?.try_into()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValueInput<'a> {
    secret_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_stage: Option<&'a str>,
}

/// The members of a version, alone or in a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SecretVersionMembers {
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
    version_id: Option<String>,
    #[serde(default)]
    version_stages: Vec<String>,
    created_date: Option<f64>,
    secret_string: Option<Secret>,
    secret_binary: Option<Secret>,
}

impl TryFrom<SecretVersionMembers> for SecretVersion {
    type Error = JsonResponseError;

    fn try_from(members: SecretVersionMembers) -> Result<Self, JsonResponseError> {
        let value = match (members.secret_string, members.secret_binary) {
            (Some(text), _) => SecretValue::Text(text),
            (None, Some(base64)) => {
                let bytes =
                    STANDARD.decode(base64.expose()).map_err(|_| JsonResponseError::Base64)?;
                SecretValue::Binary(SecretBytes::new(bytes))
            }
            (None, None) => return Err(JsonResponseError::NoValue),
        };
        Ok(Self {
            arn: members.arn,
            name: members.name,
            version_id: members.version_id,
            version_stages: members.version_stages,
            created: members.created_date.map(microseconds),
            value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::endpoint::Service;
    use crate::region::Region;

    fn parsed(body: &str) -> Result<SecretVersion, JsonResponseError> {
        let body = SecretBytes::new(body.as_bytes().to_vec());
        parse(&Response { status: 200, headers: Vec::new(), body })
    }

    #[test]
    fn asks_for_the_current_version_unless_told() {
        let at = RegionalEndpoint::of(Service::SecretsManager, Region::parse("us-east-1").unwrap());
        let request = SecretRequest::current(SecretId::Name("prod/db".to_owned()));
        let http = request.to_http(&at);
        assert_eq!(http.body, br#"{"SecretId":"prod/db"}"#);
        assert_eq!(http.headers[1].1, "secretsmanager.GetSecretValue");
        let staged = SecretRequest { version_stage: Some("AWSPREVIOUS".to_owned()), ..request };
        let body = br#"{"SecretId":"prod/db","VersionStage":"AWSPREVIOUS"}"#;
        assert_eq!(staged.to_http(&at).body, body);
    }

    #[test]
    fn reads_text_and_binary() {
        let text = parsed(
            r#"{"ARN":"a","Name":"n","VersionId":"v","SecretString":"s","VersionStages":["AWSCURRENT"],"CreatedDate":1.5234E9}"#,
        )
        .unwrap();
        assert!(matches!(text.value, SecretValue::Text(s) if s.expose() == "s"));
        assert_eq!(text.created, Some(1_523_400_000_000_000));
        let binary = parsed(r#"{"ARN":"a","Name":"n","SecretBinary":"AAEC/w=="}"#).unwrap();
        assert!(matches!(binary.value, SecretValue::Binary(b) if b.expose() == [0, 1, 2, 255]));
    }

    #[test]
    fn refuses_answers_that_hold_no_secret() {
        assert!(matches!(parsed("{}"), Err(JsonResponseError::Malformed(OPERATION))));
        let nothing = parsed(r#"{"ARN":"a","Name":"n"}"#);
        assert!(matches!(nothing, Err(JsonResponseError::NoValue)));
        let damaged = parsed(r#"{"ARN":"a","Name":"n","SecretBinary":"*"}"#);
        assert!(matches!(damaged, Err(JsonResponseError::Base64)));
    }

    #[test]
    fn an_arn_may_lack_its_random_characters() {
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-a1b2c3";
        let is_of = |id: SecretId| id.is_of(arn, "prod/db");
        assert!(is_of(SecretId::Name("prod/db".to_owned())));
        assert!(!is_of(SecretId::Name("prod/db-a1b2c3".to_owned())));
        for (text, expected) in [
            (arn, true),
            (&arn[..arn.len() - 7], true),
            (&arn[..arn.len() - 10], false),
            (&arn[..arn.len() - 1], false),
        ] {
            assert_eq!(is_of(SecretId::Arn(text.parse().unwrap())), expected, "{text}");
        }
    }
}
