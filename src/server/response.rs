//! Responses, in the forms that SDKs read.

use std::fmt;

use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

use roles_anywhere_client::secret::SecretBytes;

/// A response, whole.
pub type Reply = Response<Bytes>;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// After how many seconds it is worth while to ask again: the refresher may have tried again by then.
const RETRY_SECONDS: u16 = 5;

/// Returns a success of `text/plain`, which EC2 calls its JSON too.
pub(super) fn text(body: impl Into<Bytes>) -> Reply {
    with(StatusCode::OK, TEXT, body.into())
}

/// Returns a success that holds a secret, of `text/plain`.
pub(super) fn secret_text(body: Bytes) -> Reply {
    private(text(body))
}

/// Returns a success that holds a secret, of `application/json`.
pub(super) fn secret_json(body: Bytes) -> Reply {
    private(with(StatusCode::OK, JSON, body))
}

/// Returns a success of the content type that Prometheus asks for.
pub(super) fn metrics(body: String) -> Reply {
    const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");
    with(StatusCode::OK, PROMETHEUS, body.into())
}

/// Why somebody was turned away: goes with a response for the log to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Why(pub(super) &'static str);

/// The host that a refused request was for: goes with a response for the log to say.
#[derive(Clone, Debug)]
pub(super) struct ForHost(pub(super) String);

/// Returns a refusal that says why in a line.
pub(super) fn refusal(status: StatusCode, why: &'static str) -> Reply {
    let mut reply = with(status, TEXT, Bytes::from_static(why.as_bytes()));
    reply.extensions_mut().insert(Why(why));
    reply
}

/// Returns that the token of container credentials is wanted.
pub(super) fn unauthorized(why: &'static str) -> Reply {
    let mut reply = error(StatusCode::UNAUTHORIZED, "AccessDenied", why);
    reply.extensions_mut().insert(Why(why));
    reply
}

/// Returns that another method is wanted.
pub(super) fn not_allowed(methods: &'static str) -> Reply {
    let mut reply = refusal(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    reply
}

/// Returns that a request may have no body, and closes the connection over it.
pub(super) fn too_large() -> Reply {
    let mut reply = refusal(StatusCode::PAYLOAD_TOO_LARGE, "no request here has a body");
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// Returns an error as the SDKs' clients of container credentials read it.
fn error(status: StatusCode, code: &str, message: &str) -> Reply {
    let document = Failure::new(code, message);
    with(status, JSON, serde_json::to_vec(&document).expect("strings serialize").into())
}

/// Returns that there are no credentials: the kind of what is wrong, a code of ours for it, and a
/// message, in which nothing may stand that the caller may not read.
pub(super) fn unavailable(kind: &'static str, reason: &'static str, message: &str) -> Reply {
    let failure = Failure::new("CredentialsUnavailable", message);
    let document = Failure { kind: Some(kind), reason: Some(reason), ..failure };
    let body = serde_json::to_vec(&document).expect("strings serialize").into();
    let mut reply = with(StatusCode::SERVICE_UNAVAILABLE, JSON, body);
    reply.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS.into());
    reply
}

/// Some SDKs look for `Code` and `Message`, some for `code` and `message`.
#[derive(Serialize)]
struct Failure<'a> {
    #[serde(rename = "Code")]
    upper_code: &'a str,
    #[serde(rename = "Message")]
    upper_message: &'a str,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl<'a> Failure<'a> {
    fn new(code: &'a str, message: &'a str) -> Self {
        let (upper_code, upper_message) = (code, message);
        Self { upper_code, upper_message, code, message, kind: None, reason: None }
    }
}

/// Returns the bytes as a body whose memory is wiped once it was sent.
pub(super) fn wiped(bytes: SecretBytes) -> Bytes {
    Bytes::from_owner(Wiped(bytes))
}

/// The header of a token's seconds, asked for and left.
pub(super) const TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");

struct Wiped(SecretBytes);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

impl fmt::Debug for Wiped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn with(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

fn private(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    reply
}
