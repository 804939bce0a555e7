//! What the local endpoints answer: from a request, what is in hand and the time, to a response.
//!
//! Read [`Endpoints::answer`] first. There is no socket here: [`Listener`] is where they are.

mod api;
mod audit;
mod bodies;
mod guard;
mod host;
mod metrics;
mod peer;
mod policy;
mod response;
mod router;
mod token;
mod unavailable;

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use hyper::body::Body;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{Method, Request, StatusCode};

use crate::output::error::Error;
use crate::output::log::{Log, Unwritten};
pub use api::container::{Found, TokenPlace};
use api::imds::Instance;
use audit::Audit;
use bodies::Documents;
pub use host::{AllowedHost, HostError};
use metrics::Requests;
pub use peer::{Caller, Owner, Reach, Remote};
pub use policy::{AuditPolicy, Offer, ServePolicy};
pub use response::Reply;
use roles_anywhere_client::arn::RoleArn;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::{Status, StatusChannel};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::{Entropy, SecretBytes};
use roles_anywhere_client::time::{Clock, Timer};
pub use router::CONTAINER;
use router::Route;
pub use token::is_container_token;
use token::{ContainerToken, Tokens};
use unavailable::{Reader, nothing, unaudited};

/// Bound sockets, on their way to be served.
pub trait Listener {
    /// Returns the addresses that are listened on, with their real ports.
    fn addresses(&self) -> Vec<SocketAddr>;

    /// Serves until `stop` completes, then lets the requests that run come to their end.
    fn serve(
        self: Box<Self>,
        endpoints: Rc<Endpoints>,
        stop: Pin<Box<dyn Future<Output = ()>>>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>>>>;
}

/// What the endpoints run on.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "nothing but references to ports")]
pub struct ServerPorts {
    /// Tells the time.
    pub clock: Rc<dyn Clock>,
    /// Waits.
    pub timer: Rc<dyn Timer>,
    /// Makes tokens.
    pub entropy: Rc<dyn Entropy>,
    /// Takes what the operator has to know.
    pub log: Rc<dyn Log>,
}

/// The endpoints, and what they remember.
pub struct Endpoints {
    instance: Instance,
    policy: ServePolicy,
    channel: Rc<StatusChannel>,
    ports: ServerPorts,
    tokens: Tokens,
    /// Without one there is no container route.
    container_token: RefCell<Option<ContainerToken>>,
    /// The documents, and which session they are of.
    documents: RefCell<Option<(Rc<Session>, Rc<Documents>)>>,
    requests: Requests,
    audit: Audit,
}

/// How long a request waits for an exchange in flight: SDKs give up after 500 ms.
const PATIENCE: Duration = Duration::from_millis(400);
/// The header of a token of instance metadata.
const TOKEN: hyper::header::HeaderName =
    hyper::header::HeaderName::from_static("x-aws-ec2-metadata-token");

impl Endpoints {
    /// Serves the session of `channel` as the credentials of `role`.
    pub fn new(
        role: &RoleArn,
        region: &Region,
        policy: ServePolicy,
        channel: Rc<StatusChannel>,
        ports: ServerPorts,
    ) -> Self {
        Self {
            instance: Instance::new(role, region),
            audit: Audit::new(Rc::clone(&ports.log), policy.audit),
            policy,
            tokens: Tokens::new(&*ports.entropy),
            channel,
            ports,
            container_token: RefCell::default(),
            documents: RefCell::default(),
            requests: Requests::default(),
        }
    }

    /// Answers a request. Whatever it answers is whole; what is in hand is looked at once more
    /// when the answer is made, so that no credentials go out that have ended.
    pub async fn answer<B: Body>(&self, request: &Request<B>, caller: &Caller) -> Reply {
        let route = Route::of(request.uri().path(), &self.instance);
        let reply = match guard::turn_away(request, route, caller, &self.policy) {
            Some(reply) => reply,
            None => self.answer_route(request, route, caller).await,
        };
        if let StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN = reply.status() {
            let why = reply.extensions().get().map_or("", |response::Why(why)| why);
            let host = reply.extensions().get().map(|response::ForHost(host)| host.as_str());
            let uptime = self.ports.clock.uptime();
            self.audit.refused((route.name(), reply.status()), (why, host), caller, uptime);
        }
        self.requests.count(route.name(), reply.status());
        reply
    }

    /// Counts a request that could not be read.
    pub fn count_unreadable(&self, status: StatusCode) {
        self.requests.count("unreadable", status);
    }

    /// Tells the log of vends that it did not take, as soon as it takes that; never ends.
    pub async fn keep_audit(&self) -> Infallible {
        self.audit.keep(&*self.ports.timer).await
    }

    /// Tells the log of vends that it did not take, if it takes that now.
    pub fn end_audit(&self) {
        // There is no other place to tell it.
        let _ = self.audit.tell_missed();
    }

