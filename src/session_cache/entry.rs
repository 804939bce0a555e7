//! The contents of an entry: a line with a checksum, then a session as JSON.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::session_cache::key::CacheKey;
use roles_anywhere_client::arn::{ProfileArn, RoleArn, TrustAnchorArn};
use roles_anywhere_client::aws::assume_role::AssumeRole;
use roles_anywhere_client::aws::create_session::SessionRequest;
use roles_anywhere_client::credentials::{
    Credentials, MAX_LIFETIME_SECONDS, RoleSessionName, Session,
};
use roles_anywhere_client::hex;
use roles_anywhere_client::provider::fallback::PrimaryBackoff;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::{Running, Timestamp};

/// A cached session and what was requested.
#[derive(Clone, Debug)]
pub struct CacheEntry {
    /// The session.
    pub session: Session,
    /// How long this machine had been running when it was cached, if that is known.
    pub stored_at: Option<Running>,
    /// The trust anchor that it was requested with.
    pub trust_anchor: TrustAnchorArn,
    /// The profile that it was requested with.
    pub profile: ProfileArn,
    /// The role of the session: of the last hop, if there is one.
    pub role: RoleArn,
    /// The session name that was requested.
    pub role_session_name: Option<RoleSessionName>,
    /// When the primary trust anchor is asked again, if a fallback made the session; by the wall clock.
    pub backoff: Option<PrimaryBackoff>,
}

impl CacheEntry {
    /// Returns the entry for `session`, which `request` just obtained.
    pub fn new(request: &SessionRequest, session: Session, now: Option<Running>) -> Self {
        let SessionRequest { trust_anchor, profile, role, role_session_name, .. } = request.clone();
        let backoff = None;
        Self { session, stored_at: now, trust_anchor, profile, role, role_session_name, backoff }
    }

    /// Returns the entry with the backoff of the primary trust anchor.
    #[must_use]
    pub fn with_backoff(self, backoff: Option<PrimaryBackoff>) -> Self {
        Self { backoff, ..self }
    }

    /// Returns the entry if the session is of a hop after that of the request.
    #[must_use]
    pub fn of_hop(self, hop: &AssumeRole) -> Self {
        Self { role: hop.role.clone(), role_session_name: hop.session_name.clone(), ..self }
    }

    /// Returns the session, as old at `now` as the clock says that shows more time since.
    ///
    /// Two clocks are read because each fails in its own way: the wall clock can be set back, and the
    /// clock that counts up starts again at each boot.
    pub fn into_session(self, now: Timestamp, running: Option<&Running>) -> Session {
        let Self { mut session, stored_at, .. } = self;
        let elapsed =
            stored_at.zip(running).and_then(|(then, running)| running.seconds_since(&then));
        if let Some(elapsed) = elapsed.filter(|elapsed| *elapsed >= 0) {
            session.received = session.received.min(now.after(-elapsed));
        }
        session
    }

    /// Returns the contents of the file of `key`.
    pub fn render(&self, key: &CacheKey) -> SecretBytes {
        let Session { credentials, received, lifetime_seconds, clock_offset } = &self.session;
        let document = EntryJson {
            version: VERSION,
            access_key_id: credentials.access_key_id.as_str(),
            secret_access_key: credentials.secret_access_key.expose(),
            session_token: credentials.session_token.expose(),
            expiration: credentials.expiration.unix(),
            received: received.unix(),
            kept: self.stored_at.clone(),
            lifetime_seconds: *lifetime_seconds,
            clock_offset: *clock_offset,
            trust_anchor_arn: &self.trust_anchor.to_string(),
            profile_arn: &self.profile.to_string(),
            role_arn: &self.role.to_string(),
            role_session_name: self.role_session_name.as_ref().map(RoleSessionName::as_str),
            session_name: credentials.role_session_name.as_ref().map(RoleSessionName::as_str),
            backoff: self.backoff,
        };
        // Large enough not to grow: the smaller buffer that growing leaves behind would not be wiped.
        let mut json = Vec::with_capacity(8_192 + 2 * document.session_token.len());
        serde_json::to_writer(&mut json, &document).expect("strings and numbers serialize");
        with_checksum(key, SecretBytes::new(json).expose())
    }

