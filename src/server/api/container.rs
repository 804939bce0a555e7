//! Container credentials: the way ECS and EKS hand out the credentials of a role.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>

use std::ops::ControlFlow;

use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HeaderMap};
use serde::Serialize;

use crate::server::Endpoints;
use crate::server::response::{self, Response, rendered};
use crate::server::router::{Access, Authentication, Handler, Methods, Route};
use roles_anywhere_client::credentials::Session;

/// The path of container credentials.
pub const CONTAINER_PATH: &str = "/credentials";

/// Returns the route of `path`, if it is the one of this file.
pub(in crate::server) fn route(path: &str) -> Option<Route<'static>> {
    (path == CONTAINER_PATH).then_some(Route {
        name: "container",
        methods: Methods::GetHead,
        access: Access::Container,
        authenticate: with_token,
        handler: Handler::Credentials(|bodies| response::secret_json(bodies.container.clone())),
    })
}

/// Lets a client in that has the token; without a token file the route is not found.
fn with_token(endpoints: &Endpoints, headers: &HeaderMap) -> ControlFlow<Response, Authentication> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let accepted = match (&*endpoints.container_token.borrow(), given.next(), given.next()) {
        (None, ..) => return ControlFlow::Break(response::not_found()),
        (Some(token), Some(given), None) => token.accepts(given.as_bytes()),
        _ => false,
    };
    match accepted {
        true => ControlFlow::Continue(Authentication::ContainerToken),
        false => {
            let why = "the header Authorization must contain the token from the token file";
            ControlFlow::Break(response::unauthorized(why))
        }
    }
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
