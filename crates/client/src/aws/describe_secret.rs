//! `secretsmanager:DescribeSecret`.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html>

use serde::Serialize;

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::get_secret_value::SecretId;
use crate::aws::json_protocol::{JsonOperation, JsonResponseError};
use crate::aws::secret_description::SecretDescription;
use crate::http::{Request, Response};

const OPERATION: JsonOperation = JsonOperation::DescribeSecret;

/// Returns the unsigned request about `secret` at `at`.
pub fn to_http(secret: &SecretId, at: &RegionalEndpoint) -> Request {
    OPERATION.request(at, &DescribeSecretInput { secret_id: secret.to_string() })
}

/// Reads the description of a 2xx `response`.
pub fn parse(response: &Response) -> Result<SecretDescription, JsonResponseError> {
    OPERATION.output(response)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeSecretInput {
    secret_id: String,
}
