//! `secretsmanager:GetSecretValue`, by AWS JSON 1.1.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::arn::SecretArn;
use crate::http::{Endpoint, Request, Response};
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
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The Region that the request is signed for.
    pub region: Region,
}

impl SecretRequest {
    /// Returns the unsigned request.
    pub fn to_http(&self) -> Request {
        let body = GetSecretValueBody {
            secret_id: self.secret.to_string(),
            version_id: self.version_id.as_deref(),
            version_stage: self.version_stage.as_deref(),
        };
        Request {
            method: "POST",
            endpoint: self.endpoint.clone(),
            path: "/",
            query: String::new(),
            headers: vec![
                ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target".to_owned(), "secretsmanager.GetSecretValue".to_owned()),
            ],
            body: serde_json::to_vec(&body).expect("strings serialize"),
        }
    }

    /// Returns the values that must not be shown, even if AWS repeats them.
    pub fn hidden(&self) -> Vec<&str> {
        let name = match &self.secret {
            SecretId::Name(name) => Some(name),
            SecretId::Arn(_) => None,
        };
        let values = [name, self.version_id.as_ref(), self.version_stage.as_ref()];
        let values = values.into_iter().flatten().map(String::as_str);
        values.filter(|value| !may_be_repeated(value)).collect()
    }
}

/// A secret as the user names it. `Debug` shows no name that may be a secret value.
#[derive(Clone, Eq, PartialEq)]
pub enum SecretId {
    /// By its ARN, which holds its Region.
    Arn(SecretArn),
    /// By its name, in the Region of the request.
    Name(String),
}

impl SecretId {
    /// Returns its name for messages, or `NAME` if it may not be shown.
    pub fn shown(&self) -> String {
        match shown(&self.to_string(), Sensitivity::Public, || false) {
            DisplayValue::Value(name) => name,
            DisplayValue::Hidden(_) => "NAME".to_owned(),
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
#[derive(Debug)]
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
#[derive(Debug)]
pub enum SecretValue {
    /// `SecretString`.
    Text(Secret),
    /// `SecretBinary`, decoded.
    Binary(SecretBytes),
}

/// Reads the secret of a 2xx `response`.
pub fn parse(response: &Response) -> Result<SecretVersion, SecretResponseError> {
    let answer: GetSecretValueResponse = serde_json::from_slice(response.body.expose())
        .map_err(|_| SecretResponseError::Malformed)?;
    let value = match (answer.secret_string, answer.secret_binary) {
        (Some(text), _) => SecretValue::Text(text),
        (None, Some(base64)) => {
            let bytes =
                STANDARD.decode(base64.expose()).map_err(|_| SecretResponseError::Base64)?;
            SecretValue::Binary(SecretBytes::new(bytes))
        }
        (None, None) => return Err(SecretResponseError::NoValue),
    };
    Ok(SecretVersion {
        arn: answer.arn,
        name: answer.name,
        version_id: answer.version_id,
        version_stages: answer.version_stages,
        created: answer.created_date.map(microseconds),
        value,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float casts to the nearest integer there is"
)]
fn microseconds(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

/// Why a 2xx response holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretResponseError {
    /// It is not the documented JSON.
    #[error("the response of GetSecretValue cannot be parsed")]
    Malformed,
    /// `SecretBinary` is not base64.
    #[error("the member `SecretBinary` of the response is not base64")]
    Base64,
    /// There is neither `SecretString` nor `SecretBinary`.
    #[error("the response contains neither `SecretString` nor `SecretBinary`")]
    NoValue,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValueBody<'a> {
    secret_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_stage: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValueResponse {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str) -> Result<SecretVersion, SecretResponseError> {
        let body = SecretBytes::new(body.as_bytes().to_vec());
        parse(&Response { status: 200, headers: Vec::new(), body })
    }

    #[test]
    fn asks_for_the_current_version_unless_told() {
        let request = SecretRequest {
            secret: SecretId::Name("prod/db".to_owned()),
            version_id: None,
            version_stage: None,
            endpoint: Endpoint::parse("https://a.example").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
        };
        assert_eq!(request.to_http().body, br#"{"SecretId":"prod/db"}"#);
        let staged = SecretRequest { version_stage: Some("AWSPREVIOUS".to_owned()), ..request };
        let body = br#"{"SecretId":"prod/db","VersionStage":"AWSPREVIOUS"}"#;
        assert_eq!(staged.to_http().body, body);
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
        assert!(matches!(parsed("{}"), Err(SecretResponseError::Malformed)));
        let nothing = parsed(r#"{"ARN":"a","Name":"n"}"#);
        assert!(matches!(nothing, Err(SecretResponseError::NoValue)));
        let damaged = parsed(r#"{"ARN":"a","Name":"n","SecretBinary":"*"}"#);
        assert!(matches!(damaged, Err(SecretResponseError::Base64)));
    }
}
