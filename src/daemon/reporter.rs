//! What the operator is told of identities and sessions: in the log, and by the supervisor's status.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use crate::daemon::Supervisor;
use crate::output::error::Error;
use crate::output::log::{Field, Level, Log};
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::provider::{ProviderError, SKEW, UNUSED_PASSWORD};
use roles_anywhere_client::refresh::observer::Observer;
use roles_anywhere_client::refresh::refresher::ReloadOutcome;
use roles_anywhere_client::refresh::schedule::Next;
use roles_anywhere_client::time::Timestamp;

/// Tells the operator, and remembers what need not be told again.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct Reporter<'a> {
    log: &'a dyn Log,
    supervisor: &'a dyn Supervisor,
    told: RefCell<Told>,
}

/// What the operator was told before.
#[derive(Default)]
struct Told {
    /// The end of the certificate in use.
    end: Option<CertificateEnd>,
    /// The last words about an identity that could not be taken into use.
    unusable: Option<String>,
    /// Whether it was told that a password is of no use.
    password: bool,
    /// The last clock offset that was told.
    offset: i64,
}

/// When a certificate ends, and what was said of that.
struct CertificateEnd {
    not_after: Timestamp,
    /// From when on it is warned of.
    near: Timestamp,
    /// When it was last warned of.
    warned: Option<Timestamp>,
}

/// The end of a certificate's life, in which every day brings a warning: a third of it, and no more
/// than so many seconds.
const LAST_DAYS: i64 = 30 * 86_400;

impl<'a> Reporter<'a> {
    /// Has told nothing yet.
    pub fn new(log: &'a dyn Log, supervisor: &'a dyn Supervisor) -> Self {
        Self { log, supervisor, told: RefCell::default() }
    }

    /// Tells of an identity that was taken into use.
    fn identity(&self, serial: &str, subject: &str, not_before: Timestamp, not_after: Timestamp) {
        self.log.event(
            Level::Info,
            "identity in use",
            &[("serial", &serial), ("subject", &subject), ("not_after", &not_after)],
        );
        let third = not_before.seconds_until(not_after) / 3;
        let near = not_after.after(-third.min(LAST_DAYS));
        let mut told = self.told.borrow_mut();
        told.end = Some(CertificateEnd { not_after, near, warned: None });
        told.unusable = None;
    }

    /// Tells once of a password that the key has no use for.
    fn unused_password(&self, option: Option<&String>) {
        let mut told = self.told.borrow_mut();
        if let Some(option) = option.filter(|_| !told.password) {
            told.password = true;
            self.log.event(Level::Info, UNUSED_PASSWORD, &[("option", &option)]);
        }
    }

    /// Tells why an identity could not be taken into use, once as long as that stays the same.
    fn unusable(&self, error: &Arc<ProviderError>) {
        let reason = Error::from(error).words();
        let mut told = self.told.borrow_mut();
        if told.unusable.as_ref() == Some(&reason) {
            return;
        }
        let what = match told.end {
            Some(_) => "the identity's files changed and make none yet; the one in use stays",
            None => "the identity's files make none yet",
        };
        self.log.event(Level::Warning, what, &[("reason", &reason)]);
        told.unusable = Some(reason);
    }

    fn warn_of_the_last_days(&self, now: Timestamp) {
        let mut told = self.told.borrow_mut();
        let Some(end) = &mut told.end else { return };
        let today = end.warned.is_some_and(|warned| warned.seconds_until(now) < 86_400);
        if now >= end.near && !today {
            end.warned = Some(now);
            let days = now.seconds_until(end.not_after) / 86_400;
            self.log.event(
                Level::Warning,
                "the certificate ends soon: renew it",
                &[("not_after", &end.not_after), ("days", &days)],
            );
        }
    }
}

impl Observer for Reporter<'_> {
    fn reload_started(&self) {
        self.supervisor.reloading();
        self.log.event(Level::Info, "files are read anew", &[]);
    }

    fn reload_finished(&self) {
        self.supervisor.ready();
    }

    fn identity_read(&self, found: Result<&ReloadOutcome, &Arc<ProviderError>>) {
        match found {
            Ok(ReloadOutcome::NewIdentity {
                serial,
                subject,
                not_before,
                not_after,
                unused_password,
            }) => {
                self.identity(serial, subject, *not_before, *not_after);
                self.unused_password(unused_password.as_ref());
            }
            // What is wrong with the files next is news.
            Ok(ReloadOutcome::Unchanged) => self.told.borrow_mut().unusable = None,
            Ok(ReloadOutcome::Skipped) => {}
            Err(error) => self.unusable(error),
        }
    }

    fn session_received(&self, session: &Session, now: Timestamp) {
        let offset = session.clock_offset;
        let told_offset = self.told.borrow().offset;
        if is_news(offset, told_offset) {
            self.told.borrow_mut().offset = offset;
            let (level, what) = match offset {
                0 => (Level::Info, "this machine's clock is AWS's again"),
                _ => {
                    let what = "this machine's clock is not AWS's: set it, and keep it set by NTP";
                    (Level::Warning, what)
                }
            };
            self.log.event(level, what, &[("seconds_behind", &offset)]);
        }
        let expiration = session.credentials.expiration;
        self.log.event(
            Level::Info,
            "session received",
            &[
                ("access_key_id", &session.credentials.access_key_id),
                ("expiration", &expiration),
                ("seconds", &session.life),
            ],
        );
        self.supervisor.status(&format!("a session until {expiration} is in hand"));
        self.warn_of_the_last_days(now);
    }

    fn refresh_failed(&self, error: &Arc<ProviderError>, held: Option<&Session>, next: Next) {
        let error = Error::from(error);
        let (level, what) = match held {
            Some(_) => (Level::Warning, "refresh failed; the session in hand is still good"),
            None => (Level::Error, "refresh failed; there is nothing to hand out"),
        };
        let again = match next {
            Next::Fetch => 0,
            Next::Wait(pause) => pause.as_secs(),
        };
        let fields: [Field<'_>; 2] = [("reason", &error.words()), ("seconds_to_next_try", &again)];
        self.log.event(level, what, &fields);
        let status = held.map_or_else(
            || error.summary(),
            |session| {
                let expiration = session.credentials.expiration;
                format!("a session until {expiration} is in hand; the last refresh failed")
            },
        );
        self.supervisor.status(&status);
    }

    fn watchdog(&self) {
        self.supervisor.watchdog();
    }

    fn watchdog_interval(&self) -> Option<Duration> {
        self.supervisor.watchdog_interval()
    }
}

/// The fewest seconds by which a clock offset has to change to be told again: each answer is a second
/// or two off, and clocks drift.
const NEWS: u64 = 60;

/// Returns whether a clock offset of so many seconds is news after the one that was `told`.
fn is_news(offset: i64, told: i64) -> bool {
    let offset = if offset.unsigned_abs() < SKEW { 0 } else { offset };
    (offset == 0) != (told == 0) || offset.abs_diff(told) >= NEWS
}

#[cfg(test)]
mod tests;
