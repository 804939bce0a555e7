//! A refusal, and how each of the three wire protocols says it.

use serde_json::json;

use crate::message::Reply;

/// Why a request is turned down: what the caller reads, and a stable word for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    /// One stable word such as `signature`, for tests to tell refusals apart that read the same.
    pub(crate) reason: &'static str,
}

impl Refusal {
    /// Returns a refusal.
    pub(crate) fn new(
        status: u16,
        code: &str,
        message: impl Into<String>,
        reason: &'static str,
    ) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), reason }
    }

    /// Returns the `403 AccessDeniedException` by which CreateSession refuses nearly everything.
    pub(crate) fn denied(message: impl Into<String>, reason: &'static str) -> Self {
        Self::new(403, "AccessDeniedException", message, reason)
    }
}

/// The wire protocol of an operation: where an error code stands and how a body is shaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// CreateSession: `x-amzn-errortype` and `{"message"}`.
    RestJson,
    /// Secrets Manager: `{"__type", "message" | "Message"}`.
    Json11,
    /// STS: form in, XML out.
    Query,
}

impl Protocol {
    /// Returns the reply that carries an error.
    pub(crate) fn error(self, status: u16, code: &str, message: &str, request_id: &str) -> Reply {
        let reply = match self {
            Self::RestJson => {
                Reply::new(status, "application/json", json!({ "message": message }).to_string())
                    .with("x-amzn-errortype", code)
            }
            Self::Json11 => {
                let member = if modelled(code) { "Message" } else { "message" };
                let body = json!({ "__type": code, member: message }).to_string();
                Reply::new(status, "application/x-amz-json-1.1", body)
            }
            Self::Query => Reply::new(
                status,
                "text/xml",
                format!(
                    "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
                     <Error>\n    <Type>{}</Type>\n    <Code>{}</Code>\n    \
                     <Message>{}</Message>\n  </Error>\n  \
                     <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n",
                    if status < 500 { "Sender" } else { "Receiver" },
                    escape_xml(code),
                    escape_xml(message),
                ),
            ),
        };
        reply.with("x-amzn-requestid", request_id)
    }
}

/// Whether Secrets Manager's model has the error, and hence its `Message`; those of the front end
/// before it say `message`.
fn modelled(code: &str) -> bool {
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
    !FRONT_END.contains(&code)
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
    fn each_protocol_says_an_error_in_its_own_way() {
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
        assert!(body(Protocol::Query, "ExpiredToken").contains("<Message>a &lt;b&gt;</Message>"));
    }
}
