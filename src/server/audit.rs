//! What is logged about requests: every vend of credentials and read of a secret, rejected requests (at
//! most one line a second), and the changes of the token.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use tokio::sync::Notify;

use super::bodies::CredentialBodies;
use super::peer::Peer;
use super::policy::AuditPolicy;
use super::route_token::TokenState;
use super::served_roles::ServedRole;
use crate::output::log::events::{
    CONTAINER_TOKEN_LOST, CONTAINER_TOKEN_NOT_REMOVED, CONTAINER_TOKEN_RENEWAL_FAILED,
    CONTAINER_TOKEN_RENEWED, CONTAINER_TOKEN_RESTORED, CREDENTIALS_VENDED,
    CREDENTIALS_VENDED_UNLOGGED, LogEvent, REQUEST_REFUSED, SECRET_READ_UNLOGGED,
    SECRETS_TOKEN_LOST, SECRETS_TOKEN_NOT_REMOVED, SECRETS_TOKEN_RENEWAL_FAILED,
    SECRETS_TOKEN_RENEWED, SECRETS_TOKEN_RESTORED,
};
use crate::output::log::{Field, Log, LogNotWritten, Reasons};
use roles_anywhere_client::time::Timer;

/// Logs the events of requests. No event holds a secret or a token.
pub(super) struct Audit {
    log: Arc<dyn Log>,
    policy: AuditPolicy,
    events: &'static AuditEvents,
    /// The number of vends that are not logged yet because the log took nothing, by user.
    missed: RefCell<BTreeMap<String, u64>>,
    /// Wakes [`Audit::keep`] when a vend was missed.
    missed_one: Notify,
    /// The number of vends that the log did not take since the start.
    unlogged: Cell<u64>,
    /// Until when rejected requests are only counted: there may be many.
    quiet_until: Cell<Duration>,
    /// How many rejected requests were only counted.
    unsaid: Cell<u64>,
}

/// The events of one kind of endpoints.
pub(super) struct AuditEvents {
    unlogged: &'static LogEvent,
    token_renewed: &'static LogEvent,
    token_renewal_failed: &'static LogEvent,
    token_restored: &'static LogEvent,
    token_lost: &'static LogEvent,
    token_not_removed: &'static LogEvent,
}

/// The events of credentials.
pub(super) static OF_CREDENTIALS: AuditEvents = AuditEvents {
    unlogged: &CREDENTIALS_VENDED_UNLOGGED,
    token_renewed: &CONTAINER_TOKEN_RENEWED,
    token_renewal_failed: &CONTAINER_TOKEN_RENEWAL_FAILED,
    token_restored: &CONTAINER_TOKEN_RESTORED,
    token_lost: &CONTAINER_TOKEN_LOST,
    token_not_removed: &CONTAINER_TOKEN_NOT_REMOVED,
};

/// The events of secrets and parameters.
pub(super) static OF_SECRETS: AuditEvents = AuditEvents {
    unlogged: &SECRET_READ_UNLOGGED,
    token_renewed: &SECRETS_TOKEN_RENEWED,
    token_renewal_failed: &SECRETS_TOKEN_RENEWAL_FAILED,
    token_restored: &SECRETS_TOKEN_RESTORED,
    token_lost: &SECRETS_TOKEN_LOST,
    token_not_removed: &SECRETS_TOKEN_NOT_REMOVED,
};

/// How long rejected requests are only counted after one was logged.
const QUIET: Duration = Duration::from_secs(1);
/// The time between two attempts to log vends that the log did not take.
const RETRY_DELAY: Duration = Duration::from_millis(100);
/// How many users are counted separately; the others are counted together, so that the table stays
/// small.
const MAX_USERS: usize = 256;

impl Audit {
    pub(super) fn new(
        log: Arc<dyn Log>,
        policy: AuditPolicy,
        events: &'static AuditEvents,
    ) -> Self {
        Self {
            log,
            policy,
            events,
            missed: RefCell::default(),
            missed_one: Notify::new(),
            unlogged: Cell::default(),
            quiet_until: Cell::default(),
            unsaid: Cell::default(),
        }
    }

