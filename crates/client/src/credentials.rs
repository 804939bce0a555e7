//! AWS credentials: temporary ones, and access keys.

pub mod access_key_id;

use crate::secret::Secret;
use crate::time::Timestamp;

/// The longest lifetime of a session that AWS issues: 12 hours.
pub const MAX_LIFETIME_SECONDS: i64 = 43_200;

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
    /// The name of the session; `None` if AWS's response does not tell it.
    pub role_session_name: Option<RoleSessionName>,
}

/// An access key: a long-term one, or with a token that of a session. `Debug` shows the id only.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// Its public identifier, safe to log.
    pub id: String,
    /// The signing secret.
    pub secret: Secret,
    /// The token that is sent with every request; `None` for a long-term key.
    pub session_token: Option<Secret>,
}

impl From<&Credentials> for AccessKey {
    fn from(credentials: &Credentials) -> Self {
        Self {
            id: credentials.access_key_id.clone(),
            secret: credentials.secret_access_key.clone(),
            session_token: Some(credentials.session_token.clone()),
        }
    }
}

/// A name of 2 to 64 letters, digits and `_+=,.@-`, as STS accepts it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoleSessionName(String);

impl RoleSessionName {
    /// Returns the name if STS accepts it.
    pub fn parse(name: &str) -> Option<Self> {
        let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        ((2..=64).contains(&name.len()) && name.chars().all(legal)).then(|| Self(name.to_owned()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Credentials as they were received, and their lifetime.
#[derive(Clone, Debug)]
pub struct Session {
    /// The credentials.
    pub credentials: Credentials,
    /// When they were received.
    pub received: Timestamp,
    /// Lifetime in seconds when received, measured by AWS's clock.
    pub lifetime_seconds: i64,
    /// Seconds that this machine's clock is behind AWS's; 0 if not measured.
    pub clock_offset: i64,
}

impl Session {
    /// Returns the remaining seconds at `now`; 0 after expiry.
    ///
    /// Only the time since receipt counts, so a wrong clock offset has no effect. If `now` is before
    /// `received`, returns 0.
    pub fn seconds_left(&self, now: Timestamp) -> i64 {
        let elapsed = self.received.seconds_until(now);
        if elapsed < 0 {
            return 0;
        }
        (self.lifetime_seconds - elapsed).max(0)
    }
}

/// Whether a session can be used, and whether it is time to refresh it.
///
/// The session cache of the program and the refresher of a daemon use different rules: processes that
/// share a cache must agree, but the hosts of a fleet must spread their calls.
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
    fn lifetime_counts_from_receipt() {
        let received = Timestamp::from_unix(1_440_938_160);
        let session = Session {
            credentials: Credentials {
                access_key_id: "ASIAEXAMPLE".to_owned(),
                secret_access_key: Secret::new("secret".to_owned()),
                session_token: Secret::new("token".to_owned()),
                // The clock of this machine is two hours ahead.
                expiration: received.after(3_600 - 7_200),
                account_id: "123456789012".to_owned(),
                role_session_name: None,
            },
            received,
            lifetime_seconds: 3_600,
            clock_offset: -7_200,
        };
        let rows = [(0, 3_600), (60, 3_540), (3_600, 0), (9_999, 0), (-1, 0)];
        for (elapsed, left) in rows {
            assert_eq!(session.seconds_left(received.after(elapsed)), left, "{elapsed}");
        }
    }
}
