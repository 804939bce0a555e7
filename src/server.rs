//! The endpoints of `serve`: from a request, the status of the session and the time, to a response.
//!
//! Read [`Endpoints::answer`] first. There are no sockets here: those are behind [`Listener`]. The
//! files of this folder are HTTP machinery; what clients ask for is in `api`, one file per API.

mod allowed_host;
mod api;
mod audit;
mod bodies;
mod container_token;
mod guard;
mod metrics;
mod no_credentials;
mod peer;
mod policy;
mod response;
mod router;
mod token;
mod token_file;

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Body;
use hyper::header::HeaderMap;
use hyper::{Method, Request, StatusCode};

use crate::output::error::Error;
use crate::output::log::{Log, LogNotWritten};
pub use allowed_host::{AllowedHost, HostError};
pub use api::container::CONTAINER_PATH;
use api::imds::ImdsInstance;
use audit::Audit;
use bodies::CredentialBodies;
pub use container_token::{TokenState, TokenStore};
use metrics::RequestCounters;
use no_credentials::{no_credentials, not_logged};
pub use peer::{Exposure, Peer, RemoteAccess, UidLookup};
pub use policy::{AuditPolicy, Offer, ServePolicy};
pub use response::Response;
use roles_anywhere_client::arn::RoleArn;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::{Status, StatusChannel};
use roles_anywhere_client::region::Region;
use router::{Authentication, Handler, Route};
pub use token::is_container_token;
use token::{ContainerToken, ImdsTokens};
pub use token_file::TokenFile;

/// Sockets that are bound and not served yet.
pub trait Listener {
    /// Returns the addresses, with the ports that the system chose for port 0.
    fn addresses(&self) -> Vec<SocketAddr>;

    /// Serves until `stop` completes, then finishes the requests that are being answered.
    fn serve(
        self: Box<Self>,
        endpoints: Rc<Endpoints>,
        stop: Pin<Box<dyn Future<Output = ()>>>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>>>>;
}

/// The endpoints, and their state between requests.
pub struct Endpoints {
    instance: ImdsInstance,
    policy: ServePolicy,
    channel: Arc<StatusChannel>,
    ports: Ports,
    tokens: ImdsTokens,
    /// Without a token there is no container route.
    container_token: RefCell<Option<ContainerToken>>,
    /// The bodies that were rendered last, and the session that they are of.
    bodies: RefCell<Option<(Arc<Session>, Rc<CredentialBodies>)>>,
    requests: RequestCounters,
    audit: Audit,
}

/// How long a request waits for an exchange in flight: SDKs give up after 500 ms.
pub const FETCH_TIMEOUT: Duration = Duration::from_millis(400);

impl Endpoints {
    /// Serves the session of `channel` as the credentials of `role`.
    pub fn new(
        (role, region): (&RoleArn, &Region),
        policy: ServePolicy,
        channel: Arc<StatusChannel>,
        ports: Ports,
        log: Arc<dyn Log>,
    ) -> Self {
        Self {
            instance: ImdsInstance::new(role, region),
            audit: Audit::new(log, policy.audit),
            policy,
            tokens: ImdsTokens::new(&*ports.entropy),
            channel,
            ports,
            container_token: RefCell::default(),
            bodies: RefCell::default(),
            requests: RequestCounters::default(),
        }
    }

    /// Answers a request with a whole response. The session is checked again when the response is
    /// made, so that no expired credentials go out.
    pub async fn answer<B: Body>(&self, request: &Request<B>, peer: &Peer) -> Response {
        let route = Route::of(request.uri().path(), &self.instance);
        let response = match guard::reject(request, &route, peer, &self.policy) {
            Some(response) => response,
            None => self.respond(request.method(), request.headers(), &route, peer).await,
        };
        if let StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN = response.status() {
            let extensions = response.extensions();
            let why = extensions.get().map_or("", |response::RejectionReason(why)| why);
            let host = extensions.get().map(|response::RejectedHost(host)| host.as_str());
            let uptime = self.ports.clock.uptime();
            self.audit.refused((route.name, response.status()), (why, host), peer, uptime);
        }
        self.requests.count(route.name, response.status());
        response
    }

    /// Counts a request that could not be read.
    pub fn count_unreadable(&self, status: StatusCode) {
        self.requests.count("unreadable", status);
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

    async fn respond(
        &self,
        method: &Method,
        headers: &HeaderMap,
        route: &Route<'_>,
        peer: &Peer,
    ) -> Response {
        let client = match (route.authenticate)(self, headers) {
            ControlFlow::Continue(client) => client,
            ControlFlow::Break(refusal) => return refusal,
        };
        let mut response = match route.handler {
            Handler::Static(body) => response::text(body.clone()),
            Handler::Direct(respond) => respond(self, headers),
            Handler::SessionInfo(respond) => match self.bodies().await {
                Ok(bodies) => respond(&bodies),
                Err(status) => no_credentials(&status, client),
            },
            Handler::Credentials(respond) => match self.bodies().await {
                Ok(bodies) => match self.audit_vend(method, route.name, peer, &bodies) {
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

    /// Returns the bodies of a session that is valid now, or the status if there is none.
    async fn bodies(&self) -> Result<Rc<CredentialBodies>, Arc<Status>> {
        let Ports { clock, timer, .. } = &self.ports;
        let status = self.channel.wait_for_session(&**clock, &**timer, FETCH_TIMEOUT).await;
        let mut rendered = self.bodies.borrow_mut();
        let Some(session) = status.usable(ClockReading::of(&**clock)) else {
            *rendered = None;
            return Err(status);
        };
        match &*rendered {
            Some((known, bodies)) if Arc::ptr_eq(known, session) => Ok(Rc::clone(bodies)),
            _ => {
                let bodies = Rc::new(CredentialBodies::new(session, &self.instance));
                *rendered = Some((Arc::clone(session), Rc::clone(&bodies)));
                Ok(bodies)
            }
        }
    }

    fn audit_vend(
        &self,
        method: &Method,
        route: &'static str,
        peer: &Peer,
        sent: &CredentialBodies,
    ) -> Result<(), LogNotWritten> {
        // The response to HEAD has no body, so it hands out nothing.
        match *method == Method::HEAD {
            true => Ok(()),
            false => self.audit.vended(route, peer, &self.instance.role_arn, sent),
        }
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<endpoints of {}>", self.instance.role_arn)
    }
}

#[cfg(test)]
mod tests;
