//! The endpoints of `serve`: from a request, the status of the session and the time, to a response.
//!
//! Read [`Endpoints::answer`] first. There are no sockets here: those are behind [`Listener`]. The
//! files of this folder are HTTP machinery; what clients ask for is in `api`, one file per API.

mod allowed_host;
mod api;
mod audit;
mod bodies;
mod guard;
mod metrics;
mod no_credentials;
mod peer;
mod policy;
mod request_body;
mod response;
mod route_token;
mod router;
pub mod secrets;
mod served_roles;
mod token;
mod token_file;

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Body;
use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};

use crate::output::error::Error;
use crate::output::log::{Log, LogNotWritten};
pub use allowed_host::{AllowedHost, HostError};
pub use api::container::CONTAINER_PATH;
use audit::Audit;
use bodies::CredentialBodies;
use metrics::RequestCounters;
use no_credentials::{no_credentials, not_logged};
pub use peer::{Exposure, Peer, RemoteAccess, UidLookup};
pub use policy::{AuditPolicy, Offer, ServePolicy};
pub use request_body::RequestBody;
pub use response::Response;
use roles_anywhere_client::input_source::FileError;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::Status;
pub use route_token::{OpenTokenFile, RouteToken, TokenState, TokenStore};
use router::{Authentication, Handler, Route};
pub use served_roles::{ContainerRoute, ServedRole, ServedRoles};
use token::ImdsTokens;
pub use token::is_container_token;
pub use token_file::TokenFile;

/// Sockets that are bound and not served yet, for requests to `S`.
pub trait Listener<S> {
    /// Serves until `stop` completes, then finishes the requests that are being answered.
    fn serve(
        self: Box<Self>,
        service: Rc<S>,
        stop: Pin<Box<dyn Future<Output = ()>>>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>>>>;
}

/// What answers each request with a whole response.
pub trait HttpService {
    /// Returns the most bytes that the body of a request may have; 0 for a request without one. A larger
    /// body is not read.
    fn body_limit(&self, head: &Parts) -> usize;

    /// Returns the response to a request.
    fn answer(&self, request: &Request<RequestBody>, peer: &Peer)
    -> impl Future<Output = Response>;

    /// Counts a request that could not be read.
    fn count_unreadable(&self, status: StatusCode);

    /// Ends requests that wait for something to happen: the process stops.
    fn stop_waiting(&self);
}

/// The endpoints, and their state between requests.
pub struct Endpoints {
    policy: ServePolicy,
    roles: RefCell<Rc<ServedRoles>>,
    ports: Ports,
    tokens: ImdsTokens,
    requests: RequestCounters,
    audit: Audit,
}

/// How long a request waits for an exchange in flight: SDKs give up after 500 ms.
pub const FETCH_TIMEOUT: Duration = Duration::from_millis(400);

impl Endpoints {
    /// Serves the credentials of `roles`.
    pub fn new(roles: ServedRoles, policy: ServePolicy, ports: Ports, log: Arc<dyn Log>) -> Self {
        Self {
            audit: Audit::new(log, policy.audit, &audit::OF_CREDENTIALS),
            policy,
            roles: RefCell::new(Rc::new(roles)),
            tokens: ImdsTokens::new(&*ports.entropy),
            ports,
            requests: RequestCounters::default(),
        }
    }

    /// Returns the roles that are served.
    pub fn roles(&self) -> Rc<ServedRoles> {
        Rc::clone(&self.roles.borrow())
    }

    /// Serves other roles from the next request on.
    pub fn replace_roles(&self, roles: ServedRoles) {
        self.roles.replace(Rc::new(roles));
    }

    /// Makes a new token for a route of container credentials, as [`Endpoints::rotate_token`] does, and
    /// returns why it cannot be written.
    pub fn renew_token(&self, token: &RouteToken) -> Result<(), FileError> {
        token.renew(&*self.ports.entropy)
    }

    /// Makes a new token for a route of container credentials, and logs the outcome. The previous token
    /// stays valid until the next renewal. If the new one cannot be written, nothing changes.
    pub fn rotate_token(&self, token: &RouteToken) {
        token.rotate(&*self.ports.entropy, &self.audit);
    }

    /// Writes the token of a route again if its file is missing or was changed.
    pub fn restore_token(&self, token: &RouteToken) {
        token.restore(&self.audit);
    }

    /// Ends the token of a route, and removes its file unless the file belongs to another process by now.
    pub fn withdraw_token(&self, token: &RouteToken) {
        token.withdraw(&self.audit);
    }

