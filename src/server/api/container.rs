//! Container credentials: the way ECS and EKS hand out the credentials of a role.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>

use std::ops::ControlFlow;

use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HeaderMap};
use serde::Serialize;

use crate::server::bodies::CredentialBodies;
use crate::server::response::{self, Response, rendered};
use crate::server::router::{Access, Authentication, Handler, Methods, Route};
use crate::server::{ContainerRoute, Endpoints, Offer, RouteToken, ServedRoles};
use roles_anywhere_client::credentials::Session;

/// The path of container credentials; with `/NAME`, those of the role of that name.
pub const CONTAINER_PATH: &str = "/credentials";

/// Returns the route of `path`, if it is one of container credentials.
pub(in crate::server) fn route<'a>(path: &str, roles: &'a ServedRoles) -> Option<Route<'a>> {
    let name = match path.strip_prefix(CONTAINER_PATH)? {
        "" => None,
        rest => Some(rest.strip_prefix('/')?),
    };
    let Some(ContainerRoute { role, token }) = roles.container_route(name) else {
        let is_of_a_role = name.is_some() && !roles.container.is_empty();
        return is_of_a_role.then_some(UNKNOWN_ROLE);
    };
    let respond = |bodies: &CredentialBodies| response::secret_json(bodies.container.clone());
    Some(Route {
        name: "container",
        methods: Methods::GetHead,
        access: Access::Container,
        token: Some(token),
        authenticate: with_token,
        handler: Handler::Credentials(role, respond),
    })
}

/// The route of a role that is not served. Without a token of another route, a client gets the same
/// response as for a role that is served: the names are not for everyone who can connect.
const UNKNOWN_ROLE: Route<'static> = Route {
    name: "unknown",
    methods: Methods::GetHead,
    access: Access::Container,
    token: None,
    authenticate: with_any_token,
    handler: Handler::Direct(|_, _| response::not_found()),
};

/// Lets a client in that has the token of any route.
fn with_any_token(
    endpoints: &Endpoints,
    _: Option<&RouteToken>,
    headers: &HeaderMap,
) -> ControlFlow<Response, Authentication> {
    let given = given_token(headers);
    let routes = &endpoints.roles().container;
    if routes.iter().any(|route| route.token.accepts(given) == Some(true)) {
        return ControlFlow::Continue(Authentication::ContainerToken);
    }
    ControlFlow::Break(unauthorized(endpoints))
}

/// Lets a client in that has the token of the route; without a token the route is not found.
fn with_token(
    endpoints: &Endpoints,
    token: Option<&RouteToken>,
    headers: &HeaderMap,
) -> ControlFlow<Response, Authentication> {
    match token.and_then(|token| token.accepts(given_token(headers))) {
        None => ControlFlow::Break(response::not_found()),
        Some(true) => ControlFlow::Continue(Authentication::ContainerToken),
        Some(false) => ControlFlow::Break(unauthorized(endpoints)),
    }
}

fn given_token(headers: &HeaderMap) -> &[u8] {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    match (given.next(), given.next()) {
        (Some(given), None) => given.as_bytes(),
        _ => b"",
    }
}

fn unauthorized(endpoints: &Endpoints) -> Response {
    response::unauthorized(match endpoints.policy.offer {
        Offer::OneProgram => {
            "the header Authorization must contain AWS_CONTAINER_AUTHORIZATION_TOKEN of the program that `exec` runs"
        }
        _ => "the header Authorization must contain the token from the token file",
    })
}

/// Returns the document of the route.
pub(in crate::server) fn credentials(session: &Session, role_arn: &str) -> Bytes {
    let credentials = &session.credentials;
    let token = credentials.session_token.expose();
    let document = ContainerCredentials {
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose(),
        token,
        expiration: &credentials.expiration.to_string(),
        account_id: &credentials.account_id,
        role_arn,
    };
    rendered(&document, token.len() + role_arn.len())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerCredentials<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: &'a str,
    account_id: &'a str,
    role_arn: &'a str,
}