    /// Logs which client gets which credentials, before the response is sent. If the log does not
    /// take the line, the vend is counted, or it is an error if the operator requires the log.
    pub(super) fn vended(
        &self,
        route: &str,
        peer: &Peer,
        role: &ServedRole,
        bodies: &CredentialBodies,
    ) -> Result<(), LogNotWritten> {
        let (address, user) = (peer.address_text(), peer.user());
        let fields: [Field<'_>; 6] = [
            ("route", &route),
            ("peer", &address),
            ("uid", &user),
            ("role", &bodies.role_arn),
            ("access_key_id", &bodies.access_key_id),
            ("expiration", &bodies.expiration),
        ];
        let name = role.name.as_deref();
        let name = name.as_ref().map(|name| -> Field<'_> { ("role_name", name) });
        let fields: Vec<_> = fields.into_iter().chain(name).collect();
        self.record(&CREDENTIALS_VENDED, &fields, peer)
    }

    /// Logs an event about what a client gets, before the response is sent. If the log does not take the
    /// line, the event is counted, or it is an error if the operator requires the log.
    pub(super) fn record(
        &self,
        event: &'static LogEvent,
        fields: &[Field<'_>],
        peer: &Peer,
    ) -> Result<(), LogNotWritten> {
        // What was missed is logged first, to keep the log in chronological order.
        let told = self.tell_missed();
        match told.and_then(|()| self.log.record(event, fields)) {
            Err(_) if self.policy == AuditPolicy::Counted => {
                self.miss(peer.user());
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Logs an event that may get lost.
    pub(super) fn event(&self, event: &'static LogEvent, fields: &[Field<'_>]) {
        self.log.event(event, fields);
    }

    fn miss(&self, user: &str) {
        let mut missed = self.missed.borrow_mut();
        let known = missed.contains_key(user) || missed.len() < MAX_USERS;
        let user = if known { user } else { "others" };
        match missed.get_mut(user) {
            Some(count) => *count += 1,
            None => {
                missed.insert(user.to_owned(), 1);
            }
        }
        self.unlogged.set(self.unlogged.get() + 1);
        self.missed_one.notify_one();
    }

    /// Returns the number of vends that the log did not take since the start.
    pub(super) fn unlogged(&self) -> u64 {
        self.unlogged.get()
    }

    /// Logs how many vends were missed, one line for each user, if the log takes them.
    pub(super) fn tell_missed(&self) -> Result<(), LogNotWritten> {
        let mut missed = self.missed.borrow_mut();
        while let Some(entry) = missed.first_entry() {
            let fields: [Field<'_>; 2] = [("uid", entry.key()), ("count", entry.get())];
            self.log.record(self.events.unlogged, &fields)?;
            entry.remove();
        }
        Ok(())
    }

    /// Logs missed vends as soon as the log takes them; never ends.
    pub(super) async fn keep(&self, timer: &dyn Timer) -> Infallible {
        loop {
            self.missed_one.notified().await;
            while self.tell_missed().is_err() {
                timer.sleep(RETRY_DELAY).await;
            }
        }
    }

    /// Logs a rejected request and the reason, at most once a second.
    pub(super) fn refused(
        &self,
        (route, role, status): (&str, Option<&str>, StatusCode),
        (why, host): (&str, Option<&str>),
        peer: &Peer,
        uptime: Duration,
    ) {
        if uptime < self.quiet_until.get() {
            self.unsaid.set(self.unsaid.get() + 1);
            return;
        }
        self.quiet_until.set(uptime + QUIET);
        let (status, unsaid) = (status.as_u16(), self.unsaid.take());
        let mut fields: Vec<Field<'_>> =
            vec![("route", &route), ("status", &status), ("reason", &why)];
        fields.extend(role.as_ref().map(|role| -> Field<'_> { ("role_name", role) }));
        if let Some(host) = &host {
            fields.push(("host", host));
        }
        fields.extend([("peer", &peer.address as _), ("suppressed", &unsaid as _)]);
        self.log.event(&REQUEST_REFUSED, &fields);
    }

    /// Logs that the container token of a role, or of the route without one, was renewed, or why it could
    /// not be.
    pub(super) fn token(&self, role: Option<&str>, failure: Option<&dyn Error>) {
        let event = match failure {
            None => self.events.token_renewed,
            Some(_) => self.events.token_renewal_failed,
        };
        self.token_event(event, role, None, failure);
    }

    /// Logs that a token was not in its file, and was written again or cannot be.
    pub(super) fn token_was_lost(
        &self,
        role: Option<&str>,
        state: TokenState,
        failure: Option<&dyn Error>,
    ) {
        let found = match state {
            TokenState::Missing => "missing",
            _ => "changed",
        };
        let event = match failure {
            None => self.events.token_restored,
            Some(_) => self.events.token_lost,
        };
        self.token_event(event, role, Some(found), failure);
    }

    /// Logs that a token file could not be removed.
    pub(super) fn token_stays(&self, role: Option<&str>, error: &dyn Error) {
        self.token_event(self.events.token_not_removed, role, None, Some(error));
    }

    fn token_event(
        &self,
        event: &'static LogEvent,
        role: Option<&str>,
        found: Option<&str>,
        error: Option<&dyn Error>,
    ) {
        let errors = std::iter::successors(error, |&error| error.source());
        let reasons: Vec<_> = errors.map(ToString::to_string).collect();
        let reason = error.map(|_| Reasons::new(reasons, None));
        let fields: [Option<Field<'_>>; 3] = [
            found.as_ref().map(|found| ("found", found as _)),
            reason.as_ref().map(|reason| ("reason", reason as _)),
            role.as_ref().map(|role| ("role_name", role as _)),
        ];
        let fields: Vec<_> = fields.into_iter().flatten().collect();
        self.log.event(event, &fields);
    }
}
