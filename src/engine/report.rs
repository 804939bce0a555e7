//! What the operator is told of identities and sessions: in the log, and by the supervisor's status.

use crate::board::{Standing, Trouble};
use crate::credentials::Session;
use crate::error::Error;
use crate::log::{Fact, Level, Log};
use crate::refresh::Next;
use crate::time::Timestamp;
use crate::world::Supervisor;

/// Tells the operator, and remembers what need not be told again.
pub(super) struct Reporter<'a> {
    log: &'a dyn Log,
    supervisor: &'a dyn Supervisor,
    /// The end of the certificate in use.
    end: Option<CertificateEnd>,
    /// The last words about an identity that could not be taken into use.
    unusable: Option<String>,
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
    pub(super) fn new(log: &'a dyn Log, supervisor: &'a dyn Supervisor) -> Self {
        Self { log, supervisor, end: None, unusable: None }
    }

    /// Tells of an identity that was taken into use.
    pub(super) fn identity(
        &mut self,
        serial: &str,
        subject: &str,
        not_before: Timestamp,
        not_after: Timestamp,
    ) {
        self.log.event(
            Level::Info,
            "identity in use",
            &[("serial", &serial), ("subject", &subject), ("not_after", &not_after)],
        );
        let third = not_before.seconds_until(not_after) / 3;
        let near = not_after.after(-third.min(LAST_DAYS));
        self.end = Some(CertificateEnd { not_after, near, warned: None });
        self.unusable = None;
    }

    /// Takes note of files that hold the identity in use: what is wrong with them next is news.
    pub(super) fn usable(&mut self) {
        self.unusable = None;
    }

    /// Tells why an identity could not be taken into use, once as long as that stays the same.
    pub(super) fn unusable(&mut self, error: &Error) {
        let reason = error.words();
        if self.unusable.as_ref() == Some(&reason) {
            return;
        }
        let what = match self.end {
            Some(_) => "the identity's files changed and make none yet; the one in use stays",
            None => "the identity's files make none yet",
        };
        self.log.event(Level::Warning, what, &[("reason", &reason)]);
        self.unusable = Some(reason);
    }

    /// Tells of a session that came at `now`, `before` being how it stood until then.
    pub(super) fn received(&mut self, session: &Session, before: &Standing, now: Timestamp) {
        let offset = session.clock_offset;
        if offset != before.clock_offset {
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

    /// Tells of a refresh that failed, what is in hand nevertheless, and when the next one is due.
    pub(super) fn failed(&self, trouble: &Trouble, in_hand: Option<&Session>, next: Next) {
        let (level, what) = match in_hand {
            Some(_) => (Level::Warning, "refresh failed; the session in hand is still good"),
            None => (Level::Error, "refresh failed; there is nothing to hand out"),
        };
        let again = match next {
            Next::Fetch => 0,
            Next::Wait(pause) => pause.as_secs(),
        };
        let facts: [Fact<'_>; 2] = [("reason", &trouble.message), ("seconds_to_next_try", &again)];
        self.log.event(level, what, &facts);
        let status = in_hand.map_or_else(
            || trouble.summary(),
            |session| {
                let expiration = session.credentials.expiration;
                format!("a session until {expiration} is in hand; the last refresh failed")
            },
        );
        self.supervisor.status(&status);
    }

    fn warn_of_the_last_days(&mut self, now: Timestamp) {
        let Some(end) = &mut self.end else { return };
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use super::*;
    use crate::credentials::Credentials;
    use crate::error::Kind;
    use crate::secret::Secret;

    /// What was told, one after the other.
    #[derive(Default)]
    struct Told(RefCell<Vec<String>>);

    impl Told {
        fn take(&self) -> Vec<String> {
            self.0.take()
        }
    }

    impl Log for Told {
        fn event(&self, level: Level, what: &str, facts: &[Fact<'_>]) {
            let facts: String = facts.iter().map(|(n, value)| format!(" {n}={value}")).collect();
            self.0.borrow_mut().push(format!("{level:?} {what}{facts}"));
        }
    }

    impl Supervisor for Told {
        fn ready(&self) {}
        fn reloading(&self) {}
        fn stopping(&self) {}
        fn alive(&self) {}
        fn status(&self, status: &str) {
            self.0.borrow_mut().push(format!("status {status}"));
        }
        fn interval(&self) -> Option<Duration> {
            None
        }
    }

    fn session(clock_offset: i64) -> Session {
        let credentials = Credentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Secret::new("secret".to_owned()),
            session_token: Secret::new("token".to_owned()),
            expiration: Timestamp::from_unix(3_600),
            account_id: "123456789012".to_owned(),
        };
        Session { credentials, received: Timestamp::from_unix(0), life: 3_600, clock_offset }
    }

    fn standing(clock_offset: i64) -> Standing {
        Standing { clock_offset, ..Standing::default() }
    }

    #[test]
    fn tells_of_a_clock_that_goes_wrong_and_of_one_that_was_set() {
        let told = Told::default();
        let mut reporter = Reporter::new(&told, &told);
        let mut first = |before, now| {
            reporter.received(&session(now), &standing(before), Timestamp::from_unix(0));
            told.take().swap_remove(0)
        };
        let wrong = first(0, 7_200);
        assert!(wrong.starts_with("Warning this machine's clock is not AWS's"), "{wrong}");
        assert!(wrong.ends_with("seconds_behind=7200"), "{wrong}");
        assert!(first(7_200, 7_200).starts_with("Info session received"));
        assert!(first(7_200, 0).starts_with("Info this machine's clock is AWS's again"));
    }

    #[test]
    fn warns_of_the_end_of_a_certificate_once_a_day() {
        const DAY: i64 = 86_400;
        let told = Told::default();
        let mut reporter = Reporter::new(&told, &told);
        let mut warned = |life: i64, day: i64| {
            let (from, until) = (Timestamp::from_unix(0), Timestamp::from_unix(life * DAY));
            if day == 0 {
                reporter.identity("1", "CN=a", from, until);
            }
            reporter.received(&session(0), &standing(0), from.after(day * DAY));
            let told = told.take();
            told.iter()
                .find_map(|line| line.split_once("ends soon")?.1.split_once("days="))
                .map(|(_, days)| days.to_owned())
        };
        // A year: the last thirty days; nine days: the last three.
        assert_eq!([0, 334, 335].map(|day| warned(365, day)), [None, None, Some("30".to_owned())]);
        assert_eq!([0, 5, 6].map(|day| warned(9, day)), [None, None, Some("3".to_owned())]);
        assert_eq!([6, 7].map(|day| warned(9, day)), [None, Some("2".to_owned())]);
    }

    #[test]
    fn tells_why_files_make_no_identity_once() {
        let told = Told::default();
        let mut reporter = Reporter::new(&told, &told);
        let error = |why: &'static str| Error::new(Kind::Identity, std::io::Error::other(why));
        reporter.unusable(&error("no key"));
        reporter.unusable(&error("no key"));
        assert_eq!(told.take().len(), 1);
        reporter.unusable(&error("another key"));
        assert_eq!(told.take().len(), 1);
        reporter.identity("1", "CN=a", Timestamp::from_unix(0), Timestamp::from_unix(9));
        told.take();
        reporter.unusable(&error("another key"));
        assert!(told.take()[0].contains("the one in use stays"));
    }
}
