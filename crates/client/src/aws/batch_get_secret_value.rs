//! `secretsmanager:BatchGetSecretValue`: the current versions of up to 20 secrets.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html>

use serde::{Deserialize, Serialize};

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::error_response::ServiceError;
use crate::aws::get_secret_value::{SecretId, SecretVersion, SecretVersionMembers};
use crate::aws::json_protocol::{JsonOperation, JsonResponseError, or_empty};
use crate::http::{Request, Response};

/// The most secrets of one request.
pub const MAX_SECRETS: usize = 20;

const OPERATION: JsonOperation = JsonOperation::BatchGetSecretValue;

/// Returns the unsigned request for `secrets` at `at`; `page` is the `NextToken` of the page before.
pub fn to_http(secrets: &[SecretId], page: Option<&str>, at: &RegionalEndpoint) -> Request {
    let secret_id_list = secrets.iter().map(ToString::to_string).collect();
    OPERATION.request(at, &BatchGetSecretValueInput { secret_id_list, next_token: page })
}

/// A page of the response.
#[derive(Debug)]
pub struct SecretBatch {
    /// The versions that were read.
    pub versions: Vec<SecretVersion>,
    /// The secrets that were not read.
    pub errors: Vec<SecretError>,
    /// The token of the next page.
    pub next_page: Option<String>,
}

/// The error of one secret of a batch.
#[derive(Clone, Debug)]
pub struct SecretError {
    /// The secret, as it was requested.
    pub secret_id: String,
    /// AWS's code and message. The status is that of the whole response.
    pub error: ServiceError,
}

/// Reads a 2xx `response`; `secrets` are removed from the messages.
pub fn parse(response: &Response, secrets: &[&str]) -> Result<SecretBatch, JsonResponseError> {
    let BatchGetSecretValueOutput { secret_values, errors, next_token } =
        OPERATION.output(response)?;
    let versions = secret_values.into_iter().map(SecretVersion::try_from);
    let of_secret = |error: SecretErrorMembers| SecretError {
        error: ServiceError::within(response, (&error.error_code, &error.message), secrets),
        secret_id: error.secret_id,
    };
    Ok(SecretBatch {
        versions: versions.collect::<Result<_, _>>()?,
        errors: errors.into_iter().map(of_secret).collect(),
        next_page: next_token,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BatchGetSecretValueInput<'a> {
    secret_id_list: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchGetSecretValueOutput {
    #[serde(default, deserialize_with = "or_empty")]
    secret_values: Vec<SecretVersionMembers>,
    #[serde(default, deserialize_with = "or_empty")]
    errors: Vec<SecretErrorMembers>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretErrorMembers {
    secret_id: String,
    #[serde(default)]
    error_code: String,
    #[serde(default)]
    message: String,
}
