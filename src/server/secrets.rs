//! The secrets endpoint, on port 2773: that of AWS's agent and of the Lambda extension,
//! and our own requests.
//!
//! Read [`SecretsEndpoint::answer`] first. It has sockets of its own; paths, guards and refusals are not
//! those of the credentials. What is read is behind [`ReadSecrets`].

mod access;
mod agent;
mod denied;
mod extension;
mod health;
mod limit;
mod metrics;
mod ours;
mod plan;
mod query;
mod read;
mod reload;
mod reply;
mod route;
mod tokens;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use tokio::sync::Notify;

use super::audit::{self, Audit};
use super::metrics::RequestCounters;
use super::{Endpoints, HttpService, Peer, RequestBody, Response, guard, response};
use crate::output::log::Log;
use crate::secrets_cache::{READER_LIMIT, ReadSecrets};
pub use access::{AccessPattern, AccessRules, PatternError};
use denied::DenialCounters;
use limit::RequestLimit;
pub use plan::{OfflineKey, OfflinePlan, PlannedToken, SecretsPlan, SecretsPolicy, TokenSource};
use read::ReadingClient;
use reload::EndpointRules;
use reply::EarlyResponse;
use roles_anywhere_client::ports::Ports;
use route::SecretsRoute;
use tokens::CHECK_INTERVAL;
pub use tokens::{SecretsToken, SecretsTokens};

/// The endpoint, and its state between requests.
pub struct SecretsEndpoint {
    rules: RefCell<Rc<EndpointRules>>,
    cache: Rc<dyn ReadSecrets>,
    /// The sessions that secrets are read with, for health and metrics.
    credentials: Rc<Endpoints>,
    ports: Ports,
    requests: RequestCounters,
    denied: DenialCounters,
    audit: Audit,
    limit: RequestLimit,
    is_stopping: Cell<bool>,
    stopping: Notify,
}

/// The most bytes of a list of references.
const MAX_BODY: usize = 64 << 10;
/// The same of a client whose token is not known to be valid yet: its file may have been swapped just now.
const MAX_UNKNOWN_BODY: usize = 4 << 10;

impl SecretsEndpoint {
    /// Serves what `cache` reads to the holders of `tokens`.
    pub fn new(
        policy: SecretsPolicy,
        (cache, tokens): (Rc<dyn ReadSecrets>, SecretsTokens),
        credentials: Rc<Endpoints>,
        ports: Ports,
        log: Arc<dyn Log>,
    ) -> Self {
        Self {
            audit: Audit::new(log, policy.audit, &audit::OF_SECRETS),
            limit: RequestLimit::new(policy.connections),
            rules: RefCell::new(Rc::new(EndpointRules { policy, tokens })),
            cache,
            credentials,
            ports,
            requests: RequestCounters::default(),
            denied: DenialCounters::default(),
            is_stopping: Cell::default(),
            stopping: Notify::new(),
        }
    }

    /// Answers a request with a whole response.
    pub async fn answer(&self, request: &Request<RequestBody>, peer: &Peer) -> Response {
        let rules = self.rules();
        let route = SecretsRoute::of(request.uri().path(), &rules.policy.path_prefix);
        let response = match self.respond(&rules, request, &route, peer).await {
            Ok(response) => response,
            Err(early) => early.into_inner(),
        };
        if let Some(response::RejectionReason(why)) = response.extensions().get() {
            let host: Option<&response::RejectedHost> = response.extensions().get();
            let host = host.map(|response::RejectedHost(host)| host.as_str());
            let uptime = self.ports.clock.uptime();
            let refused = (route.name(), None, response.status());
            self.audit.refused(refused, (why, host), peer, uptime);
        }
        self.requests.count(route.name(), None, response.status());
        response
    }

    /// Keeps the tokens and the log; never ends.
    pub async fn keep(&self) -> Infallible {
        let tokens = pin!(async {
            loop {
                self.ports.timer.sleep(CHECK_INTERVAL).await;
                self.rules().tokens.check(&self.ports, &self.audit).await;
            }
        });
        match select(tokens, pin!(self.audit.keep(&*self.ports.timer))).await {
            Either::Left((never, _)) | Either::Right((never, _)) => match never {},
        }
    }

    /// Ends the token that this process made, and logs the number of reads that the log could not take.
    pub fn end(&self) {
        if let Some(own) = self.own_token() {
            own.withdraw(&self.audit);
        }
        // There is nowhere else to report it.
        let _ = self.audit.tell_missed();
    }

