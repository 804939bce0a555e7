//! A refusal, and its form in each of AWS's wire protocols.

use serde_json::json;

use crate::message::Reply;
use crate::parameters;
use crate::query::{IAM_NAMESPACE, STS_NAMESPACE};

/// Why a request is refused: the error for the client, and a stable reason for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    /// One stable word such as `signature`, for tests to tell refusals apart that read the same.
    pub(crate) reason: &'static str,
    /// What decided, in a plain sentence for the log, if the message does not say it.
    pub(crate) explanation: Option<String>,
}

impl Refusal {
    /// Returns a refusal.
    pub(crate) fn new(
        status: u16,
        code: &str,
        message: impl Into<String>,
        reason: &'static str,
    ) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), reason, explanation: None }
    }

    /// Returns the refusal with an explanation for the log.
    pub(crate) fn explained(mut self, explanation: impl Into<String>) -> Self {
        self.explanation = Some(explanation.into());
        self
    }

    /// Returns the refusal of an operation that AWS JSON services do not have.
    pub(crate) fn unknown_operation() -> Self {
        Self::new(404, "UnknownOperationException", "Unknown operation", "operation")
    }

    /// Returns the `403 AccessDeniedException` by which CreateSession refuses nearly everything.
    pub(crate) fn denied(message: impl Into<String>, reason: &'static str) -> Self {
        Self::new(403, "AccessDeniedException", message, reason)
    }
}

/// The wire protocol of an operation, which decides the form of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// CreateSession: `x-amzn-errortype` and `{"message"}`.
    RestJson,
    /// Secrets Manager: `{"__type", "message" | "Message"}`.
    Json11,
    /// The same in version 1.0, which other services use.
    Json10,
    /// STS: form in, XML out.
    Query,
    /// IAM: the same, in another namespace.
    Iam,
    /// EC2: as Query, with another error.
    Ec2,
    /// S3, which is REST with an error in XML.
    S3,
    /// CloudWatch: `{"__type", "message"}` in CBOR.
    Cbor,
}

/// The namespace of what AWS answers before a service reads the request.
const FRONT_END_NAMESPACE: &str = "http://webservices.amazon.com/AWSFault/2005-15-09";

impl Protocol {
    /// Returns the reply that carries an error.
    pub(crate) fn error(self, status: u16, code: &str, message: &str, request_id: &str) -> Reply {
        let reply = match self {
            Self::RestJson => {
                Reply::new(status, "application/json", json!({ "message": message }).to_string())
                    .with("x-amzn-errortype", code)
            }
            Self::Json10 | Self::Json11 => {
                let member = if says_message_in_capitals(code) { "Message" } else { "message" };
                let body = json!({ "__type": code, member: message }).to_string();
                let version = if self == Self::Json10 { "1.0" } else { "1.1" };
                Reply::new(status, &format!("application/x-amz-json-{version}"), body)
            }
            Self::Query | Self::Iam => {
                let namespace = self.query_namespace(code);
                let error = query_error(namespace, (status, code, message), request_id);
                Reply::new(status, "text/xml", error)
            }
            Self::Ec2 => Reply::new(
                status,
                "text/xml",
                format!(
                    "<Response><Errors><Error>{}</Error></Errors>\
                     <RequestID>{request_id}</RequestID></Response>\n",
                    code_and_message(code, message)
                ),
            ),
            Self::S3 => Reply::new(
                status,
                "application/xml",
                format!(
                    "<Error>{}<RequestId>{request_id}</RequestId></Error>\n",
                    code_and_message(code, message)
                ),
            )
            .with("x-amz-request-id", request_id),
            Self::Cbor => Reply::new(status, "application/cbor", cbor_error(code, message))
                .with("smithy-protocol", "rpc-v2-cbor"),
        };
        reply.with("x-amzn-requestid", request_id)
    }

    /// Returns whether its errors are those of the Query protocol.
    pub(crate) const fn is_query(self) -> bool {
        matches!(self, Self::Query | Self::Iam)
    }

    fn query_namespace(self, code: &str) -> &'static str {
        match (code, self) {
            ("InvalidAction" | "MalformedInput", _) => FRONT_END_NAMESPACE,
            (_, Self::Iam) => IAM_NAMESPACE,
            _ => STS_NAMESPACE,
        }
    }
}

