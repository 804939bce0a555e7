//! `iam:DeleteAccessKey`.
//!
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html>

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::query_protocol::{QueryOperation, QueryResponseError};
use crate::http::{Request, Response};

const OPERATION: QueryOperation = QueryOperation::DeleteAccessKey;

/// Returns the unsigned request at `at` that deletes the key `id` of `user`, or of the caller's own user.
pub fn to_http(user: Option<&str>, id: &str, at: &RegionalEndpoint) -> Request {
    let user = user.map(|user| ("UserName", user));
    OPERATION.request(at, user.into_iter().chain([("AccessKeyId", id)]))
}

/// Checks that a 2xx `response` is one of this operation.
pub fn parse(response: &Response) -> Result<(), QueryResponseError> {
    OPERATION.without_result(response)
}