    /// Checks a request as AWS's agent does, in its order; the error is a response too.
    async fn respond(
        &self,
        rules: &EndpointRules,
        request: &Request<RequestBody>,
        route: &SecretsRoute<'_>,
        peer: &Peer,
    ) -> Result<Response, EarlyResponse> {
        let (method, headers) = (request.method(), request.headers());
        let deadline = self.deadline();
        let Some(mut place) = self.limit.enter(route.is_health()) else {
            return Err(reply::too_many().into());
        };
        if let SecretsRoute::Ping = route {
            only_get(method)?;
            return Ok(reply::plain(StatusCode::OK, "healthy"));
        }
        if let Some((why, host)) = guard::foreign(request, peer, &rules.policy.hosts) {
            return Err(reply::forwarded(why, host).into());
        }
        if let SecretsRoute::Health(page) = route {
            only_get(method)?;
            return Ok(self.health(*page));
        }
        let token = self.authenticate(rules, headers).await?;
        let reader = ReadingClient { rules, token, peer, route: route.name(), headers, deadline };
        let query = request.uri().query().unwrap_or_default();
        match route {
            SecretsRoute::Resolve if *method == Method::POST => {
                self.resolve_list(&reader, request.body(), &mut place).await
            }
            _ => {
                only_get(method)?;
                match route {
                    SecretsRoute::Secret => self.secret_by_query(&reader, query).await,
                    SecretsRoute::SecretPath(path) => {
                        self.secret_by_path(&reader, path, query).await
                    }
                    SecretsRoute::Parameter => self.parameter(&reader, query).await,
                    SecretsRoute::Resolve => self.resolve(&reader, query, &mut place).await,
                    SecretsRoute::Ping | SecretsRoute::Health(_) | SecretsRoute::Unknown => {
                        Err(reply::plain(StatusCode::NOT_FOUND, "Not found").into())
                    }
                }
            }
        }
    }

    /// Returns the token that the client has.
    async fn authenticate<'a>(
        &self,
        rules: &'a EndpointRules,
        headers: &HeaderMap,
    ) -> Result<&'a SecretsToken, EarlyResponse> {
        let EndpointRules { policy, tokens } = rules;
        let find = || tokens.find(headers, &policy.token_headers, &*self.ports.clock);
        if let Some(token) = find() {
            return Ok(token);
        }
        tokens.reload_if_due(&self.ports, &self.audit).await;
        find().ok_or_else(|| {
            self.denied.count_token();
            let is_missing = !policy.token_headers.iter().any(|it| headers.contains_key(it));
            reply::bad_token(is_missing).into()
        })
    }

    /// Returns when the reads of a request end that begins now.
    fn deadline(&self) -> Duration {
        self.ports.clock.uptime() + READER_LIMIT
    }

    /// Completes when the process stops.
    async fn stopped(&self) {
        while !self.is_stopping.get() {
            self.stopping.notified().await;
        }
    }
}

fn only_get(method: &Method) -> Result<(), EarlyResponse> {
    match *method {
        Method::GET => Ok(()),
        _ => Err(reply::plain(StatusCode::METHOD_NOT_ALLOWED, "Not allowed").into()),
    }
}

impl HttpService for SecretsEndpoint {
    fn body_limit(&self, head: &Parts) -> usize {
        let EndpointRules { policy, tokens } = &*self.rules();
        let route = SecretsRoute::of(head.uri.path(), &policy.path_prefix);
        if head.method != Method::POST || route != SecretsRoute::Resolve {
            return 0;
        }
        let names = &policy.token_headers;
        match tokens.find(&head.headers, names, &*self.ports.clock) {
            Some(_) => MAX_BODY,
            None if names.iter().any(|name| head.headers.contains_key(name)) => MAX_UNKNOWN_BODY,
            None => 0,
        }
    }

    async fn answer(&self, request: &Request<RequestBody>, peer: &Peer) -> Response {
        self.answer(request, peer).await
    }

    fn count_unreadable(&self, status: StatusCode) {
        self.requests.count("unreadable", None, status);
    }

    fn stop_waiting(&self) {
        self.is_stopping.set(true);
        self.stopping.notify_waiters();
    }
}

impl fmt::Debug for SecretsEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<secrets endpoint, {:?}>", self.rules().tokens)
    }
}

#[cfg(test)]
mod tests;
