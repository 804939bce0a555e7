//! What the operator hears of requests: each set of credentials that is handed out, and now and
//! then those who were turned away; what becomes of the container token.

use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use hyper::StatusCode;

use super::caller::Caller;
use super::document::Documents;
use crate::log::{Level, Log};

/// Writes the events of requests. None holds a secret or a token.
pub(super) struct Audit {
    log: Rc<dyn Log>,
    /// Until when the log is spared those who are turned away: they may be many.
    quiet_until: Cell<Duration>,
    unsaid: Cell<u64>,
    /// Whether the log heard that the container token's file is gone, and cannot be written.
    token_is_gone: Cell<bool>,
}

/// How long the log is spared after one who was turned away.
const QUIET: Duration = Duration::from_secs(1);

impl Audit {
    pub(super) fn new(log: Rc<dyn Log>) -> Self {
        Self {
            log,
            quiet_until: Cell::default(),
            unsaid: Cell::default(),
            token_is_gone: Cell::default(),
        }
    }

    /// Says who got which credentials.
    pub(super) fn vended(&self, route: &str, caller: &Caller, role: &str, documents: &Documents) {
        self.log.event(
            Level::Info,
            "credentials vended",
            &[
                ("route", &route),
                ("peer", &caller.peer),
                ("uid", &caller.user()),
                ("role", &role),
                ("access_key_id", &documents.access_key_id),
                ("expiration", &documents.expiration),
            ],
        );
    }

    /// Says who was turned away and why, but once a second at most.
    pub(super) fn refused(
        &self,
        (route, status): (&str, StatusCode),
        why: &str,
        caller: &Caller,
        uptime: Duration,
    ) {
        if uptime < self.quiet_until.get() {
            self.unsaid.set(self.unsaid.get() + 1);
            return;
        }
        self.quiet_until.set(uptime + QUIET);
        self.log.event(
            Level::Warning,
            "request refused",
            &[
                ("route", &route),
                ("status", &status.as_u16()),
                ("reason", &why),
                ("peer", &caller.peer),
                ("unsaid", &self.unsaid.take()),
            ],
        );
    }

    /// Says that the token of container credentials could not be renewed, or was again.
    pub(super) fn token(&self, failure: Option<&dyn Error>) {
        match failure {
            None => self.log.event(Level::Info, "container token renewed", &[]),
            Some(error) => self.warn("container token kept", error),
        }
    }

    /// Says that the file of the token was gone, and is there again; where it cannot be written, it
    /// does so once.
    pub(super) fn token_was_gone(&self, failure: Option<&dyn Error>) {
        let known = self.token_is_gone.replace(failure.is_some());
        match failure {
            None => self.log.event(Level::Warning, "container token was gone: written again", &[]),
            Some(error) if !known => self.warn("container token is gone", error),
            Some(_) => {}
        }
    }

    /// Takes note that the file of the token is there.
    pub(super) fn token_is_there(&self) {
        self.token_is_gone.set(false);
    }

    /// Says that the file of the token could not be removed.
    pub(super) fn token_stays(&self, error: &dyn Error) {
        self.warn("container token left behind", error);
    }

    fn warn(&self, what: &str, error: &dyn Error) {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        self.log.event(Level::Warning, what, &[("reason", &error), ("cause", &cause)]);
    }
}
