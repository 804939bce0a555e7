//! `iam:ListAccessKeys`.
//!
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html>

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::query_protocol::{Members, QueryOperation, QueryResponseError};
use crate::credentials::access_key_id;
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
    if !access_key_id::is_possible(id) {
        return Err("AccessKeyId");
    }
    Ok(AccessKeyMetadata {
        id: id.to_owned(),
        status: KeyStatus::parse(member.required("Status")?).ok_or("Status")?,
        created: member.timestamp("CreateDate")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretBytes;

    fn parsed(result: &str) -> Result<AccessKeyPage, QueryResponseError> {
        let body = format!(
            r#"<?xml version="1.0"?>
            <ListAccessKeysResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
              <ListAccessKeysResult>{result}</ListAccessKeysResult>
            </ListAccessKeysResponse>"#
        );
        let body = SecretBytes::new(body.into_bytes());
        parse(&Response { status: 200, headers: Vec::new(), body })
    }

    fn member(id: &str, status: &str, date: &str) -> String {
        format!(
            "<member>\n <UserName>Deploy</UserName>\n <AccessKeyId>{id}</AccessKeyId>\n \
             <Status>{status}</Status>\n <CreateDate>{date}</CreateDate>\n</member>\n"
        )
    }

    const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
    const DATE: &str = "2015-08-30T12:36:00Z";

    #[test]
    fn reads_the_keys_of_a_page() {
        let keys = ["Active", "Inactive", "Expired"].map(|status| member(KEY, status, DATE));
        let page = parsed(&format!(
            "<AccessKeyMetadata>{}</AccessKeyMetadata><IsTruncated>false</IsTruncated>",
            keys.concat()
        ));
        let page = page.unwrap();
        let statuses: Vec<KeyStatus> = page.keys.iter().map(|key| key.status).collect();
        assert_eq!(statuses, [KeyStatus::Active, KeyStatus::Inactive, KeyStatus::Expired]);
        assert_eq!(page.keys[0].id, KEY);
        assert_eq!(page.keys[0].created, Timestamp::from_unix(1_440_938_160));
        assert_eq!(page.next_page, None);
        let none = parsed("<IsTruncated>false</IsTruncated><AccessKeyMetadata/>").unwrap();
        assert_eq!(none.keys, []);
    }

    #[test]
    fn a_truncated_page_names_the_next_one() {
        let page = |rest: &str| parsed(&format!("<AccessKeyMetadata/>{rest}"));
        let next = page("<IsTruncated>true</IsTruncated><Marker>a+b=</Marker>").unwrap();
        assert_eq!(next.next_page.as_deref(), Some("a+b="));
        let last = page("<IsTruncated>false</IsTruncated><Marker>a</Marker>").unwrap();
        assert_eq!(last.next_page, None);
        let error = |member| QueryResponseError::Member { operation: OPERATION, member };
        let nowhere = page("<IsTruncated>true</IsTruncated>");
        assert_eq!(nowhere.unwrap_err(), error("Marker"));
        let unknown = page("<IsTruncated>maybe</IsTruncated>");
        assert_eq!(unknown.unwrap_err(), error("IsTruncated"));
    }

    #[test]
    fn a_page_can_have_a_thousand_keys() {
        let keys = member(KEY, "Active", DATE).repeat(1_000);
        let page = parsed(&format!("<AccessKeyMetadata>\n{keys}</AccessKeyMetadata>")).unwrap();
        assert_eq!(page.keys.len(), 1_000);
    }

    #[test]
    fn a_key_that_is_not_understood_is_not_left_out() {
        for (key, member) in [
            (member("hunter2", "Active", DATE), "AccessKeyId"),
            (member(KEY, "Suspended", DATE), "Status"),
            (member(KEY, "Active", "hunter2"), "CreateDate"),
        ] {
            let page = parsed(&format!("<AccessKeyMetadata>{key}</AccessKeyMetadata>"));
            let expected = QueryResponseError::Member { operation: OPERATION, member };
            assert_eq!(page.unwrap_err(), expected);
        }
        let no_list = parsed("<IsTruncated>false</IsTruncated>").unwrap_err();
        let member = "AccessKeyMetadata";
        assert_eq!(no_list, QueryResponseError::Member { operation: OPERATION, member });
    }
}
