//! What probes and Prometheus ask for: whether this process is alive, whether it has credentials,
//! and its metrics.

use hyper::header::HeaderMap;

use crate::server::Endpoints;
use crate::server::no_credentials::no_credentials;
use crate::server::response::{self, Response};
use crate::server::router::{Access, Authentication, Handler, Methods, Route, without_token};
use roles_anywhere_client::refresh::clock_reading::ClockReading;

/// Returns the route of `path`, if it is one of these.
pub(in crate::server) fn route(path: &str) -> Option<Route<'static>> {
    let (name, access, respond): (_, _, fn(&Endpoints, &HeaderMap) -> Response) = match path {
        "/healthz" => ("healthz", Access::Health, healthz),
        "/readyz" => ("readyz", Access::Health, readyz),
        "/metrics" => ("metrics", Access::Loopback, render_metrics),
        _ => return None,
    };
    Some(Route {
        name,
        methods: Methods::GetHead,
        access,
        token: None,
        authenticate: without_token,
        handler: Handler::Direct(respond),
    })
}

/// Returns that this process answers, whether it has credentials or not.
fn healthz(_: &Endpoints, _: &HeaderMap) -> Response {
    response::text("alive\n")
}

/// Returns whether there are credentials of all roles. It does not wait for an exchange in flight: a probe asks
/// again.
pub(in crate::server) fn readyz(endpoints: &Endpoints, _: &HeaderMap) -> Response {
    let now = ClockReading::of(&*endpoints.ports.clock);
    let roles = endpoints.roles();
    match roles.all.iter().find_map(|role| role.not_ready(now)) {
        None => response::text("ready\n"),
        Some(status) => no_credentials(&status, Authentication::None),
    }
}

fn render_metrics(endpoints: &Endpoints, _: &HeaderMap) -> Response {
    response::metrics(endpoints.metrics())
}