    async fn answer_route<B>(
        &self,
        request: &Request<B>,
        route: Route<'_>,
        caller: &Caller,
    ) -> Reply {
        match route {
            Route::Token => self.issue(request),
            Route::Container => self.container(request, route, caller).await,
            Route::Healthz => response::text("alive\n"),
            Route::Readyz => self.readiness(),
            Route::Metrics => {
                let (status, now) = (self.channel.status(), ClockReading::of(&*self.ports.clock));
                let unlogged = self.audit.unlogged();
                response::metrics(metrics::render(&status, &self.requests, unlogged, now))
            }
            _ => self.metadata(request, route, caller).await,
        }
    }

    /// Hands out a token of instance metadata.
    fn issue<B>(&self, request: &Request<B>) -> Reply {
        let Some(seconds) = request.headers().get(response::TTL).and_then(token::seconds) else {
            let why = "X-aws-ec2-metadata-token-ttl-seconds has to be 1 to 21600";
            return response::refusal(StatusCode::BAD_REQUEST, why);
        };
        let uptime = self.ports.clock.uptime();
        let token = self.tokens.issue(seconds, uptime);
        let bytes = SecretBytes::new(token.expose().as_bytes().to_vec());
        let mut reply = response::secret_text(response::wiped(bytes));
        reply.headers_mut().insert(response::TTL, seconds.into());
        reply
    }

    /// Answers for instance metadata, to those who have a token.
    async fn metadata<B>(&self, request: &Request<B>, route: Route<'_>, caller: &Caller) -> Reply {
        let uptime = self.ports.clock.uptime();
        let token = request.headers().get(TOKEN).map(HeaderValue::as_bytes);
        let Some(left) = token.and_then(|token| self.tokens.left(token, uptime)) else {
            return response::refusal(StatusCode::UNAUTHORIZED, "a valid token is required");
        };
        let mut reply = match route {
            Route::Fixed(body) => response::text(body.clone()),
            Route::Role => response::text(self.instance.role_name.clone()),
            Route::Credentials => match self.documents().await {
                Ok(documents) => match self.audit_vend(request.method(), route, caller, &documents)
                {
                    Ok(()) => response::secret_text(documents.imds.clone()),
                    Err(Unwritten) => unaudited(),
                },
                Err(status) => nothing(&status, Reader::Anyone),
            },
            Route::Profile => match self.documents().await {
                Ok(documents) => response::text(documents.profile.clone()),
                Err(status) => nothing(&status, Reader::Anyone),
            },
            _ => response::refusal(StatusCode::NOT_FOUND, "not found"),
        };
        reply.headers_mut().insert(response::TTL, left.into());
        reply
    }

    /// Answers for container credentials, to those who have the token.
    async fn container<B>(&self, request: &Request<B>, route: Route<'_>, caller: &Caller) -> Reply {
        let mut given = request.headers().get_all(AUTHORIZATION).iter();
        let accepted = match (&*self.container_token.borrow(), given.next(), given.next()) {
            (None, ..) => return response::refusal(StatusCode::NOT_FOUND, "not found"),
            (Some(token), Some(given), None) => token.accepts(given.as_bytes()),
            _ => false,
        };
        if !accepted {
            let why = "the header Authorization has to hold the token of the token file";
            return response::unauthorized(why);
        }
        match self.documents().await {
            Ok(documents) => match self.audit_vend(request.method(), route, caller, &documents) {
                Ok(()) => response::secret_json(documents.container.clone()),
                Err(Unwritten) => unaudited(),
            },
            Err(status) => nothing(&status, Reader::Holder),
        }
    }

    fn readiness(&self) -> Reply {
        let status = self.channel.status();
        match status.usable(ClockReading::of(&*self.ports.clock)) {
            Some(_) => response::text("ready\n"),
            None => nothing(&status, Reader::Anyone),
        }
    }

    /// Returns the documents of a session that is good now, or how it stands with getting one.
    async fn documents(&self) -> Result<Rc<Documents>, Rc<Status>> {
        let ServerPorts { clock, timer, .. } = &self.ports;
        let status = self.channel.wait_for_session(&**clock, &**timer, PATIENCE).await;
        let mut rendered = self.documents.borrow_mut();
        let Some(session) = status.usable(ClockReading::of(&**clock)) else {
            *rendered = None;
            return Err(status);
        };
        match &*rendered {
            Some((known, documents)) if Rc::ptr_eq(known, session) => Ok(Rc::clone(documents)),
            _ => {
                let documents = Rc::new(Documents::new(session, &self.instance));
                *rendered = Some((Rc::clone(session), Rc::clone(&documents)));
                Ok(documents)
            }
        }
    }

    fn audit_vend(
        &self,
        method: &Method,
        route: Route<'_>,
        caller: &Caller,
        sent: &Documents,
    ) -> Result<(), Unwritten> {
        // The answer to HEAD has no body.
        match *method == Method::HEAD {
            true => Ok(()),
            false => self.audit.vended(route.name(), caller, &self.instance.role_arn, sent),
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
