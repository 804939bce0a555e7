//! `iam:CreateAccessKey`.
//!
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html>

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::issued_credentials::is_access_key_id;
use crate::aws::query_protocol::{QueryOperation, QueryResponseError};
use crate::credentials::AccessKey;
use crate::http::{Request, Response};
use crate::secret::Secret;
use crate::time::Timestamp;

const OPERATION: QueryOperation = QueryOperation::CreateAccessKey;

/// A new access key. Its secret is in this response only.
#[derive(Clone, Debug)]
pub struct CreatedAccessKey {
    /// The user that it belongs to.
    pub user_name: String,
    /// The key, which is active.
    pub key: AccessKey,
    /// When it was created.
    pub created: Timestamp,
}

/// Returns the unsigned request for a key of `user`, or of the caller's own user, at `at`.
pub fn to_http(user: Option<&str>, at: &RegionalEndpoint) -> Request {
    OPERATION.request(at, user.map(|user| ("UserName", user)))
}

/// Reads the key of a 2xx `response`.
pub fn parse(response: &Response) -> Result<CreatedAccessKey, QueryResponseError> {
    OPERATION.output(response, |result| {
        let key = result.structure(&["AccessKey"]).ok_or("AccessKey")?;
        let id = key.required("AccessKeyId")?;
        // It is logged, so it must not be any other text.
        if !is_access_key_id(id) {
            return Err("AccessKeyId");
        }
        let secret = key.secret("SecretAccessKey")?;
        if !secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("SecretAccessKey");
        }
        Ok(CreatedAccessKey {
            user_name: key.required("UserName")?.to_owned(),
            key: long_term(id, secret),
            created: key.timestamp("CreateDate")?,
        })
    })
}

fn long_term(id: &str, secret: Secret) -> AccessKey {
    AccessKey { id: id.to_owned(), secret, session_token: None }
}
