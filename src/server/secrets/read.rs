//! A read: who may have it, and the line in the log about it.

use std::rc::Rc;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::HeaderMap;

use super::denied::DeniedBy;
use super::reload::EndpointRules;
use super::reply::{self, EarlyResponse, ReadRefusal};
use super::tokens::SecretsToken;
use super::{AccessRules, SecretsEndpoint};
use crate::output::log::events::{SECRET_READ, SECRET_READ_FAILED};
use crate::output::log::{Field, LogNotWritten};
use crate::secrets_cache::{
    CachedValue, FetchedValue, ReadFailure, ReadItem, ReadRequest, ServedValue,
};
use crate::server::{Peer, Response};

/// A client, with its token and its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadingClient<'a> {
    /// What may be read.
    pub(super) rules: &'a EndpointRules,
    /// Its token.
    pub(super) token: &'a SecretsToken,
    /// Its connection.
    pub(super) peer: &'a Peer,
    /// The name of the route.
    pub(super) route: &'static str,
    /// The headers of the request.
    pub(super) headers: &'a HeaderMap,
    /// The uptime by which its reads end, all together.
    pub(super) deadline: Duration,
}

impl ReadingClient<'_> {
    /// Returns whose reads they are: all holders of a token are one client.
    pub(super) fn client(&self) -> &Rc<str> {
        self.token.shared_name()
    }

    /// Makes a read that of this client, within the time of its request.
    pub(super) fn ask(&self, request: &mut ReadRequest) {
        request.client = Some(Rc::clone(self.client()));
        request.deadline = Some(self.deadline);
    }
}

const DENIED: &str = "this endpoint does not allow this secret or parameter";
const DENIED_TO_TOKEN: &str = "this token does not allow this secret or parameter";

impl SecretsEndpoint {
    /// Returns a value that the client may have, or the response that says why it has none, after it was
    /// logged.
    pub(super) async fn read(
        &self,
        reader: &ReadingClient<'_>,
        request: &ReadRequest,
    ) -> Result<ServedValue, EarlyResponse> {
        self.try_read(reader, request).await.map_err(|it| self.refuse(reader, request, it))
    }

    /// As [`Self::read`], but why it failed is not logged.
    pub(super) async fn try_read(
        &self,
        reader: &ReadingClient<'_>,
        request: &ReadRequest,
    ) -> Result<ServedValue, ReadRefusal> {
        self.check(reader, request)?;
        let served = match self.cache.read_now(request) {
            Some(served) => Ok(served),
            None => self.cache.read(request).await,
        };
        self.found(reader, request, served)
    }

    /// Returns what was read for the client, unless it may not have that.
    pub(super) fn found(
        &self,
        reader: &ReadingClient<'_>,
        request: &ReadRequest,
        served: Result<ServedValue, ReadFailure>,
    ) -> Result<ServedValue, ReadRefusal> {
        let served = served.map_err(|failure| failed(request, failure))?;
        self.check_found(reader, &served)?;
        // A reload may have replaced the rules while the client waited.
        let rules = self.rules();
        if !std::ptr::eq(&*rules, reader.rules) {
            let EndpointRules { policy, tokens } = &*rules;
            let token = tokens.find(reader.headers, &policy.token_headers, &*self.ports.clock);
            let token = token.ok_or(ReadRefusal::Rules(DENIED_TO_TOKEN))?;
            let reader = &ReadingClient { rules: &rules, token, ..*reader };
            self.check(reader, request)?;
            self.check_found(reader, &served)?;
        }
        Ok(served)
    }

    /// Refuses a read before it is made.
    pub(super) fn check(
        &self,
        reader: &ReadingClient<'_>,
        request: &ReadRequest,
    ) -> Result<(), ReadRefusal> {
        if let (Some(role), Some(allowed)) = (&request.role, &reader.rules.policy.roles)
            && !allowed.iter().any(|allowed| **allowed == **role)
        {
            return Err(ReadRefusal::Role(role.to_string()));
        }
        self.each_rules(reader, |rules| rules.may_allow(&request.item))
    }

    /// Refuses what was read, now that its name and its ARN are known.
    fn check_found(
        &self,
        reader: &ReadingClient<'_>,
        served: &ServedValue,
    ) -> Result<(), ReadRefusal> {
        self.each_rules(reader, |rules| rules.allow(served.value.content()))
    }

    fn each_rules(
        &self,
        reader: &ReadingClient<'_>,
        allow: impl Fn(&AccessRules) -> bool,
    ) -> Result<(), ReadRefusal> {
        match (allow(&reader.rules.policy.access), allow(reader.token.access())) {
            (false, _) => Err(ReadRefusal::Rules(DENIED)),
            (true, false) => Err(ReadRefusal::Rules(DENIED_TO_TOKEN)),
            (true, true) => Ok(()),
        }
    }

