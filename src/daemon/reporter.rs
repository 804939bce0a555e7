//! Reports identities and sessions to the operator: in the log, and as the supervisor's status.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::daemon::Supervisor;
use crate::output::error::Error;
use crate::output::log::events::{
    CERTIFICATE_EXPIRES_SOON, CLOCK_OFFSET_FOUND, CLOCK_OFFSET_RESOLVED, CREDENTIALS_UNAVAILABLE,
    IDENTITY_LOAD_FAILED, IDENTITY_LOADED, IDENTITY_RELOAD_FAILED, IDENTITY_RELOAD_RECOVERED,
    IDENTITY_RELOAD_SLOW, PASSWORD_UNUSED, REFRESH_FAILED, REFRESH_RECOVERED, REGION_FALLBACK,
    REGION_RESTORED, SESSION_RECEIVED, SESSION_REJECTED,
};
use crate::output::log::{Field, Log, Reasons};
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::identity::IdentityError;
use roles_anywhere_client::provider::fallback::Fetched;
use roles_anywhere_client::provider::{ProviderError, SKEW};
use roles_anywhere_client::refresh::Next;
use roles_anywhere_client::refresh::observer::Observer;
use roles_anywhere_client::refresh::session_source::ReloadOutcome;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::time::Timestamp;

/// Reports to the operator, and remembers what was reported already.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct Reporter {
    log: Arc<dyn Log>,
    supervisor: Arc<dyn Supervisor>,
    reported: Mutex<Reported>,
}

/// What was reported already.
#[derive(Default)]
struct Reported {
    /// The expiry of the current certificate.
    end: Option<CertificateEnd>,
    /// The last reported reason why an identity could not be loaded.
    unusable: Option<Reasons>,
    /// Whether an unused password was reported.
    password: bool,
    /// The last reported clock offset.
    offset: i64,
    /// The number of failed refreshes since the last successful one.
    failures: u64,
    /// Why an earlier session of the chain of roles could not be renewed, as last reported, and how many
    /// sessions were received since.
    renewal: Option<(Reasons, u64)>,
    /// The Region of the fallback that makes the sessions, if one does.
    fallback: Option<Region>,
}

/// When a certificate expires, and when that was last reported.
struct CertificateEnd {
    not_after: Timestamp,
    /// When the warnings begin.
    near: Timestamp,
    /// When the last warning was logged.
    warned: Option<Timestamp>,
}

/// The most seconds before the expiry of a certificate with a warning each day. It is a third of the
/// certificate's validity if that is shorter.
const EXPIRY_WARNING_SECONDS: i64 = 30 * 86_400;

/// Returns when it is first reported that a certificate expires soon.
pub(super) fn warnings_begin(not_before: Timestamp, not_after: Timestamp) -> Timestamp {
    let third = not_before.seconds_until(not_after) / 3;
    not_after.after(-third.min(EXPIRY_WARNING_SECONDS))
}

impl Reporter {
    /// Starts with nothing reported.
    pub fn new(log: Arc<dyn Log>, supervisor: Arc<dyn Supervisor>) -> Self {
        Self { log, supervisor, reported: Mutex::default() }
    }

    /// Reports an identity that was loaded.
    fn identity(&self, serial: &str, subject: &str, not_before: Timestamp, not_after: Timestamp) {
        self.log.event(
            &IDENTITY_LOADED,
            &[("serial", &serial), ("subject", &subject), ("not_after", &not_after)],
        );
        let near = warnings_begin(not_before, not_after);
        let mut reported = self.reported();
        reported.end = Some(CertificateEnd { not_after, near, warned: None });
        reported.unusable = None;
    }

    /// Reports once that the key does not need a password.
    fn unused_password(&self, option: Option<&String>) {
        let mut reported = self.reported();
        if let Some(option) = option.filter(|_| !reported.password) {
            reported.password = true;
            self.log.event(&PASSWORD_UNUSED, &[("option", &option)]);
        }
    }

    /// Reports why an identity could not be loaded, once for each reason.
    fn unusable(&self, error: &Arc<ProviderError>) {
        let (reason, hint) = Error::from(error).log_fields();
        let mut reported = self.reported();
        if reported.unusable.as_ref() == Some(&reason) {
            return;
        }
        let is_slow = matches!(&**error, ProviderError::Identity { source, .. } if matches!(**source, IdentityError::TooSlow { .. }));
        let event = match reported.end {
            Some(_) if is_slow => &IDENTITY_RELOAD_SLOW,
            Some(_) => &IDENTITY_RELOAD_FAILED,
            None => &IDENTITY_LOAD_FAILED,
        };
        self.log.event(event, &[("reason", &reason), ("hint", &hint)]);
        reported.unusable = Some(reason);
    }

    /// Reports that the identity in use can be read again, if it could not be.
    fn usable_again(&self) {
        if self.reported().unusable.take().is_some() {
            self.log.event(&IDENTITY_RELOAD_RECOVERED, &[]);
        }
    }

    /// Returns until when `session` is valid, and of which fallback it is.
    fn validity(&self, session: &Session) -> String {
        let expiration = session.credentials.expiration;
        match &self.reported().fallback {
            Some(region) => {
                format!("the session is valid until {expiration} (fallback {region})")
            }
            None => format!("the session is valid until {expiration}"),
        }
    }

