//! Instance metadata, version 2: the way EC2 hands out the credentials of a role.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>

mod instance;

use std::ops::ControlFlow;

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use crate::server::bodies::CredentialBodies;
use crate::server::response::{self, Response, rendered};
use crate::server::router::{Access, Authentication, Handler, Methods, Route, without_token};
use crate::server::{Endpoints, RouteToken, ServedRole, token};
pub(in crate::server) use instance::ImdsInstance;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::secret::SecretBytes;

/// The header of a token.
const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");

/// Returns the route of `path`, if it is below `/latest`. What EC2 has and this program does not have
/// is a route too: it is not found only with a valid token.
pub(in crate::server) fn route<'a>(path: &str, role: &'a ServedRole) -> Option<Route<'a>> {
    let instance = &role.instance;
    let metadata = |name, handler| Route {
        name,
        methods: Methods::GetHead,
        access: Access::Imds,
        token: None,
        authenticate: with_token,
        handler,
    };
    let absent = metadata("metadata", Handler::Direct(|_, _| response::not_found()));
    if let Some(segment) = path.strip_prefix("/latest/meta-data/iam/security-credentials/") {
        return Some(match instance.is_role(segment) {
            true => {
                let respond =
                    |bodies: &CredentialBodies| response::secret_text(bodies.imds.clone());
                metadata("imds", Handler::Credentials(role, respond))
            }
            false => absent,
        });
    }
    Some(match path {
        "/latest/api/token" => Route {
            name: "token",
            methods: Methods::Put,
            access: Access::Imds,
            token: None,
            authenticate: without_token,
            handler: Handler::Direct(issue_token),
        },
        "/latest/meta-data/iam/security-credentials" => {
            metadata("role", Handler::Static(&instance.role_name))
        }
        "/latest/meta-data/iam/info" => {
            let respond = |bodies: &CredentialBodies| response::text(bodies.profile.clone());
            metadata("metadata", Handler::SessionInfo(role, respond))
        }
        _ => match instance.static_body(path) {
            Some(body) => metadata("metadata", Handler::Static(body)),
            None if path.starts_with("/latest/") => absent,
            None => return None,
        },
    })
}

/// Lets a client in that has a valid token.
fn with_token(
    endpoints: &Endpoints,
    _: Option<&RouteToken>,
    headers: &HeaderMap,
) -> ControlFlow<Response, Authentication> {
    let uptime = endpoints.ports.clock.uptime();
    let token = headers.get(TOKEN).map(HeaderValue::as_bytes);
    match token.and_then(|token| endpoints.tokens.seconds_left(token, uptime)) {
        Some(seconds_left) => ControlFlow::Continue(Authentication::MetadataToken { seconds_left }),
        None => {
            let why = "a valid token is required: request one with PUT /latest/api/token";
            ControlFlow::Break(response::refusal(StatusCode::UNAUTHORIZED, why))
        }
    }
}

/// Returns a new token that is valid for as long as the client asks.
fn issue_token(endpoints: &Endpoints, headers: &HeaderMap) -> Response {
    let Some(seconds) = headers.get(response::TTL).and_then(token::ttl_seconds) else {
        let why = "X-aws-ec2-metadata-token-ttl-seconds must be 1 to 21600";
        return response::refusal(StatusCode::BAD_REQUEST, why);
    };
    let uptime = endpoints.ports.clock.uptime();
    let token = endpoints.tokens.issue(seconds, uptime);
    let bytes = SecretBytes::new(token.expose().as_bytes().to_vec());
    let mut response = response::secret_text(response::zeroized(bytes));
    response.headers_mut().insert(response::TTL, seconds.into());
    response
}

/// Returns the document of `iam/security-credentials/ROLE`.
pub(in crate::server) fn credentials(session: &Session) -> Bytes {
    let credentials = &session.credentials;
    let token = credentials.session_token.expose();
    let document = ImdsCredentials {
        code: "Success",
        last_updated: &session.received.to_string(),
        r#type: "AWS-HMAC",
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose(),
        token,
        expiration: &credentials.expiration.to_string(),
    };
    rendered(&document, token.len())
}

/// Returns the document of `iam/info`.
pub(in crate::server) fn profile_info(session: &Session, instance: &ImdsInstance) -> Bytes {
    let document = InstanceProfileInfo {
        code: "Success",
        last_updated: &session.received.to_string(),
        instance_profile_arn: &instance.profile_arn,
        instance_profile_id: &instance.profile_id,
    };
    rendered(&document, 0)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ImdsCredentials<'a> {
    code: &'a str,
    last_updated: &'a str,
    r#type: &'a str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct InstanceProfileInfo<'a> {
    code: &'a str,
    last_updated: &'a str,
    instance_profile_arn: &'a str,
    instance_profile_id: &'a str,
}
