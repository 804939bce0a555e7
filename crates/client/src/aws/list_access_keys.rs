//! `iam:ListAccessKeys`.
//!
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html>

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::issued_credentials::is_access_key_id;
use crate::aws::query_protocol::{Members, QueryOperation, QueryResponseError};
use crate::http::{Request, Response};
use crate::time::Timestamp;

const OPERATION: QueryOperation = QueryOperation::ListAccessKeys;

/// What IAM says about an access key without its secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessKeyMetadata {
    /// Its id.
    pub id: String,
    /// Whether it can be used.
    pub status: KeyStatus,
    /// When it was created.
    pub created: Timestamp,
}

/// The status of an access key. A key counts towards the two of its user with any of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyStatus {
    /// AWS accepts it.
    Active,
    /// AWS refuses it.
    Inactive,
    /// AWS refuses it, as it has expired.
    Expired,
}

impl KeyStatus {
    /// Returns its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
            Self::Expired => "Expired",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Active, Self::Inactive, Self::Expired].into_iter().find(|it| it.name() == name)
    }
}

/// Returns the unsigned request for the keys of `user`, or of the caller's own user, at `at`; `page` is the
/// `Marker` of the page before.
pub fn to_http(user: Option<&str>, page: Option<&str>, at: &RegionalEndpoint) -> Request {
    let user = user.map(|user| ("UserName", user));
    OPERATION.request(at, user.into_iter().chain(page.map(|page| ("Marker", page))))
}

/// A page of the response.
#[derive(Clone, Debug)]
pub struct AccessKeyPage {
    /// The keys.
    pub keys: Vec<AccessKeyMetadata>,
    /// The `Marker` of the next page.
    pub next_page: Option<String>,
}

/// Reads a page of a 2xx `response`.
pub fn parse(response: &Response) -> Result<AccessKeyPage, QueryResponseError> {
    OPERATION.output(response, |result| {
        // A response without the list would look like a user without keys.
        result.structure(&["AccessKeyMetadata"]).ok_or("AccessKeyMetadata")?;
        let keys = result.list(&["AccessKeyMetadata"]).map(metadata).collect::<Result<_, _>>()?;
        let next_page = match result.text(&["IsTruncated"]) {
            Some("true") => Some(result.required("Marker")?.to_owned()),
            Some("false") | None => None,
            Some(_) => return Err("IsTruncated"),
        };
        Ok(AccessKeyPage { keys, next_page })
    })
}

fn metadata(member: Members<'_, '_>) -> Result<AccessKeyMetadata, &'static str> {
    let id = member.required("AccessKeyId")?;
    if !is_access_key_id(id) {
        return Err("AccessKeyId");
    }
    Ok(AccessKeyMetadata {
        id: id.to_owned(),
        status: KeyStatus::parse(member.required("Status")?).ok_or("Status")?,
        created: member.timestamp("CreateDate")?,
    })
}
