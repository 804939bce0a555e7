//! `sts:GetCallerIdentity`, which needs no permission.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::query_protocol::{QueryOperation, QueryResponseError};
use crate::http::{Request, Response};

const OPERATION: QueryOperation = QueryOperation::GetCallerIdentity;

/// Who an access key belongs to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallerIdentity {
    /// The account, twelve digits.
    pub account: String,
    /// The ARN of the user, or of the session of a role.
    pub arn: String,
    /// The unique id of the user, or that of the role with the name of the session.
    pub user_id: String,
}

/// Returns the unsigned request at `at`.
pub fn to_http(at: &RegionalEndpoint) -> Request {
    OPERATION.request(at, [])
}

/// Reads a 2xx `response`.
pub fn parse(response: &Response) -> Result<CallerIdentity, QueryResponseError> {
    OPERATION.output(response, |result| {
        let account = result.required("Account")?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let arn = result.required("Arn")?;
        match (is_account, arn.starts_with("arn:")) {
            (false, _) => Err("Account"),
            (true, false) => Err("Arn"),
            (true, true) => Ok(CallerIdentity {
                account: account.to_owned(),
                arn: arn.to_owned(),
                user_id: result.required("UserId")?.to_owned(),
            }),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretBytes;

    const ANSWER: &str = r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
      <GetCallerIdentityResult>
        <Arn>arn:aws:iam::123456789012:user/team/Deploy</Arn>
        <UserId>AIDAEXAMPLE</UserId>
        <Account>123456789012</Account>
      </GetCallerIdentityResult>
    </GetCallerIdentityResponse>"#;

    fn parsed(body: &str) -> Result<CallerIdentity, QueryResponseError> {
        let body = SecretBytes::new(body.as_bytes().to_vec());
        parse(&Response { status: 200, headers: Vec::new(), body })
    }

    #[test]
    fn reads_the_documented_response() {
        let identity = parsed(ANSWER).unwrap();
        assert_eq!(identity.account, "123456789012");
        assert_eq!(identity.arn, "arn:aws:iam::123456789012:user/team/Deploy");
        assert_eq!(identity.user_id, "AIDAEXAMPLE");
    }

    #[test]
    fn implausible_members_are_refused() {
        for (from, to, member) in [
            ("<Account>123456789012", "<Account>12345678901x", "Account"),
            ("arn:aws:iam", "hunter2", "Arn"),
            ("AIDAEXAMPLE", "", "UserId"),
        ] {
            assert!(ANSWER.contains(from), "{from}");
            let expected = QueryResponseError::Member { operation: OPERATION, member };
            assert_eq!(parsed(&ANSWER.replace(from, to)).unwrap_err(), expected);
        }
    }
}
