//! An error response of AWS: code, message, request id.
//!
//! restJson1 puts the code into a header, JSON 1.1 into `__type`, the Query protocol into XML;
//! botocore's parsers are the model.

use std::fmt;

use serde_json::{Map, Value};

use crate::aws::query_protocol::{self, QueryError};
use crate::http::Response;
use crate::text::redact::redacted;
use crate::time::Timestamp;

/// An error response of an AWS service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceError {
    /// HTTP status.
    pub status: u16,
    /// AWS's error code, e.g. `AccessDeniedException`; `None` if a proxy or a load balancer
    /// answered instead.
    pub code: Option<String>,
    /// AWS's message, 1,000 characters at most, without our secrets, but with characters that do not
    /// show (see [`crate::text::escape`]); may be empty.
    pub message: String,
    /// AWS's id of the request.
    pub request_id: Option<String>,
    /// The answer's `Date`.
    pub date: Option<Timestamp>,
}

impl ServiceError {
    /// Reads an error response; `secrets` that it repeats are removed.
    pub fn parse(response: &Response, secrets: &[&str]) -> Self {
        Self::of(response, ErrorMembers::of(response), secrets)
    }

    /// Reads an error with this code and message that is one of several results in `response`.
    pub(super) fn within(
        response: &Response,
        (code, message): (&str, &str),
        secrets: &[&str],
    ) -> Self {
        let ErrorMembers { request_id, .. } = ErrorMembers::of(response);
        let (code, message) = (Some(code.to_owned()), message.to_owned());
        Self::of(response, ErrorMembers { code, message, request_id }, secrets)
    }

    fn of(response: &Response, members: ErrorMembers, secrets: &[&str]) -> Self {
        let ErrorMembers { code, message, request_id } = members;
        let repeats = |text: &str| redacted(text, secrets) != text;
        Self {
            status: response.status,
            code: code
                .as_deref()
                .map(without_namespace)
                .filter(|c| is_code(c) && !repeats(c))
                .map(str::to_owned),
            message: short(&redacted(&message, secrets), 1_000),
            request_id: request_id.filter(|id| is_request_id(id) && !repeats(id)),
            date: response.header("date").and_then(Timestamp::from_http_date),
        }
    }

    /// Returns whether AWS throttled the request.
    pub fn is_throttle(&self) -> bool {
        self.status == 429
            || self.code.as_deref().is_some_and(|code| THROTTLING_CODES.contains(&code))
    }

    /// Returns whether the signature was refused, or its time.
    pub fn is_about_signature(&self) -> bool {
        let codes = ["InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired"];
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
            || self.message.to_ascii_lowercase().contains("signature")
    }

    /// Returns whether the credentials were refused, not the action.
    pub fn is_about_credentials(&self) -> bool {
        self.code.as_deref().is_some_and(|code| CREDENTIALS_CODES.contains(&code))
    }

    /// Returns whether a retry of the same request may succeed.
    pub fn is_transient(&self) -> bool {
        self.is_failure_of_service() || self.is_throttle()
    }

    /// Returns whether AWS failed. In a batch, only the code says so.
    pub fn is_failure_of_service(&self) -> bool {
        let codes = ["InternalServiceError", "InternalServerError", "InternalFailure"];
        self.status >= 500 || self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }
}

/// The members of an error response, as they were sent.
struct ErrorMembers {
    code: Option<String>,
    message: String,
    request_id: Option<String>,
}

impl ErrorMembers {
    fn of(response: &Response) -> Self {
        let body = response.body.expose();
        let ids = ["x-amzn-requestid", "x-amzn-request-id", "x-amz-request-id"];
        let request_id = ids.iter().find_map(|name| response.header(name)).map(str::to_owned);
        if body.trim_ascii_start().starts_with(b"<")
            && let Some(QueryError { code, message, request_id: of_body }) =
                query_protocol::error(body)
        {
            let (message, request_id) = (message.unwrap_or_default(), request_id.or(of_body));
            return Self { code, message, request_id };
        }
        let body: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
        let first = |names: &[&str]| {
            names.iter().find_map(|name| body.get(*name)?.as_str()).map(str::to_owned)
        };
        let header = response.header("x-amzn-errortype").map(str::to_owned);
        Self {
            code: header.or_else(|| first(&["__type", "code", "Code"])),
            message: first(&["message", "Message", "errorMessage"]).unwrap_or_default(),
            request_id,
        }
    }
}

