//! What the operator hears of requests: each set of credentials that is handed out, and now and
//! then those who were turned away; what becomes of the container token.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use hyper::StatusCode;
use tokio::sync::Notify;

use super::api::container::Found;
use super::bodies::Documents;
use super::peer::Caller;
use super::policy::AuditPolicy;
use crate::output::log::{Fact, Level, Log, Unwritten};
use roles_anywhere_client::time::Timer;

/// Writes the events of requests. None holds a secret or a token.
pub(super) struct Audit {
    log: Rc<dyn Log>,
    policy: AuditPolicy,
    /// The vends that the log did not take and was not told of yet, by user.
    missed: RefCell<BTreeMap<String, u64>>,
    /// A vend was missed.
    came: Notify,
    /// The vends that the log did not take, in all.
    unlogged: Cell<u64>,
    /// Until when the log is spared those who are turned away: they may be many.
    quiet_until: Cell<Duration>,
    unsaid: Cell<u64>,
    /// Whether the log heard that the container token is not in its file, and cannot be written.
    token_is_lost: Cell<bool>,
}

/// How long the log is spared after one who was turned away.
const QUIET: Duration = Duration::from_secs(1);
/// How often the log is tried again that did not take a vend.
const PAUSE: Duration = Duration::from_millis(100);
/// How many users are counted each; those beyond are counted together.
const USERS: usize = 256;

impl Audit {
    pub(super) fn new(log: Rc<dyn Log>, policy: AuditPolicy) -> Self {
        Self {
            log,
            policy,
            missed: RefCell::default(),
            came: Notify::new(),
            unlogged: Cell::default(),
            quiet_until: Cell::default(),
            unsaid: Cell::default(),
            token_is_lost: Cell::default(),
        }
    }

    /// Says who gets which credentials, before they get them. A vend that the log does not take is
    /// counted, or an error if the operator wants no such vend.
    pub(super) fn vended(
        &self,
        route: &str,
        caller: &Caller,
        role: &str,
        documents: &Documents,
    ) -> Result<(), Unwritten> {
        let facts: [Fact<'_>; 6] = [
            ("route", &route),
            ("peer", &caller.peer),
            ("uid", &caller.user()),
            ("role", &role),
            ("access_key_id", &documents.access_key_id),
            ("expiration", &documents.expiration),
        ];
        // What was missed is told first: the log is in the order of time.
        let told = self.tell_missed();
        match told.and_then(|()| self.log.record(Level::Info, "credentials vended", &facts)) {
            Err(_) if self.policy == AuditPolicy::Counted => {
                self.miss(caller.user());
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn miss(&self, user: &str) {
        let mut missed = self.missed.borrow_mut();
        let known = missed.contains_key(user) || missed.len() < USERS;
        let user = if known { user } else { "others" };
        match missed.get_mut(user) {
            Some(count) => *count += 1,
            None => {
                missed.insert(user.to_owned(), 1);
            }
        }
        self.unlogged.set(self.unlogged.get() + 1);
        self.came.notify_one();
    }

    /// Returns how many vends the log did not take, since the start.
    pub(super) fn unlogged(&self) -> u64 {
        self.unlogged.get()
    }

    /// Tells the log how many vends it missed, user by user, if it takes that.
    pub(super) fn tell_missed(&self) -> Result<(), Unwritten> {
        let mut missed = self.missed.borrow_mut();
        while let Some(entry) = missed.first_entry() {
            let facts: [Fact<'_>; 2] = [("uid", entry.key()), ("count", entry.get())];
            let what = "credentials vended while the log took nothing";
            self.log.record(Level::Warning, what, &facts)?;
            entry.remove();
        }
        Ok(())
    }

    /// Tells the log what it missed, as soon as it takes that; for as long as it is polled.
    pub(super) async fn keep(&self, timer: &dyn Timer) -> Infallible {
        loop {
            self.came.notified().await;
            while self.tell_missed().is_err() {
                timer.sleep(PAUSE).await;
            }
        }
    }

    /// Says who was turned away and why, but once a second at most.
    pub(super) fn refused(
        &self,
        (route, status): (&str, StatusCode),
        (why, host): (&str, Option<&str>),
        caller: &Caller,
        uptime: Duration,
    ) {
        if uptime < self.quiet_until.get() {
            self.unsaid.set(self.unsaid.get() + 1);
            return;
        }
        self.quiet_until.set(uptime + QUIET);
        let (status, unsaid) = (status.as_u16(), self.unsaid.take());
        let mut facts: Vec<Fact<'_>> =
            vec![("route", &route), ("status", &status), ("reason", &why)];
        if let Some(host) = &host {
            facts.push(("host", host));
        }
        facts.extend([("peer", &caller.peer as _), ("unsaid", &unsaid as _)]);
        self.log.event(Level::Warning, "request refused", &facts);
    }

    /// Says that the token of container credentials could not be renewed, or was again.
    pub(super) fn token(&self, failure: Option<&dyn Error>) {
        match failure {
            None => self.log.event(Level::Info, "container token renewed", &[]),
            Some(error) => self.warn("container token kept", error),
        }
    }

    /// Says that the token was not in its file, and is there again; if it cannot be written, it does
    /// so once.
    pub(super) fn token_was_lost(&self, found: Found, failure: Option<&dyn Error>) {
        let known = self.token_is_lost.replace(failure.is_some());
        let (restored, lost) = match found {
            Found::Nothing => {
                ("container token was gone: written again", "container token is gone")
            }
            _ => ("container token was changed: written again", "container token is changed"),
        };
        match failure {
            None => self.log.event(Level::Warning, restored, &[]),
            Some(error) if !known => self.warn(lost, error),
            Some(_) => {}
        }
    }

    /// Takes note that the file of the token is there.
    pub(super) fn token_is_there(&self) {
        self.token_is_lost.set(false);
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
