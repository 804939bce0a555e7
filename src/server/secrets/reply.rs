//! Responses, in the words of AWS's agent.

use std::borrow::Cow;
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{AGE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH};
use serde::Serialize;

use super::denied::DeniedBy;
use super::query::InvalidQuery;
use crate::secrets_cache::{ReadFailure, ServedValue, StaleReason};
use crate::server::Response;
use crate::server::response::{self, RejectedHost, RejectionReason};

/// How stale a value is, and why: `SECONDS; reason=REASON`.
pub(super) const STALE: HeaderName = HeaderName::from_static("x-roles-anywhere-stale");

/// Returns a text.
pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response {
    let mut response = response::text(text);
    *response.status_mut() = status;
    response
}

const TOO_MANY: &str = "Connection limit exceeded";

/// Returns that there are too many requests.
pub(super) fn too_many() -> Response {
    plain(StatusCode::TOO_MANY_REQUESTS, TOO_MANY)
}

/// Returns that a request came from a proxy or a web page, or is for another host.
pub(super) fn forwarded(why: &'static str, host: Option<String>) -> Response {
    let mut response = plain(StatusCode::BAD_REQUEST, "Forwarded");
    response.extensions_mut().insert(RejectionReason(why));
    if let Some(host) = host {
        response.extensions_mut().insert(RejectedHost(host));
    }
    response
}

/// Returns that the client has no valid token.
pub(super) fn bad_token(is_missing: bool) -> Response {
    let mut response = plain(StatusCode::FORBIDDEN, "Bad Token");
    let why = if is_missing { "there is no token" } else { "the token is not valid" };
    response.extensions_mut().insert(RejectionReason(why));
    response
}

/// A response that ends a request early.
#[derive(Debug)]
pub(super) struct EarlyResponse(Box<Response>);

impl EarlyResponse {
    /// Returns the response.
    pub(super) fn into_inner(self) -> Response {
        *self.0
    }
}

impl From<Response> for EarlyResponse {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl From<InvalidQuery> for EarlyResponse {
    fn from(InvalidQuery(text): InvalidQuery) -> Self {
        plain(StatusCode::BAD_REQUEST, text).into()
    }
}

/// Why a client gets no value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum ReadRefusal {
    /// The cache has none.
    Failed(ReadFailure),
    /// The role is none that may be named.
    Role(String),
    /// `allow` or `deny` of the endpoint or of the token.
    Rules(&'static str),
    /// The log does not take the line about it, and has to.
    NotLogged,
}

impl From<ReadFailure> for ReadRefusal {
    fn from(failure: ReadFailure) -> Self {
        Self::Failed(failure)
    }
}

impl ReadRefusal {
    /// Returns the status, the code and the message.
    pub(super) fn parts(&self) -> (StatusCode, &str, Cow<'_, str>) {
        let (status, code, message): (u16, &str, Cow<'_, str>) = match self {
            Self::Role(role) => {
                let message = format!("Failed to create caching client from role: {role}");
                (403, ACCESS_DENIED, message.into())
            }
            Self::Rules(why) => (400, ACCESS_DENIED, (*why).into()),
            Self::NotLogged => {
                let message = "this read cannot be logged, and --require-audit is on";
                (503, "ServiceUnavailable", message.into())
            }
            Self::Failed(failure) => match failure {
                ReadFailure::Service { status, code, message } => {
                    (*status, code, (&**message).into())
                }
                ReadFailure::Timeout => (504, "TimeoutError", "Timeout".into()),
                ReadFailure::TooManyReads => (429, "TooManyRequestsException", TOO_MANY.into()),
                ReadFailure::Unreachable => (502, "ConnectionError", "Read Error".into()),
                ReadFailure::Unreadable => (502, "ConnectionError", "Response Error".into()),
                ReadFailure::UnknownRole => {
                    (403, ACCESS_DENIED, "Failed to create caching client".into())
                }
                ReadFailure::Interrupted
                | ReadFailure::NoSession { .. }
                | ReadFailure::Inconsistent
                | ReadFailure::Internal => (500, INTERNAL, "".into()),
            },
        };
        // AWS has no other statuses.
        (StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), code, message)
    }