/// Returns an error of a service that speaks the Query protocol, or of the front end before it.
fn query_error(
    namespace: &str,
    (status, code, message): (u16, &str, &str),
    request_id: &str,
) -> String {
    let sender = if status < 500 { "Sender" } else { "Receiver" };
    format!(
        "<ErrorResponse xmlns=\"{namespace}\">\n  <Error>\n    <Type>{sender}</Type>\n    {}\n  \
         </Error>\n  <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n",
        code_and_message(code, message)
    )
}

/// An empty message has no element: `MalformedInput` comes without one.
fn code_and_message(code: &str, message: &str) -> String {
    let code = format!("<Code>{}</Code>", escape_xml(code));
    if message.is_empty() {
        return code;
    }
    format!("{code}<Message>{}</Message>", escape_xml(message))
}

/// Returns a map of two text strings in CBOR (RFC 8949), which is all that an error has.
fn cbor_error(code: &str, message: &str) -> Vec<u8> {
    let mut bytes = vec![0xa2];
    for text in ["__type", code, "message", message] {
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        bytes.push(0x79);
        bytes.extend(length.to_be_bytes());
        bytes.extend(text.bytes().take(length.into()));
    }
    bytes
}

/// Whether the text of an error is in `Message`, as in nearly all of Secrets Manager's and in denials
/// by IAM. Those of the front end say `message`, as do nearly all of Parameter Store's.
fn says_message_in_capitals(code: &str) -> bool {
    const FRONT_END: [&str; 9] = [
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "SerializationException",
        "ThrottlingException",
        "UnknownOperationException",
        "UnrecognizedClientException",
        "ValidationException",
    ];
    !FRONT_END.contains(&code) && !parameters::SMALL_MESSAGE.contains(&code)
}

/// Returns the text with the five characters escaped that XML gives a meaning.
pub(crate) fn escape_xml(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(protocol: Protocol, code: &str) -> String {
        String::from_utf8(protocol.error(400, code, "a <b>", "id").body).unwrap()
    }

    #[test]
    fn errors_are_rendered_for_each_protocol() {
        let reply = Protocol::RestJson.error(403, "AccessDeniedException", "no", "id");
        assert!(
            reply
                .headers
                .contains(&("x-amzn-errortype".to_owned(), "AccessDeniedException".to_owned()))
        );
        assert_eq!(reply.body, br#"{"message":"no"}"#);
        assert_eq!(
            body(Protocol::Json11, "ResourceNotFoundException"),
            r#"{"Message":"a <b>","__type":"ResourceNotFoundException"}"#
        );
        assert_eq!(
            body(Protocol::Json11, "ExpiredTokenException"),
            r#"{"__type":"ExpiredTokenException","message":"a <b>"}"#
        );
        // The members of Parameter Store's errors differ in case.
        for (code, member) in [
            ("InvalidFilterValue", "Message"),
            ("InvalidNextToken", "Message"),
            ("ParameterNotFound", "message"),
            ("ParameterMaxVersionLimitExceeded", "message"),
            ("AccessDeniedException", "Message"),
        ] {
            let text = body(Protocol::Json11, code);
            assert!(text.contains(&format!(r#""{member}":"a <b>""#)), "{text}");
        }
        let query = body(Protocol::Query, "ExpiredToken");
        assert!(
            query.contains("<Message>a &lt;b&gt;</Message>") && query.contains("sts.amazonaws")
        );
        assert!(body(Protocol::Query, "InvalidAction").contains("AWSFault/2005-15-09"));
        let ec2 = body(Protocol::Ec2, "InvalidAction");
        assert!(ec2.starts_with("<Response><Errors><Error><Code>InvalidAction</Code>"), "{ec2}");
        assert!(body(Protocol::S3, "NotImplemented").starts_with("<Error><Code>NotImplemented"));
        let cbor = Protocol::Cbor.error(404, "X", "no", "id").body;
        assert_eq!(cbor, b"\xa2\x79\0\x06__type\x79\0\x01X\x79\0\x07message\x79\0\x02no");
    }
}