/// Renders AWS's message and the id of the request.
impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = if self.message.is_empty() { "AWS gave no message" } else { &self.message };
        f.write_str(message)?;
        match &self.request_id {
            Some(id) => write!(f, " (request id {id})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ServiceError {}

/// The codes for expired or unknown credentials in the JSON, XML and query protocols.
const CREDENTIALS_CODES: [&str; 7] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];

/// The throttling codes of botocore's standard retry mode.
const THROTTLING_CODES: [&str; 13] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Returns a code without the text after `:` and before `#`, as in `aws.protocols#Code:http://…`.
fn without_namespace(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or(code);
    code.rsplit('#').next().unwrap_or(code)
}

/// The length of the longest code or request id that is accepted: a server can send any text.
const LONGEST: usize = 64;

fn is_code(code: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'.';
    (1..=LONGEST).contains(&code.len()) && code.bytes().all(legal)
}

fn is_request_id(id: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(legal)
}

/// Returns the first `limit` characters of a text of a remote host.
fn short(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretBytes;

    fn fault(status: u16, headers: &[(&str, &str)], body: &str) -> ServiceError {
        with_secrets(status, headers, body, &[])
    }

    fn with_secrets(
        status: u16,
        headers: &[(&str, &str)],
        body: &str,
        secrets: &[&str],
    ) -> ServiceError {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let response = Response {
            status,
            headers: headers.iter().map(owned).collect(),
            body: SecretBytes::new(body.as_bytes().to_vec()),
        };
        ServiceError::parse(&response, secrets)
    }

    const TOKEN: &str = "IQoJb3JpZ2luX2VjEJrBoGcvFxyZ0123456789";

    #[test]
    fn sent_secrets_are_removed() {
        let headers = [("x-amzn-errortype", &TOKEN[..30]), ("x-amzn-requestid", &TOKEN[..30])];
        let body = format!(r#"{{"message":"{}x-amz-security-token:{TOKEN}"}}"#, "a ".repeat(480));
        let fault = with_secrets(403, &headers, &body, &["", TOKEN]);
        assert_eq!((&fault.code, &fault.request_id), (&None, &None));
        assert!(!format!("{fault:?}").contains(&TOKEN[..8]), "{fault:?}");
        assert!(fault.message.ends_with("-token:(not shown)"), "{fault:?}");
    }

    #[test]
    fn malformed_codes_and_ids_are_ignored() {
        let read = |text: &str| {
            let headers = [("x-amzn-errortype", text), ("x-amzn-requestid", text)];
            let ServiceError { code, request_id, .. } = fault(400, &headers, "");
            (code.is_some(), request_id.is_some())
        };
        for (text, expected) in [
            ("EC2ThrottledException", (true, true)),
            ("Client.AccessDenied", (true, false)),
            ("01234567-89ab-4def-8123-456789abcdef", (false, true)),
            ("a b", (false, false)),
            ("a\u{2800}", (false, false)),
            (&"a".repeat(65), (false, false)),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn reads_rest_json_and_json_1_1() {
        let rest = fault(
            403,
            &[
                ("x-amzn-errortype", "AccessDeniedException:http://internal.amazon.com/coral/"),
                ("x-amzn-requestid", "abc"),
                ("date", "Sun, 30 Aug 2015 12:36:00 GMT"),
            ],
            r#"{"message":"Invalid signature"}"#,
        );
        assert_eq!(rest.code.as_deref(), Some("AccessDeniedException"));
        assert_eq!(rest.message, "Invalid signature");
        assert_eq!(rest.request_id.as_deref(), Some("abc"));
        assert_eq!(rest.date, Some(Timestamp::from_unix(1_440_938_160)));
        let json = fault(400, &[], r#"{"__type":"a.b#DecryptionFailure","Message":"no"}"#);
        assert_eq!(json.code.as_deref(), Some("DecryptionFailure"));
        assert_eq!(json.message, "no");
        let both = fault(400, &[], r#"{"__type":"A","code":7,"message":"m","Message":"n"}"#);
        assert_eq!((both.code.as_deref(), both.message.as_str()), (Some("A"), "m"));
    }

    #[test]
    fn reads_the_xml_of_the_query_protocol() {
        let body = r#"<?xml version="1.0"?>
            <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
              <Error><Type>Sender</Type><Code>AccessDenied</Code>
                <Message>User: a is not authorized to perform: b &amp; c</Message></Error>
              <RequestId>01234567-89ab-4def-8123-456789abcdef</RequestId>
            </ErrorResponse>"#;
        let denied = fault(403, &[], body);
        assert_eq!(denied.code.as_deref(), Some("AccessDenied"));
        assert_eq!(denied.message, "User: a is not authorized to perform: b & c");
        let id = Some("01234567-89ab-4def-8123-456789abcdef");
        assert_eq!(denied.request_id.as_deref(), id);
        let header = fault(403, &[("x-amzn-requestid", "abc")], body);
        assert_eq!(header.request_id.as_deref(), Some("abc"));
        // `MalformedInput` comes without a message.
        let silent = fault(
            400,
            &[],
            "<ErrorResponse><Error><Code>MalformedInput</Code></Error></ErrorResponse>",
        );
        assert_eq!((silent.code.as_deref(), &*silent.message), (Some("MalformedInput"), ""));
        let throttled = "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>";
        assert!(fault(400, &[], throttled).is_throttle());
        let secrets = body.replace("b &amp; c", TOKEN);
        assert!(!format!("{:?}", with_secrets(403, &[], &secrets, &[TOKEN])).contains(TOKEN));
    }

    #[test]
    fn xml_that_is_no_error_response_has_no_code() {
        for body in [
            "<Error><Code>AccessDenied</Code></Error>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><ErrorResponse><Error><Code>A</Code></Error></ErrorResponse>",
            "<ErrorResponse><Error><Code>A</Code></Error>",
            "<ErrorResponse><Error><Code>A<b/></Code></Error></ErrorResponse>",
            &format!(
                "<ErrorResponse>{}<Error><Code>A</Code></Error></ErrorResponse>",
                "<a/>".repeat(1_000)
            ),
        ] {
            assert_eq!(fault(403, &[], body).code, None, "{body}");
        }
    }

    #[test]
    fn response_of_another_server_is_accepted() {
        let page = fault(502, &[], "<html>\u{1b}[2J");
        assert_eq!(page.code, None);
        assert_eq!(page.message, "");
        assert!(page.is_transient());
        let escape = fault(400, &[], "{\"message\":\"a\\u001b[2Jb\"}");
        assert_eq!(escape.message, "a\u{1b}[2Jb");
    }

    #[test]
    fn expired_credentials_differ_from_missing_permissions() {
        assert!(fault(400, &[], r#"{"__type":"ExpiredTokenException"}"#).is_about_credentials());
        assert!(!fault(400, &[], r#"{"__type":"AccessDeniedException"}"#).is_about_credentials());
        assert!(!fault(403, &[], "").is_about_credentials());
    }

    #[test]
    fn throttling_differs_from_refusal() {
        assert!(fault(429, &[], "").is_throttle());
        assert!(fault(400, &[], r#"{"__type":"ThrottlingException"}"#).is_throttle());
        assert!(!fault(403, &[("x-amzn-errortype", "AccessDeniedException")], "").is_transient());
    }
}