    /// Answers a request with a whole response. The session is checked again when the response is
    /// made, so that no expired credentials go out.
    pub async fn answer<B: Body>(&self, request: &Request<B>, peer: &Peer) -> Response {
        let roles = self.roles();
        let route = Route::of(request.uri().path(), &roles);
        let response = match guard::reject(request, &route, peer, &self.policy) {
            Some(response) => response,
            None => self.respond(request.method(), request.headers(), &route, peer).await,
        };
        if let StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN = response.status() {
            let extensions = response.extensions();
            let why = extensions.get().map_or("", |response::RejectionReason(why)| why);
            let host = extensions.get().map(|response::RejectedHost(host)| host.as_str());
            let uptime = self.ports.clock.uptime();
            let role = route.role_in_path();
            self.audit.refused((route.name, role, response.status()), (why, host), peer, uptime);
        }
        self.requests.count(route.name, route.role_in_path(), response.status());
        response
    }

    /// Logs the number of vends that the log could not take, as soon as it can take that; never ends.
    pub async fn keep_audit(&self) -> Infallible {
        self.audit.keep(&*self.ports.timer).await
    }

    /// Logs the number of vends that the log could not take, if it can take that now.
    pub fn end_audit(&self) {
        // There is nowhere else to report it.
        let _ = self.audit.tell_missed();
    }

    /// Returns whether there are credentials of all roles.
    fn readiness(&self) -> Response {
        api::health::readyz(self, &HeaderMap::new())
    }

    /// Renders the metrics.
    fn metrics(&self) -> String {
        let now = ClockReading::of(&*self.ports.clock);
        metrics::render(&self.roles(), &self.requests, self.audit.unlogged(), now)
    }

    async fn respond(
        &self,
        method: &Method,
        headers: &HeaderMap,
        route: &Route<'_>,
        peer: &Peer,
    ) -> Response {
        let client = match (route.authenticate)(self, route.token, headers) {
            ControlFlow::Continue(client) => client,
            ControlFlow::Break(refusal) => return refusal,
        };
        let mut response = match route.handler {
            Handler::Static(body) => response::text(body.clone()),
            Handler::Direct(respond) => respond(self, headers),
            Handler::SessionInfo(role, respond) => match self.bodies(role).await {
                Ok(bodies) => respond(&bodies),
                Err(status) => no_credentials(&status, client),
            },
            Handler::Credentials(role, respond) => match self.bodies(role).await {
                Ok(bodies) => match self.audit_vend(method, (route.name, role), peer, &bodies) {
                    Ok(()) => respond(&bodies),
                    Err(LogNotWritten) => not_logged(),
                },
                Err(status) => no_credentials(&status, client),
            },
        };
        if let Authentication::MetadataToken { seconds_left } = client {
            response.headers_mut().insert(response::TTL, seconds_left.into());
        }
        response
    }

    /// Returns the bodies of a session of `role` that is valid now, or the status if there is none.
    async fn bodies(&self, role: &ServedRole) -> Result<Rc<CredentialBodies>, Arc<Status>> {
        let Ports { clock, timer, .. } = &self.ports;
        if let Some(bodies) = role.previous_bodies(ClockReading::of(&**clock)) {
            return Ok(bodies);
        }
        let status = role.channel.wait_for_session(&**clock, &**timer, FETCH_TIMEOUT).await;
        role.render(status.usable(ClockReading::of(&**clock))).ok_or(status)
    }

    fn audit_vend(
        &self,
        method: &Method,
        (route, role): (&'static str, &ServedRole),
        peer: &Peer,
        sent: &CredentialBodies,
    ) -> Result<(), LogNotWritten> {
        // The response to HEAD has no body, so it hands out nothing.
        match *method == Method::HEAD {
            true => Ok(()),
            false => self.audit.vended(route, peer, role, sent),
        }
    }
}

impl HttpService for Endpoints {
    fn body_limit(&self, _head: &Parts) -> usize {
        0
    }

    async fn answer(&self, request: &Request<RequestBody>, peer: &Peer) -> Response {
        self.answer(request, peer).await
    }

    fn count_unreadable(&self, status: StatusCode) {
        self.requests.count("unreadable", None, status);
    }

    fn stop_waiting(&self) {}
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<endpoints of {:?}>", self.roles.borrow().all)
    }
}

#[cfg(test)]
mod tests;
