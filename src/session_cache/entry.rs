//! What a file of the cache holds: a line with a check sum, and a session as JSON.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::session_cache::key::{Name, hex};
use roles_anywhere_client::arn::{ProfileArn, RoleArn, TrustAnchorArn};
use roles_anywhere_client::aws::create_session::{RoleSessionName, SessionRequest};
use roles_anywhere_client::credentials::{Credentials, Session};
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::{Running, Timestamp};

/// A kept session, and what was asked for.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The session.
    pub session: Session,
    /// How long this machine had been running when it was kept, where that is known.
    pub kept: Option<Running>,
    /// Whose trust it stands on.
    pub trust_anchor: TrustAnchorArn,
    /// The profile that it was made by.
    pub profile: ProfileArn,
    /// The role.
    pub role: RoleArn,
    /// The name that was asked for.
    pub role_session_name: Option<RoleSessionName>,
}

impl Entry {
    /// Joins a session that came just now and what was asked for.
    pub fn new(request: &SessionRequest, session: Session, now: Option<Running>) -> Self {
        let SessionRequest { trust_anchor, profile, role, role_session_name, .. } = request.clone();
        Self { session, kept: now, trust_anchor, profile, role, role_session_name }
    }

    /// Returns the session, received so long before `now` as the clock says that has gone further
    /// since: people set the wall clock, and the other one starts anew with the machine.
    pub fn into_session(self, now: Timestamp, running: Option<&Running>) -> Session {
        let Self { mut session, kept, .. } = self;
        let elapsed = kept.zip(running).and_then(|(kept, running)| running.seconds_since(&kept));
        if let Some(elapsed) = elapsed.filter(|elapsed| *elapsed >= 0) {
            session.received = session.received.min(now.after(-elapsed));
        }
        session
    }

    /// Renders what is kept as `name`.
    pub fn render(&self, name: &Name) -> SecretBytes {
        let Session { credentials, received, life, clock_offset } = &self.session;
        let document = Document {
            version: VERSION,
            access_key_id: credentials.access_key_id.as_str(),
            secret_access_key: credentials.secret_access_key.expose(),
            session_token: credentials.session_token.expose(),
            expiration: credentials.expiration.unix(),
            received: received.unix(),
            kept: self.kept.clone(),
            life: *life,
            clock_offset: *clock_offset,
            trust_anchor_arn: &self.trust_anchor.to_string(),
            profile_arn: &self.profile.to_string(),
            role_arn: &self.role.to_string(),
            role_session_name: self.role_session_name.as_ref().map(RoleSessionName::as_str),
        };
        // Large enough not to grow: a buffer left behind by growth would not be wiped.
        let mut json = Vec::with_capacity(8_192 + 2 * document.session_token.len());
        serde_json::to_writer(&mut json, &document).expect("strings and numbers serialize");
        sealed(name, SecretBytes::new(json).expose())
    }

    /// Reads what is kept as `name`; `None` where it is not as it was written, or is another entry.
    pub fn parse(name: &Name, bytes: &[u8]) -> Option<Self> {
        let (sum, rest) = bytes.split_at_checked(2 * SHA256.output_len())?;
        let json = rest.strip_prefix(b"\n")?;
        if sum != check_sum(name, json).as_bytes() {
            return None;
        }
        let document: Document<String, Secret> = serde_json::from_slice(json).ok()?;
        let texts = [
            document.access_key_id.as_str(),
            document.secret_access_key.expose(),
            document.session_token.expose(),
        ];
        let is_graphic = |text: &&str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let makes_sense = document.version == VERSION
            && LIFE.contains(&document.life)
            && texts.iter().all(|text| !text.is_empty() && is_graphic(text));
        if !makes_sense {
            return None;
        }
        let role: RoleArn = document.role_arn.parse().ok()?;
        let role_session_name = match document.role_session_name {
            Some(name) => Some(RoleSessionName::parse(&name)?),
            None => None,
        };
        Some(Self {
            session: Session {
                credentials: Credentials {
                    access_key_id: document.access_key_id,
                    secret_access_key: document.secret_access_key,
                    session_token: document.session_token,
                    expiration: Timestamp::from_unix(document.expiration),
                    account_id: role.account().to_owned(),
                },
                received: Timestamp::from_unix(document.received),
                life: document.life,
                clock_offset: document.clock_offset,
            },
            kept: document.kept,
            trust_anchor: document.trust_anchor_arn.parse().ok()?,
            profile: document.profile_arn.parse().ok()?,
            role,
            role_session_name,
        })
    }
}

const VERSION: u8 = 2;

/// AWS makes none for longer than 12 hours; twice that leaves room for its clock.
const LIFE: std::ops::RangeInclusive<i64> = 1..=2 * 43_200;

/// Puts the check sum before the JSON that is kept as `name`.
pub fn sealed(name: &Name, json: &[u8]) -> SecretBytes {
    SecretBytes::new([check_sum(name, json).as_bytes(), b"\n", json].concat())
}

