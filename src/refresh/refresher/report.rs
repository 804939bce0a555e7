//! What the operator is told of identities and sessions: in the log, and by the supervisor's status.

use crate::credentials::Session;
use crate::output::error::Error;
use crate::output::log::{Fact, Level, Log};
use crate::ports::Supervisor;
use crate::provider::{SKEW, UNUSED_PASSWORD};
use crate::refresh::schedule::Next;
use crate::refresh::status::Trouble;
use crate::time::Timestamp;

/// Tells the operator, and remembers what need not be told again.
pub(super) struct Reporter<'a> {
    log: &'a dyn Log,
    supervisor: &'a dyn Supervisor,
    /// The end of the certificate in use.
    end: Option<CertificateEnd>,
    /// The last words about an identity that could not be taken into use.
    unusable: Option<String>,
    /// Whether it was told that a password is of no use.
    told_of_password: bool,
    /// The last clock offset that was told.
    told_offset: i64,
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
        Self { log, supervisor, end: None, unusable: None, told_of_password: false, told_offset: 0 }
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

    /// Tells once of a password that the key has no use for.
    pub(super) fn unused_password(&mut self, option: Option<String>) {
        if let Some(option) = option.filter(|_| !self.told_of_password) {
            self.told_of_password = true;
            self.log.event(Level::Info, UNUSED_PASSWORD, &[("option", &option)]);
        }
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

    /// Tells of a session that came at `now`.
    pub(super) fn received(&mut self, session: &Session, now: Timestamp) {
        let offset = session.clock_offset;
        if is_news(offset, self.told_offset) {
            self.told_offset = offset;
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

/// The fewest seconds by which a clock offset has to change to be told again: each answer is a second
/// or two off, and clocks drift.
const NEWS: u64 = 60;

/// Returns whether a clock offset of so many seconds is news after the one that was `told`.
fn is_news(offset: i64, told: i64) -> bool {
    let offset = if offset.unsigned_abs() < SKEW { 0 } else { offset };
    (offset == 0) != (told == 0) || offset.abs_diff(told) >= NEWS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_that_wavers_is_told_once() {
        let rows = [
            (0, 0, false),
            (6, 0, false),
            (240, 0, true),
            (0, 240, true),
            (241, 240, false),
            (-299, -240, false),
            (300, 240, true),
        ];
        for (offset, told, expected) in rows {
            assert_eq!(is_news(offset, told), expected, "{offset} {told}");
        }
    }
}
