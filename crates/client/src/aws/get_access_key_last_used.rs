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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretBytes;

    fn parsed(result: &str) -> Result<LastUsed, QueryResponseError> {
        let body = format!(
            "<GetAccessKeyLastUsedResponse><GetAccessKeyLastUsedResult>{result}\
             </GetAccessKeyLastUsedResult></GetAccessKeyLastUsedResponse>"
        );
        let body = SecretBytes::new(body.into_bytes());
        parse(&Response { status: 200, headers: Vec::new(), body })
    }

    #[test]
    fn a_key_was_used_or_never() {
        let used = parsed(
            "<UserName>Deploy</UserName><AccessKeyLastUsed><Region>us-east-1</Region>\
             <LastUsedDate>2015-08-30T12:36:00Z</LastUsedDate><ServiceName>sts</ServiceName>\
             </AccessKeyLastUsed>",
        );
        let last_used = Some(Timestamp::from_unix(1_440_938_160));
        assert_eq!(used.unwrap(), LastUsed { user_name: Some("Deploy".to_owned()), last_used });
        for date in ["", "<LastUsedDate/>", "<LastUsedDate>N/A</LastUsedDate>"] {
            let never = parsed(&format!(
                "<AccessKeyLastUsed>{date}<Region>N/A</Region></AccessKeyLastUsed>"
            ));
            assert_eq!(never.unwrap(), LastUsed { user_name: None, last_used: None }, "{date}");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_never() {
        for (result, member) in [
            ("<UserName>Deploy</UserName>", "AccessKeyLastUsed"),
            (
                "<AccessKeyLastUsed><LastUsedDate>soon</LastUsedDate></AccessKeyLastUsed>",
                "LastUsedDate",
            ),
        ] {
            let expected = QueryResponseError::Member { operation: OPERATION, member };
            assert_eq!(parsed(result).unwrap_err(), expected);
        }
    }
}