    /// Parses the contents of the file of `key`; `None` if they are damaged, or are of another key.
    pub fn parse(key: &CacheKey, bytes: &[u8]) -> Option<Self> {
        let (sum, rest) = bytes.split_at_checked(2 * SHA256.output_len())?;
        let json = rest.strip_prefix(b"\n")?;
        if sum != checksum(key, json).as_bytes() {
            return None;
        }
        let document: EntryJson<String, Secret> = serde_json::from_slice(json).ok()?;
        let texts = [
            document.access_key_id.as_str(),
            document.secret_access_key.expose(),
            document.session_token.expose(),
        ];
        let is_graphic = |text: &&str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_plausible = document.version == VERSION
            && LIFETIME.contains(&document.lifetime_seconds)
            && texts.iter().all(|text| !text.is_empty() && is_graphic(text));
        if !is_plausible {
            return None;
        }
        let role: RoleArn = document.role_arn.parse().ok()?;
        let role_session_name = parsed_name(document.role_session_name)?;
        let session_name = parsed_name(document.session_name)?;
        Some(Self {
            session: Session {
                credentials: Credentials {
                    access_key_id: document.access_key_id,
                    secret_access_key: document.secret_access_key,
                    session_token: document.session_token,
                    expiration: Timestamp::from_unix(document.expiration),
                    account_id: role.account().to_owned(),
                    role_session_name: session_name,
                },
                received: Timestamp::from_unix(document.received),
                lifetime_seconds: document.lifetime_seconds,
                clock_offset: document.clock_offset,
            },
            stored_at: document.kept,
            trust_anchor: document.trust_anchor_arn.parse().ok()?,
            profile: document.profile_arn.parse().ok()?,
            role,
            role_session_name,
            backoff: document.backoff,
        })
    }
}

/// Reads a name if there is one; `None` if it is not valid.
fn parsed_name(name: Option<String>) -> Option<Option<RoleSessionName>> {
    name.map_or(Some(None), |name| RoleSessionName::parse(&name).map(Some))
}

const VERSION: u8 = 2;

/// The lifetimes that an entry may have. An earlier version did not limit what it measured by a clock that
/// differed from AWS's; twice the longest lifetime leaves room for the difference.
const LIFETIME: std::ops::RangeInclusive<i64> = 1..=2 * MAX_LIFETIME_SECONDS;

/// Returns the JSON of `key` with its checksum before it.
pub fn with_checksum(key: &CacheKey, json: &[u8]) -> SecretBytes {
    SecretBytes::new([checksum(key, json).as_bytes(), b"\n", json].concat())
}