    /// Returns the response with a value, after it was logged. One that the client has already is neither
    /// logged nor sent.
    pub(super) fn hand_out(
        &self,
        reader: &ReadingClient<'_>,
        request: &ReadRequest,
        served: &ServedValue,
        body: impl FnOnce(&CachedValue) -> Bytes,
    ) -> Result<Response, EarlyResponse> {
        if reply::has_version(reader.headers, served.value.tag()) {
            return Ok(reply::not_modified(served));
        }
        self.audit_read(reader, request, served)?;
        Ok(reply::value(served, body(&served.value)))
    }

    /// Returns the response that says why the client gets no value, after it was logged.
    pub(super) fn refuse(
        &self,
        reader: &ReadingClient<'_>,
        request: &ReadRequest,
        refusal: ReadRefusal,
    ) -> EarlyResponse {
        self.log_refusal(reader, request, &refusal);
        match request.item {
            ReadItem::Secret(_) => refusal.into(),
            ReadItem::Parameter(..) => reply::of_parameter(&refusal).into(),
        }
    }

    /// Logs that the client does not get a value, and counts it if that was denied.
    pub(super) fn log_refusal(
        &self,
        reader: &ReadingClient<'_>,
        request: &ReadRequest,
        refusal: &ReadRefusal,
    ) {
        let by = refusal.denied_by();
        if let Some(by) = by {
            self.denied.count(by);
        }
        let by = by.map(DeniedBy::name);
        let (address, user) = (reader.peer.address_text(), reader.peer.user());
        let (kind, name) = match &request.item {
            ReadItem::Secret(secret) => ("secret", secret.secret.shown()),
            ReadItem::Parameter(parameter, _) => ("parameter", parameter.parameter.shown()),
        };
        let (token, status) = (reader.token.name(), refusal.parts().0.as_u16());
        let (reason, role) = (&*refusal.reason(), role_of(request));
        let fields: [Field<'_>; 7] = [
            ("route", &reader.route),
            ("peer", &address),
            ("uid", &user),
            ("token", &token),
            (kind, &name),
            ("status", &status),
            ("reason", &reason),
        ];
        let by = by.as_ref().map(|by| -> Field<'_> { ("by", by) });
        let role = role.as_ref().map(|(name, role)| -> Field<'_> { (name, role) });
        let fields: Vec<Field<'_>> = fields.into_iter().chain(by).chain(role).collect();
        self.audit.event(&SECRET_READ_FAILED, &fields);
    }

    /// Logs that the client gets a value.
    pub(super) fn audit_read(
        &self,
        reader: &ReadingClient<'_>,
        request: &ReadRequest,
        served: &ServedValue,
    ) -> Result<(), ReadRefusal> {
        let (address, user) = (reader.peer.address_text(), reader.peer.user());
        let content = served.value.content();
        let kind = match content {
            FetchedValue::Secret(_) => "secret",
            FetchedValue::Parameter(_) => "parameter",
        };
        let (name, token, route) = (content.name(), reader.token.name(), reader.route);
        let version = served.value.version().unwrap_or_default();
        let (stale, fresh) = (served.stale.map(|it| it.past_ttl.as_secs()), served.source.name());
        let reason = served.stale.map(|it| it.reason.name());
        let role = role_of(request);
        let fields: [Option<Field<'_>>; 10] = [
            Some(("route", &route)),
            Some(("peer", &address)),
            Some(("uid", &user)),
            Some(("token", &token)),
            Some((kind, &name)),
            Some(("version", &version)),
            Some(("value", &fresh)),
            stale.as_ref().map(|stale| ("stale_seconds", stale as _)),
            reason.as_ref().map(|reason| ("reason", reason as _)),
            role.as_ref().map(|(name, role)| (*name, role as _)),
        ];
        let fields: Vec<Field<'_>> = fields.into_iter().flatten().collect();
        let recorded = self.audit.record(&SECRET_READ, &fields, reader.peer);
        recorded.map_err(|LogNotWritten| ReadRefusal::NotLogged)
    }
}

/// Returns the field that names the role of a request, if it names one.
fn role_of(request: &ReadRequest) -> Option<(&'static str, &str)> {
    let role = request.role.as_deref()?;
    Some((if role.starts_with("arn:") { "role" } else { "role_name" }, role))
}

/// Returns why a read failed. That a role is not served is said as of one that may not be named.
pub(super) fn failed(request: &ReadRequest, failure: ReadFailure) -> ReadRefusal {
    match (failure, &request.role) {
        (ReadFailure::UnknownRole, Some(role)) => ReadRefusal::Role(role.to_string()),
        (failure, _) => ReadRefusal::Failed(failure),
    }
}