    fn reported(&self) -> MutexGuard<'_, Reported> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn warn_before_expiry(&self, now: Timestamp) {
        let mut reported = self.reported();
        let Some(end) = &mut reported.end else { return };
        let today = end.warned.is_some_and(|warned| warned.seconds_until(now) < 86_400);
        if now >= end.near && !today {
            end.warned = Some(now);
            let days = now.seconds_until(end.not_after).max(0) / 86_400;
            let fields: [Field<'_>; 2] = [("not_after", &end.not_after), ("days_left", &days)];
            self.log.event(&CERTIFICATE_EXPIRES_SOON, &fields);
        }
    }
}

impl Observer for Reporter {
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
            // The next problem of the files is reported again, even if it is the same.
            Ok(ReloadOutcome::SameIdentity { unused_password }) => {
                self.usable_again();
                self.unused_password(unused_password.as_ref());
            }
            Ok(ReloadOutcome::Unchanged) => self.usable_again(),
            Ok(ReloadOutcome::Pending | ReloadOutcome::Skipped) => {}
            Err(error) => self.unusable(error),
        }
    }

    fn session_received(&self, session: &Session, now: Timestamp) {
        let offset = session.clock_offset;
        let reported_offset = self.reported().offset;
        if must_report_offset(offset, reported_offset) {
            self.reported().offset = offset;
            let seconds = offset.unsigned_abs();
            match offset {
                0 => self.log.event(&CLOCK_OFFSET_RESOLVED, &[]),
                1.. => self.log.event(&CLOCK_OFFSET_FOUND, &[("seconds_behind", &seconds)]),
                _ => self.log.event(&CLOCK_OFFSET_FOUND, &[("seconds_ahead", &seconds)]),
            }
        }
        let expiration = session.credentials.expiration;
        self.log.event(
            &SESSION_RECEIVED,
            &[
                ("access_key_id", &session.credentials.access_key_id),
                ("expiration", &expiration),
                ("lifetime_seconds", &session.lifetime_seconds),
            ],
        );
        let failures = std::mem::take(&mut self.reported().failures);
        if failures > 0 {
            self.log.event(&REFRESH_RECOVERED, &[("failures", &failures)]);
        }
        self.supervisor.status(&self.validity(session));
        self.warn_before_expiry(now);
    }

    fn chain_renewed(&self, session: &Session, error: Option<&Arc<ProviderError>>, next: Next) {
        let Some(error) = error else {
            if let Some((_, failures)) = self.reported().renewal.take() {
                self.log.event(&REFRESH_RECOVERED, &[("failures", &failures)]);
            }
            return;
        };
        let (reason, hint) = Error::from(error).log_fields();
        let status = format!("{}; the last refresh failed", self.validity(session));
        self.supervisor.status(&status);
        let mut reported = self.reported();
        match &mut reported.renewal {
            Some((known, failures)) if *known == reason => *failures += 1,
            renewal => {
                let again = seconds_until(next);
                let fields: [Field<'_>; 3] =
                    [("reason", &reason), ("hint", &hint), ("retry_in_seconds", &again)];
                self.log.event(&REFRESH_FAILED, &fields);
                let failures = renewal.as_ref().map_or(0, |(_, failures)| *failures);
                *renewal = Some((reason, failures + 1));
            }
        }
    }

    fn region_changed(&self, fetched: &Fetched) {
        let trust_anchor = fetched.made_by.trust_anchor();
        let (region, name) = (trust_anchor.region(), trust_anchor.to_string());
        let fields: [Field<'_>; 2] = [("trust_anchor", &name), ("region", &region.as_str())];
        if fetched.made_by.is_fallback() {
            let reason =
                fetched.primary_error.as_ref().map(|error| Error::from(error).log_fields().0);
            let reason = reason.as_ref().map(|reason| ("reason", reason as _));
            let fields: Vec<Field<'_>> = fields.into_iter().chain(reason).collect();
            self.log.event(&REGION_FALLBACK, &fields);
        } else {
            self.log.event(&REGION_RESTORED, &fields);
        }
        self.reported().fallback = fetched.made_by.is_fallback().then(|| region.clone());
    }

    fn session_rejected(&self, session: &Session, next: Next) {
        let (access_key_id, again) = (&session.credentials.access_key_id, seconds_until(next));
        let fields: [Field<'_>; 2] =
            [("access_key_id", access_key_id), ("retry_in_seconds", &again)];
        self.log.event(&SESSION_REJECTED, &fields);
    }

    fn refresh_failed(&self, error: &Arc<ProviderError>, held: Option<&Session>, next: Next) {
        let error = Error::from(error);
        self.reported().failures += 1;
        let event = match held {
            Some(_) => &REFRESH_FAILED,
            None => &CREDENTIALS_UNAVAILABLE,
        };
        let again = seconds_until(next);
        let (reason, hint) = error.log_fields();
        let fields: [Field<'_>; 3] =
            [("reason", &reason), ("hint", &hint), ("retry_in_seconds", &again)];
        self.log.event(event, &fields);
        let status = held.map_or_else(
            || error.summary(),
            |session| format!("{}; the last refresh failed", self.validity(session)),
        );
        self.supervisor.status(&status);
    }
}

fn seconds_until(next: Next) -> u64 {
    match next {
        Next::Fetch => 0,
        Next::Wait(pause) => pause.as_secs(),
    }
}

/// The smallest change of the clock offset that is reported, in seconds. Each measurement is off by a
/// second or two, and clocks drift.
const MIN_OFFSET_CHANGE: u64 = 60;

/// Returns whether a clock offset has to be reported after the one that was `reported`, both in seconds.
fn must_report_offset(offset: i64, reported: i64) -> bool {
    let offset = if offset.unsigned_abs() < SKEW { 0 } else { offset };
    (offset == 0) != (reported == 0) || offset.abs_diff(reported) >= MIN_OFFSET_CHANGE
}

#[cfg(test)]
mod tests;
