//! `iam:CreateAccessKey`.
//!
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html>

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::query_protocol::{QueryOperation, QueryResponseError};
use crate::credentials::{AccessKey, access_key_id};
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
        if !access_key_id::is_possible(id) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretBytes;

    const ANSWER: &str = r#"<CreateAccessKeyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
      <CreateAccessKeyResult>
        <AccessKey>
          <UserName>Deploy</UserName>
          <AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId>
          <Status>Active</Status>
          <SecretAccessKey>wJalr/+&#x26;EXAMPLEKEY</SecretAccessKey>
          <CreateDate>2015-08-30T12:36:00.750Z</CreateDate>
        </AccessKey>
      </CreateAccessKeyResult>
      <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>
    </CreateAccessKeyResponse>"#;

    fn parsed(body: &str) -> Result<CreatedAccessKey, QueryResponseError> {
        let body = SecretBytes::new(body.as_bytes().to_vec());
        parse(&Response { status: 200, headers: Vec::new(), body })
    }

    #[test]
    fn reads_the_documented_response() {
        let created = parsed(ANSWER).unwrap();
        assert_eq!(created.user_name, "Deploy");
        assert_eq!(created.key.id, "AKIAIOSFODNN7EXAMPLE");
        assert_eq!(created.key.secret.expose(), "wJalr/+&EXAMPLEKEY");
        assert!(created.key.session_token.is_none());
        assert_eq!(created.created, Timestamp::from_unix(1_440_938_160));
        assert!(!format!("{created:?}").contains("wJalr"));
    }

    #[test]
    fn a_key_that_cannot_be_used_is_refused_without_quoting_it() {
        for (from, to, member) in [
            ("AKIAIOSFODNN7EXAMPLE", "hunter2", "AccessKeyId"),
            ("wJalr/+&#x26;EXAMPLEKEY", "", "SecretAccessKey"),
            ("wJalr", "hunter2 ", "SecretAccessKey"),
            ("<SecretAccessKey>", "<SecretAccessKey><b>hunter2</b>", "SecretAccessKey"),
            ("2015-", "hunter2-", "CreateDate"),
            ("Deploy", "", "UserName"),
            ("AccessKey>", "Hunter2>", "AccessKey"),
        ] {
            assert!(ANSWER.contains(from), "{from}");
            let error = parsed(&ANSWER.replace(from, to)).unwrap_err();
            let expected = QueryResponseError::Member { operation: OPERATION, member };
            assert_eq!(error, expected);
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }
}