    /// Returns whether AWS has no such secret, parameter or version.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.is_missing())
    }

    /// Returns whether too many reads wait, as there may be too many requests.
    pub(super) fn is_too_many(&self) -> bool {
        matches!(self, Self::Failed(ReadFailure::TooManyReads))
    }

    /// Returns what denied the read, if it was denied.
    pub(super) fn denied_by(&self) -> Option<DeniedBy> {
        match self {
            Self::Failed(ReadFailure::Service { code, .. }) if **code == *ACCESS_DENIED => {
                Some(DeniedBy::Aws)
            }
            Self::Role(_) | Self::Rules(_) | Self::Failed(ReadFailure::UnknownRole) => {
                Some(DeniedBy::Rules)
            }
            Self::Failed(_) | Self::NotLogged => None,
        }
    }

    /// Returns the reason for the log.
    pub(super) fn reason(&self) -> Cow<'_, str> {
        match self {
            Self::Role(_) | Self::Failed(ReadFailure::UnknownRole) => {
                "the role is not among those that may be named".into()
            }
            Self::Rules(why) => (*why).into(),
            Self::Failed(ReadFailure::Service { code, message, .. }) if message.is_empty() => {
                (&**code).into()
            }
            Self::Failed(ReadFailure::Service { code, message, .. }) => {
                format!("{code}: {message}").into()
            }
            Self::Failed(ReadFailure::NoSession { code }) => format!("no session: {code}").into(),
            Self::Failed(failure) => failure.name().into(),
            Self::NotLogged => "the log cannot be written".into(),
        }
    }
}

/// The code of a read that is denied, by AWS or here; AWS also returns it for the KMS key.
const ACCESS_DENIED: &str = "AccessDeniedException";
/// The code of an error without a message.
const INTERNAL: &str = "InternalFailure";

/// Returns the error as AWS's agent does.
impl From<ReadRefusal> for EarlyResponse {
    fn from(refusal: ReadRefusal) -> Self {
        if refusal.is_too_many() {
            return too_many().into();
        }
        let (status, code, message) = refusal.parts();
        error(status, code, &message).into()
    }
}

/// Returns the error of a parameter, of which AWS may have said its code only.
pub(super) fn of_parameter(refusal: &ReadRefusal) -> Response {
    let (status, code, message) = refusal.parts();
    error_body(status, code, Some(&*message).filter(|message| !message.is_empty()))
}

/// Returns an error in the format of AWS JSON 1.1. Without a message, the agent returns no code either.
pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Response {
    match message {
        "" => error_body(status, INTERNAL, None),
        _ if code == INTERNAL => error_body(status, INTERNAL, None),
        message => error_body(status, code, Some(message)),
    }
}

fn error_body(status: StatusCode, code: &str, message: Option<&str>) -> Response {
    let body = AwsErrorBody { code, message };
    response::json_text(status, serde_json::to_string(&body).expect("strings serialize"))
}

#[derive(Serialize)]
struct AwsErrorBody<'a> {
    #[serde(rename = "__type")]
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

/// Returns a value with its version, age and staleness.
pub(super) fn value(served: &ServedValue, body: Bytes) -> Response {
    let mut response = response::secret_json(body);
    describe(response.headers_mut(), served);
    response
}

/// Returns that the client has the value already.
pub(super) fn not_modified(served: &ServedValue) -> Response {
    let mut response = unchanged();
    describe(response.headers_mut(), served);
    response
}

/// Returns that a value has not changed while the client waited.
pub(super) fn unchanged() -> Response {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

/// Adds the version, the age and the staleness of a value.
pub(super) fn describe(headers: &mut HeaderMap, served: &ServedValue) {
    if let Some(tag) = served.value.tag()
        && let Ok(tag) = HeaderValue::from_maybe_shared(quoted(tag))
    {
        headers.insert(ETAG, tag);
    }
    describe_age(headers, served.age, served.stale);
}

fn quoted(text: &str) -> Bytes {
    let mut quoted = Vec::with_capacity(text.len() + 2);
    quoted.push(b'"');
    quoted.extend_from_slice(text.as_bytes());
    quoted.push(b'"');
    quoted.into()
}

/// Adds the age and the staleness.
pub(super) fn describe_age(headers: &mut HeaderMap, age: Duration, stale: Option<StaleReason>) {
    headers.insert(AGE, age.as_secs().into());
    if let Some(StaleReason { past_ttl, reason }) = stale {
        let text = format!("{}; reason={}", past_ttl.as_secs(), reason.name());
        if let Ok(text) = HeaderValue::try_from(text) {
            headers.insert(STALE, text);
        }
    }
}

/// Returns whether the client has the version with this tag, as `If-None-Match` says. `*` is ignored: it
/// would tell of a value to who does not have it, and that is not logged.
pub(super) fn has_version(headers: &HeaderMap, version: Option<&str>) -> bool {
    let Some(version) = version else { return false };
    let given = headers.get_all(IF_NONE_MATCH).iter();
    given.filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(str::trim).any(|tag| {
            let tag = tag.strip_prefix("W/").unwrap_or(tag);
            tag.strip_prefix('"').and_then(|it| it.strip_suffix('"')) == Some(version)
        })
    })
}
