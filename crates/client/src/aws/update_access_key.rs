//! `iam:UpdateAccessKey`, which activates and deactivates.
//!
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html>

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::list_access_keys::KeyStatus;
use crate::aws::query_protocol::{QueryOperation, QueryResponseError};
use crate::http::{Request, Response};

const OPERATION: QueryOperation = QueryOperation::UpdateAccessKey;

/// Returns the unsigned request at `at` that sets the status of the key `id` of `user`, or of the caller's
/// own user.
pub fn to_http(user: Option<&str>, id: &str, status: KeyStatus, at: &RegionalEndpoint) -> Request {
    let user = user.map(|user| ("UserName", user));
    let members = [("AccessKeyId", id), ("Status", status.name())];
    OPERATION.request(at, user.into_iter().chain(members))
}

/// Checks that a 2xx `response` is one of this operation.
pub fn parse(response: &Response) -> Result<(), QueryResponseError> {
    OPERATION.without_result(response)
}