/// Returns the checksum that shows damage, and an entry that was renamed to another key.
fn checksum(key: &CacheKey, json: &[u8]) -> String {
    // All keys have the same length, so no part of the JSON can be taken for a part of the key.
    let both = SecretBytes::new([key.as_str().as_bytes(), json].concat());
    hex::encode(digest(&SHA256, both.expose()).as_ref())
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct EntryJson<T, S> {
    version: u8,
    access_key_id: T,
    secret_access_key: S,
    session_token: S,
    /// By AWS's clock, in Unix seconds.
    expiration: i64,
    /// By this machine's clock, in Unix seconds.
    received: i64,
    /// By the clock that counts up and cannot be set.
    kept: Option<Running>,
    #[serde(rename = "life")]
    lifetime_seconds: i64,
    clock_offset: i64,
    trust_anchor_arn: T,
    profile_arn: T,
    role_arn: T,
    role_session_name: Option<T>,
    /// The name that AWS gave the session. Earlier versions did not store it.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    session_name: Option<T>,
    /// Written for sessions of a fallback only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backoff: Option<PrimaryBackoff>,
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::*;
    use roles_anywhere_client::http::Trust;
    use roles_anywhere_test_support::session::request;

    /// When [`session`] was received.
    pub(in crate::session_cache) const RECEIVED: Timestamp = Timestamp::from_unix(1_440_938_160);

    pub(in crate::session_cache) fn session(lifetime_seconds: i64) -> Session {
        Session {
            credentials: Credentials {
                access_key_id: "ASIAEXAMPLE".to_owned(),
                secret_access_key: Secret::new(r#"se"cret"#.to_owned()),
                session_token: Secret::new("token".repeat(100)),
                expiration: RECEIVED.after(lifetime_seconds),
                account_id: "123456789012".to_owned(),
                role_session_name: None,
            },
            received: RECEIVED,
            lifetime_seconds,
            clock_offset: -7,
        }
    }

    fn running(boot_id: &str, seconds: i64) -> Option<Running> {
        Some(Running { boot_id: boot_id.to_owned(), seconds })
    }

    fn key(identity: u8) -> CacheKey {
        CacheKey::new(&request(), [identity; 32].into(), &Trust::System)
    }

    /// Renders an entry with its secrets.
    fn shown(entry: &CacheEntry) -> String {
        let credentials = &entry.session.credentials;
        let (key, token) = (&credentials.secret_access_key, &credentials.session_token);
        format!("{entry:?} {} {}", key.expose(), token.expose())
    }

    fn rendered() -> SecretBytes {
        CacheEntry::new(&request(), session(3_600), running("boot", 50)).render(&key(7))
    }

    #[test]
    fn parses_what_it_rendered() {
        let nameless = SessionRequest { role_session_name: None, ..request() };
        for (request, running) in [(request(), running("boot", 50)), (nameless, None)] {
            let entry = CacheEntry::new(&request, session(3_600), running);
            let read = CacheEntry::parse(&key(7), entry.render(&key(7)).expose()).unwrap();
            assert_eq!(shown(&read), shown(&entry));
        }
    }

    #[test]
    fn session_is_as_old_as_the_clock_with_more_time_says() {
        // How long the machine had been running, how long it has been now, by how much the wall
        // clock has gone, and how many seconds are left.
        let rows = [
            (running("boot", 50), running("boot", 110), 60, 3_540),
            (running("boot", 50), running("boot", 110), 90, 3_510),
            // The wall clock was set back, also to before the session was received.
            (running("boot", 50), running("boot", 110), 10, 3_540),
            (running("boot", 50), running("boot", 110), -9_999, 3_540),
            (running("boot", 50), running("boot", 3_650), 10, 0),
            // The machine was rebooted: only the wall clock tells.
            (running("boot", 50), running("other", 110), 10, 3_590),
            (running("boot", 50), running("other", 9_999), 10, 3_590),
            (running("boot", 50), running("other", 110), -1, 0),
            (running("boot", 50), running("boot", 49), 10, 3_590),
            (running("boot", 50), None, 10, 3_590),
            (None, running("boot", 110), 10, 3_590),
        ];
        for (then, running, wall, left) in rows {
            let entry = CacheEntry::new(&request(), session(3_600), then.clone());
            let now = RECEIVED.after(wall);
            let session = entry.into_session(now, running.as_ref());
            assert_eq!(session.seconds_left(now), left, "{then:?} {running:?} {wall}");
        }
    }

    #[test]
    fn refuses_an_entry_of_another_key() {
        let bytes = rendered();
        assert!(CacheEntry::parse(&key(8), bytes.expose()).is_none());
    }

    #[test]
    fn refuses_implausible_values_with_a_right_checksum() {
        let bytes = rendered();
        let json = String::from_utf8(bytes.expose()[65..].to_vec()).unwrap();
        let read = |json: &str| {
            CacheEntry::parse(&key(7), with_checksum(&key(7), json.as_bytes()).expose())
        };
        assert!(read(&json).is_some());
        let rows = [
            (r#""version":2"#, r#""version":1"#),
            (r#""version":2"#, r#""version":3"#),
            (r#""boot_id":"boot","#, ""),
            (r#""seconds":50"#, r#""seconds":50,"else":1"#),
            (r#""life":3600"#, r#""life":"3600""#),
            (r#""life":3600"#, r#""life":0"#),
            (r#""life":3600"#, r#""life":-9223372036854775808"#),
            (r#""life":3600"#, r#""life":3600,"else":1"#),
            (r#""life":3600,"#, ""),
            ("role/path/R", "role/"),
            ("trust-anchor/", "profile/"),
            ("me@host", "me host"),
            ("ASIAEXAMPLE", "ASIA\\u001b[2J"),
            ("ASIAEXAMPLE", ""),
            ("cret", "\\r\\n"),
            ("tokentoken", "token token"),
        ];
        for (from, to) in rows {
            assert!(json.contains(from), "{from}");
            assert!(read(&json.replace(from, to)).is_none(), "{to}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn refuses_a_damaged_entry(at in any::<usize>(), bits in 1_u8.., cut in any::<bool>()) {
            let mut bytes = rendered().expose().to_vec();
            let at = at % bytes.len();
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= bits;
            }
            assert!(CacheEntry::parse(&key(7), &bytes).is_none());
        }

        #[test]
        fn refuses_random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            assert!(CacheEntry::parse(&key(7), &bytes).is_none());
        }
    }
}
