//! `iam:GetAccessKeyLastUsed`.
//!
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html>

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::query_protocol::{QueryOperation, QueryResponseError};
use crate::http::{Request, Response};
use crate::time::Timestamp;

const OPERATION: QueryOperation = QueryOperation::GetAccessKeyLastUsed;

/// When an access key was last used. AWS learns of a use some time later.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LastUsed {
    /// The user that the key belongs to.
    pub user_name: Option<String>,
    /// When it was last used; `None` if it never was.
    pub last_used: Option<Timestamp>,
}

/// Returns the unsigned request about the key `id` at `at`.
pub fn to_http(id: &str, at: &RegionalEndpoint) -> Request {
    OPERATION.request(at, [("AccessKeyId", id)])
}

/// Reads a 2xx `response`.
pub fn parse(response: &Response) -> Result<LastUsed, QueryResponseError> {
    OPERATION.output(response, |result| {
        // A response without it would look like a key that was never used.
        let used = result.structure(&["AccessKeyLastUsed"]).ok_or("AccessKeyLastUsed")?;
        let user_name = result.text(&["UserName"]).filter(|name| !name.is_empty());
        let last_used = match used.text(&["LastUsedDate"]) {
            // The documentation also names `N/A`, which botocore's model has for the other members only.
            None | Some("" | "N/A") => None,
            Some(_) => Some(used.timestamp("LastUsedDate")?),
        };
        Ok(LastUsed { user_name: user_name.map(str::to_owned), last_used })
    })
}
