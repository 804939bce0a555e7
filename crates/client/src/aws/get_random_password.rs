//! `secretsmanager:GetRandomPassword`.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html>

use serde::{Deserialize, Serialize};

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::json_protocol::{JsonOperation, JsonResponseError};
use crate::http::{Request, Response};
use crate::secret::Secret;

const OPERATION: JsonOperation = JsonOperation::GetRandomPassword;

/// The rules of a password, with the names of the API. AWS has a default for each `None`.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PasswordRules {
    /// The number of characters, 1 to 4096; by default 32.
    #[serde(rename = "PasswordLength", skip_serializing_if = "Option::is_none")]
    pub length: Option<u16>,
    /// The characters that it must not have, 4096 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_characters: Option<String>,
    /// Whether it has no digits; by default it may have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_numbers: Option<bool>,
    /// Whether it has none of the 32 punctuation marks of ASCII; by default it may have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_punctuation: Option<bool>,
    /// Whether it has no upper-case letters; by default it may have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_uppercase: Option<bool>,
    /// Whether it has no lower-case letters; by default it may have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_lowercase: Option<bool>,
    /// Whether it may have spaces; by default it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_space: Option<bool>,
    /// Whether it has at least one character of each kind that is not excluded; by default it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_each_included_type: Option<bool>,
}

impl PasswordRules {
    /// Returns the unsigned request at `at`.
    pub fn to_http(&self, at: &RegionalEndpoint) -> Request {
        OPERATION.request(at, self)
    }
}

/// Reads the password of a 2xx `response`.
pub fn parse(response: &Response) -> Result<Secret, JsonResponseError> {
    let GetRandomPasswordOutput { random_password } = OPERATION.output(response)?;
    match random_password.expose().is_empty() {
        true => Err(JsonResponseError::Malformed(OPERATION)),
        false => Ok(random_password),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetRandomPasswordOutput {
    random_password: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretBytes;

    #[test]
    fn an_empty_password_is_refused() {
        let parsed = |body: &str| {
            let body = SecretBytes::new(body.as_bytes().to_vec());
            parse(&Response { status: 200, headers: Vec::new(), body })
        };
        assert_eq!(parsed(r#"{"RandomPassword":"a b\"c"}"#).unwrap().expose(), "a b\"c");
        for body in ["", "{}", r#"{"RandomPassword":""}"#, r#"{"RandomPassword":null}"#] {
            let expected = JsonResponseError::Malformed(OPERATION);
            assert_eq!(parsed(body).unwrap_err(), expected, "{body}");
        }
    }
}