/// Returns what tells an entry from a damaged one, and from one of another name.
fn check_sum(name: &Name, json: &[u8]) -> String {
    // Names are of one length: nothing of the JSON can be taken for a part of it.
    let both = SecretBytes::new([name.as_str().as_bytes(), json].concat());
    hex(digest(&SHA256, both.expose()).as_ref())
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Document<T, S> {
    version: u8,
    access_key_id: T,
    secret_access_key: S,
    session_token: S,
    /// By AWS's clock, in Unix seconds.
    expiration: i64,
    /// By this machine's clock, in Unix seconds.
    received: i64,
    /// By the clock that nobody sets.
    kept: Option<Running>,
    life: i64,
    clock_offset: i64,
    trust_anchor_arn: T,
    profile_arn: T,
    role_arn: T,
    role_session_name: Option<T>,
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::*;
    use roles_anywhere_client::http::Trust;
    use roles_anywhere_client::test_support::session::request;

    /// When [`session`] came.
    pub(in crate::session_cache) const RECEIVED: Timestamp = Timestamp::from_unix(1_440_938_160);

    pub(in crate::session_cache) fn session(life: i64) -> Session {
        Session {
            credentials: Credentials {
                access_key_id: "ASIAEXAMPLE".to_owned(),
                secret_access_key: Secret::new(r#"se"cret"#.to_owned()),
                session_token: Secret::new("token".repeat(100)),
                expiration: RECEIVED.after(life),
                account_id: "123456789012".to_owned(),
            },
            received: RECEIVED,
            life,
            clock_offset: -7,
        }
    }

    fn running(boot_id: &str, seconds: i64) -> Option<Running> {
        Some(Running { boot_id: boot_id.to_owned(), seconds })
    }

    fn name(identity: u8) -> Name {
        Name::new(&request(), &[identity; 32], &Trust::System)
    }

    /// Shows an entry with its secrets.
    fn shown(entry: &Entry) -> String {
        let credentials = &entry.session.credentials;
        let (key, token) = (&credentials.secret_access_key, &credentials.session_token);
        format!("{entry:?} {} {}", key.expose(), token.expose())
    }

    fn rendered() -> SecretBytes {
        Entry::new(&request(), session(3_600), running("boot", 50)).render(&name(7))
    }

    #[test]
    fn reads_what_it_wrote() {
        let nameless = SessionRequest { role_session_name: None, ..request() };
        for (request, running) in [(request(), running("boot", 50)), (nameless, None)] {
            let entry = Entry::new(&request, session(3_600), running);
            let read = Entry::parse(&name(7), entry.render(&name(7)).expose()).unwrap();
            assert_eq!(shown(&read), shown(&entry));
        }
    }

    #[test]
    fn is_as_old_as_the_older_of_both_clocks_says() {
        // How long the machine had been running, how long it has been now, by how much the wall
        // clock has gone, and how many seconds are left.
        let rows = [
            (running("boot", 50), running("boot", 110), 60, 3_540),
            (running("boot", 50), running("boot", 110), 90, 3_510),
            // The wall clock was set back, be it to before the session came.
            (running("boot", 50), running("boot", 110), 10, 3_540),
            (running("boot", 50), running("boot", 110), -9_999, 3_540),
            (running("boot", 50), running("boot", 3_650), 10, 0),
            // The machine was started anew: the wall clock alone tells.
            (running("boot", 50), running("other", 110), 10, 3_590),
            (running("boot", 50), running("other", 9_999), 10, 3_590),
            (running("boot", 50), running("other", 110), -1, 0),
            (running("boot", 50), running("boot", 49), 10, 3_590),
            (running("boot", 50), None, 10, 3_590),
            (None, running("boot", 110), 10, 3_590),
        ];
        for (then, running, wall, left) in rows {
            let entry = Entry::new(&request(), session(3_600), then.clone());
            let now = RECEIVED.after(wall);
            let session = entry.into_session(now, running.as_ref());
            assert_eq!(session.left(now), left, "{then:?} {running:?} {wall}");
        }
    }

    #[test]
    fn refuses_an_entry_of_another_name() {
        let bytes = rendered();
        assert!(Entry::parse(&name(8), bytes.expose()).is_none());
    }

    #[test]
    fn refuses_what_is_whole_and_makes_no_sense() {
        let bytes = rendered();
        let json = String::from_utf8(bytes.expose()[65..].to_vec()).unwrap();
        let read = |json: &str| Entry::parse(&name(7), sealed(&name(7), json.as_bytes()).expose());
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
        fn takes_a_damaged_entry_for_none(at in any::<usize>(), bits in 1_u8.., cut in any::<bool>()) {
            let mut bytes = rendered().expose().to_vec();
            let at = at % bytes.len();
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= bits;
            }
            assert!(Entry::parse(&name(7), &bytes).is_none());
        }

        #[test]
        fn survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            assert!(Entry::parse(&name(7), &bytes).is_none());
        }
    }
}
