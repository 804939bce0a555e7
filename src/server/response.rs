//! Responses, in the formats that SDKs read.

use std::fmt;

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
};
use serde::Serialize;

use roles_anywhere_client::secret::SecretBytes;

/// A response with its whole body.
pub type Response = hyper::Response<Bytes>;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// The seconds after which a client should ask again: the refresher may have retried by then.
const RETRY_SECONDS: u16 = 5;

/// Returns a success of `text/plain`, the type that EC2 gives its JSON too.
pub(super) fn text(body: impl Into<Bytes>) -> Response {
    with(StatusCode::OK, TEXT, body.into())
}

/// Returns a success with a secret, of `text/plain`.
pub(super) fn secret_text(body: Bytes) -> Response {
    no_store(text(body))
}

/// Returns a success with a secret, of `application/json`.
pub(super) fn secret_json(body: Bytes) -> Response {
    no_store(with(StatusCode::OK, JSON, body))
}

/// Returns a success of the content type that Prometheus expects.
pub(super) fn metrics(body: String) -> Response {
    const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");
    with(StatusCode::OK, PROMETHEUS, body.into())
}

/// Why a request is refused, for the log; an extension of the response.
#[derive(Clone, Copy, Debug)]
pub(super) struct RejectionReason(pub(super) &'static str);

/// The host that a refused request was for, for the log; an extension of the response.
#[derive(Clone, Debug)]
pub(super) struct RejectedHost(pub(super) String);

/// Returns a refusal with its reason in one line.
pub(super) fn refusal(status: StatusCode, why: &'static str) -> Response {
    let mut response = with(status, TEXT, Bytes::from_static(why.as_bytes()));
    response.extensions_mut().insert(RejectionReason(why));
    response
}

/// Returns that there is nothing at the path.
pub(super) fn not_found() -> Response {
    refusal(StatusCode::NOT_FOUND, "not found")
}

/// Returns that the token of container credentials is missing or not valid.
pub(super) fn unauthorized(why: &'static str) -> Response {
    let mut response = error(StatusCode::UNAUTHORIZED, "AccessDenied", why);
    response.extensions_mut().insert(RejectionReason(why));
    response
}

/// Returns that the method is not allowed, and which methods are.
pub(super) fn not_allowed(methods: &'static str) -> Response {
    let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// Returns that a request may have no body. The connection closes after it, as the body is not read.
pub(super) fn too_large() -> Response {
    let mut response = refusal(StatusCode::PAYLOAD_TOO_LARGE, "request bodies are not allowed");
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Returns an error in the format of container credentials.
fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = ErrorBody::new(code, message);
    with(status, JSON, serde_json::to_vec(&body).expect("strings serialize").into())
}

/// Returns that there are no credentials: the kind of the error, our code for it, and a message. The
/// message must not hold what the client may not read.
pub(super) fn unavailable(kind: &'static str, reason: &'static str, message: &str) -> Response {
    let body = ErrorBody::new("CredentialsUnavailable", message);
    let body = ErrorBody { kind: Some(kind), reason: Some(reason), ..body };
    let body = serde_json::to_vec(&body).expect("strings serialize").into();
    let mut response = with(StatusCode::SERVICE_UNAVAILABLE, JSON, body);
    response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS.into());
    response
}

/// The body of an error. Some SDKs read `Code` and `Message`, others `code` and `message`.
#[derive(Serialize)]
struct ErrorBody<'a> {
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

impl<'a> ErrorBody<'a> {
    fn new(code: &'a str, message: &'a str) -> Self {
        let (upper_code, upper_message) = (code, message);
        Self { upper_code, upper_message, code, message, kind: None, reason: None }
    }
}

/// Returns a document as a body that is wiped after use. `length` is the number of bytes in its long
/// values.
pub(super) fn rendered(document: &impl Serialize, length: usize) -> Bytes {
    // Large enough not to grow: a buffer left behind by growth would not be wiped.
    let mut json = Vec::with_capacity(512 + 2 * length);
    serde_json::to_writer(&mut json, document).expect("strings serialize");
    zeroized(SecretBytes::new(json))
}

/// Renders a document. Its buffer does not grow, as a smaller one that it left behind would not be wiped.
pub(super) fn rendered_bytes(document: &impl Serialize) -> SecretBytes {
    let mut length = ByteCount(0);
    serde_json::to_writer(&mut length, document).expect("strings serialize");
    let mut json = Vec::with_capacity(length.0);
    serde_json::to_writer(&mut json, document).expect("strings serialize");
    SecretBytes::new(json)
}

/// Counts what is written to it.
struct ByteCount(usize);

impl std::io::Write for ByteCount {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Returns the bytes as a body whose memory is zeroized once it was sent.
pub(super) fn zeroized(bytes: SecretBytes) -> Bytes {
    Bytes::from_owner(ZeroizedBody(bytes))
}

/// The header with the seconds that a token is to be valid for, or still is.
pub(super) const TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");

struct ZeroizedBody(SecretBytes);

impl AsRef<[u8]> for ZeroizedBody {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

impl fmt::Debug for ZeroizedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Returns a document without secrets.
pub(super) fn json_text(status: StatusCode, body: String) -> Response {
    with(status, JSON, body.into())
}

fn with(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}
