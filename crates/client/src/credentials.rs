//! Temporary AWS credentials.

use crate::secret::Secret;
use crate::time::Timestamp;

/// One set of temporary credentials, as AWS issued it.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Public identifier, safe to log.
    pub access_key_id: String,
    /// The signing secret.
    pub secret_access_key: Secret,
    /// The token that is sent with every request.
    pub session_token: Secret,
    /// When AWS stops accepting them.
    pub expiration: Timestamp,
    /// The account of the role, twelve digits.
    pub account_id: String,
}

/// Credentials as they were received, and how long they are valid from then on.
#[derive(Clone, Debug)]
pub struct Session {
    /// The credentials.
    pub credentials: Credentials,
    /// When they were received, by this machine's clock.
    pub received: Timestamp,
    /// How many seconds they were valid for when they were received, by AWS's clock.
    pub life: i64,
    /// By how many seconds this machine's clock is behind AWS's; 0 if AWS was not asked.
    pub clock_offset: i64,
}

impl Session {
    /// Returns the remaining seconds at `now`, by this machine's clock; 0 if they have expired.
    ///
    /// The time since they were received counts, so a clock that is wrong all the time does no harm. If
    /// `now` is before they were received, the clock was set and nothing is known: 0.
    pub fn left(&self, now: Timestamp) -> i64 {
        let elapsed = self.received.seconds_until(now);
        if elapsed < 0 {
            return 0;
        }
        (self.life - elapsed).max(0)
    }
}

/// Whether a session can be used, and whether it is time to refresh it.
///
/// The session cache of the program and the refresher of a daemon each decide by a rule of their own:
/// processes that share a cache have to agree, while the hosts of a fleet must not call all at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// It can be used.
    Fresh,
    /// It can be used, and the next one is to be fetched.
    Due,
    /// It cannot be used.
    Expired,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_from_when_it_came_whatever_the_clock_says() {
        let received = Timestamp::from_unix(1_440_938_160);
        let session = Session {
            credentials: Credentials {
                access_key_id: "ASIAEXAMPLE".to_owned(),
                secret_access_key: Secret::new("secret".to_owned()),
                session_token: Secret::new("token".to_owned()),
                // The clock of this machine is two hours ahead.
                expiration: received.after(3_600 - 7_200),
                account_id: "123456789012".to_owned(),
            },
            received,
            life: 3_600,
            clock_offset: -7_200,
        };
        let rows = [(0, 3_600), (60, 3_540), (3_600, 0), (9_999, 0), (-1, 0)];
        for (elapsed, left) in rows {
            assert_eq!(session.left(received.after(elapsed)), left, "{elapsed}");
        }
    }
}
