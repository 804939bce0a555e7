//! Reports the sessions of a process that follows references: each problem once for each cause.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use super::reporter::warnings_begin;
use crate::output::error::Error;
use crate::output::log::events::{
    CERTIFICATE_EXPIRES_SOON, CREDENTIALS_UNAVAILABLE, REFRESH_FAILED, REFRESH_RECOVERED,
};
use crate::output::log::{Field, Log};
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::provider::ProviderError;
use roles_anywhere_client::time::Timestamp;

/// What was reported of the sessions of a role.
#[derive(Debug, Default)]
pub struct SessionReport {
    failing: RefCell<Option<FailingSession>>,
    /// When the certificate was last looked at.
    looked: Cell<Option<Timestamp>>,
    /// When it was last reported that it expires soon.
    warned: Cell<Option<Timestamp>>,
}

/// Why there is no new session, as it was reported.
#[derive(Debug)]
struct FailingSession {
    cause: ReportedCause,
    /// Whether the session before was valid.
    is_valid: bool,
    /// The number of attempts that failed.
    failures: u64,
    /// The first error with this cause: that of a later one may tell another time.
    error: Option<Arc<ProviderError>>,
}

/// What two errors have in common that are reported once.
#[derive(Debug, Eq, PartialEq)]
enum ReportedCause {
    Code(&'static str),
    Text(String),
}

/// How often the certificate is read, in seconds.
const LOOK_INTERVAL: i64 = 3_600;
/// The seconds between two warnings.
const DAY: i64 = 86_400;

impl SessionReport {
    /// Reports an attempt to have a session. `is_valid` says whether the one before can still be used, and
    /// `pause` is the time until the next attempt.
    pub fn attempted(
        &self,
        fetched: &Result<Session, Error>,
        (is_valid, pause): (bool, Duration),
        log: &dyn Log,
    ) {
        let mut failing = self.failing.borrow_mut();
        let Err(error) = fetched else {
            if let Some(failing) = failing.take() {
                log.event(&REFRESH_RECOVERED, &[("failures", &failing.failures)]);
            }
            return;
        };
        let provider_error = error.provider_error();
        let cause = match provider_error {
            Some(error) => ReportedCause::Code(error.code()),
            None => ReportedCause::Text(error.summary()),
        };
        let failures = failing.as_ref().map_or(0, |known| known.failures) + 1;
        match &mut *failing {
            Some(known) if known.cause == cause && known.is_valid == is_valid => {
                known.failures = failures;
            }
            _ => {
                let event = if is_valid { &REFRESH_FAILED } else { &CREDENTIALS_UNAVAILABLE };
                let ((reason, hint), seconds) = (error.log_fields(), pause.as_secs());
                let fields: [Field<'_>; 3] =
                    [("reason", &reason), ("hint", &hint), ("retry_in_seconds", &seconds)];
                log.event(event, &fields);
                let error = provider_error.map(Arc::clone);
                *failing = Some(FailingSession { cause, is_valid, failures, error });
            }
        }
    }

    /// Returns why there is no new session, with the text that was reported.
    pub fn error(&self) -> Option<Error> {
        let failing = self.failing.borrow();
        failing.as_ref().and_then(|failing| failing.error.as_ref()).map(Error::from)
    }

    /// Returns whether the certificate is to be looked at again, and remembers that it is.
    pub fn look_at_certificate(&self, now: Timestamp) -> bool {
        let is_due = is_past(self.looked.get(), LOOK_INTERVAL, now);
        if is_due {
            self.looked.set(Some(now));
        }
        is_due
    }

    /// Reports that the certificate expires soon, once a day.
    pub fn certificate(
        &self,
        (not_before, not_after): (Timestamp, Timestamp),
        now: Timestamp,
        log: &dyn Log,
    ) {
        if now < warnings_begin(not_before, not_after) || !is_past(self.warned.get(), DAY, now) {
            return;
        }
        self.warned.set(Some(now));
        let days = now.seconds_until(not_after).max(0) / DAY;
        let fields: [Field<'_>; 2] = [("not_after", &not_after), ("days_left", &days)];
        log.event(&CERTIFICATE_EXPIRES_SOON, &fields);
    }
}

fn is_past(last: Option<Timestamp>, seconds: i64, now: Timestamp) -> bool {
    last.is_none_or(|last| last.seconds_until(now) >= seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::run::RunError;
    use crate::test_support::RecordingLog;
    use roles_anywhere_client::credentials::Credentials;
    use roles_anywhere_client::provider::ErrorKind;
    use roles_anywhere_client::secret::Secret;

    const NOW: Timestamp = Timestamp::from_unix(1_440_938_160);

    fn session() -> Session {
        Session {
            credentials: Credentials {
                access_key_id: "ASIAEXAMPLE".to_owned(),
                secret_access_key: Secret::new("secret".to_owned()),
                session_token: Secret::new("token".to_owned()),
                expiration: NOW.after(3_600),
                account_id: "123456789012".to_owned(),
                role_session_name: None,
            },
            received: NOW,
            lifetime_seconds: 3_600,
            clock_offset: 0,
        }
    }

    fn failure(reason: &str) -> Result<Session, Error> {
        let (kind, reason) = (ErrorKind::Unreachable, reason.to_owned());
        let hints = vec!["check the network".to_owned()];
        Err(RunError::InAnotherProcess { kind, reason, hints }.into())
    }

    #[test]
    fn each_cause_is_reported_once_and_its_end() {
        let (report, log) = (SessionReport::default(), RecordingLog::default());
        let attempted = |fetched, is_valid| {
            report.attempted(&fetched, (is_valid, Duration::from_secs(60)), &log);
        };
        attempted(Ok(session()), true);
        assert!(log.events().is_empty());
        attempted(failure("no network"), true);
        attempted(failure("no network"), true);
        attempted(failure("refused"), true);
        // The session has expired.
        attempted(failure("refused"), false);
        attempted(failure("refused"), false);
        attempted(Ok(session()), true);
        attempted(Ok(session()), true);
        let lines = log.lines();
        let events: Vec<_> = lines.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
        assert_eq!(
            events,
            ["refresh_failed", "refresh_failed", "credentials_unavailable", "refresh_recovered"]
        );
        assert!(lines[0].contains("no network") && lines[0].contains("check the network"));
        assert!(lines[0].contains("retry_in_seconds=60"), "{lines:?}");
        assert!(lines[3].contains("failures=5"), "{lines:?}");
    }

    #[test]
    fn a_certificate_that_expires_soon_is_reported_once_a_day() {
        let (report, log) = (SessionReport::default(), RecordingLog::default());
        let (begin, end) = (NOW, NOW.after(90 * DAY));
        let mut warned = 0;
        for hours in 0..90 * 24 {
            let now = begin.after(hours * 3_600);
            assert!(report.look_at_certificate(now) && !report.look_at_certificate(now));
            report.certificate((begin, end), now, &log);
            warned = log.events().len();
        }
        assert_eq!(warned, 30);
        report.certificate((begin, end), end.after(DAY), &log);
        assert!(log.lines()[30].contains("days_left=0"), "{:?}", log.lines()[30]);
    }
}
