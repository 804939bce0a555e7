//! The key of an entry, which names its files: a hash of everything that its session depends on.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

use crate::private_dir::TEMPORARY_SUFFIX;
use roles_anywhere_client::aws::assume_role::{AssumeRole, ExternalId, SessionPolicy};
use roles_anywhere_client::aws::create_session::SessionRequest;
use roles_anywhere_client::credentials::RoleSessionName;
use roles_anywhere_client::hex;
use roles_anywhere_client::http::Trust;
use roles_anywhere_client::input_source::snapshot::InputDigest;

/// The key of an entry, which is also its file name: `session-` and 32 hexadecimal digits.
///
/// The same request with the same identity and the same trusted certificate authorities has the same
/// key; a rotated certificate has another one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CacheKey(String);

/// The version of keys and entries. Entries of another version have other names, so they are never
/// read.
const FORMAT: &[u8] = b"roles-anywhere session 2";

/// The version of the keys of hops.
const HOP_FORMAT: &[u8] = b"roles-anywhere hop 1";

const PREFIX: &str = "session-";
const DIGITS: usize = 32;
const LOCK: &str = ".lock";
const SECOND_LOCK: &str = ".second";

impl CacheKey {
    /// Returns the key for `request`, made with the identity in the inputs with the digest `identity`, to
    /// an endpoint that is verified by `trust`. The proxy is not part of it.
    pub fn new(request: &SessionRequest, identity: InputDigest, trust: &Trust) -> Self {
        let (trust, path) = match trust {
            Trust::System => ("system", None),
            Trust::File { path, .. } => ("file", Some(path)),
            // Hashed into the names of files that exist already: this text must not change.
            Trust::Unverified => ("everybody", None),
        };
        let session_name = request.role_session_name.as_ref().map_or("", RoleSessionName::as_str);
        let duration = request.duration.seconds().map_or_else(String::new, |s| s.to_string());
        let fields: [&[u8]; 11] = [
            FORMAT,
            identity.as_bytes(),
            &text(&request.trust_anchor),
            &text(&request.profile),
            &text(&request.role),
            session_name.as_bytes(),
            duration.as_bytes(),
            &text(&request.endpoint),
            &text(&request.region),
            trust.as_bytes(),
            path.map_or(&[], |path| path.as_os_str().as_encoded_bytes()),
        ];
        Self::of(fields)
    }

    /// Returns the key for the same session with `fallbacks`. Without them, it is the same key, so that
    /// the files of versions without fallbacks stay in use.
    #[must_use]
    pub fn with_fallbacks(self, fallbacks: &[SessionRequest]) -> Self {
        if fallbacks.is_empty() {
            return self;
        }
        let of = |request: &SessionRequest| {
            let SessionRequest { trust_anchor, profile, endpoint, region, .. } = request;
            [text(trust_anchor), text(profile), text(endpoint), text(region)]
        };
        let fields: Vec<_> =
            std::iter::once(text(&self.0)).chain(fallbacks.iter().flat_map(of)).collect();
        Self::of(fields.iter().map(Vec::as_slice))
    }

    /// Returns the key of the session that `hop` makes with the session of this key.
    #[must_use]
    pub fn after(&self, hop: &AssumeRole) -> Self {
        let count = |list: usize| list.to_string().into_bytes();
        let duration = hop.duration.seconds().to_string();
        // Of each list its length and its texts, and of what may be absent whether it is there.
        let optional = |text: Option<&str>| match text {
            Some(text) => [b"1", text.as_bytes()].concat(),
            None => b"0".to_vec(),
        };
        let mut fields = vec![
            HOP_FORMAT.to_vec(),
            text(&self.0),
            text(&hop.role),
            optional(hop.session_name.as_ref().map(RoleSessionName::as_str)),
            optional(hop.external_id.as_ref().map(ExternalId::as_str)),
            optional(hop.policy.as_ref().map(SessionPolicy::as_str)),
            duration.into_bytes(),
            text(&hop.sts.endpoint),
            text(&hop.sts.region),
            count(hop.tags.tags().len()),
        ];
        fields.extend(hop.tags.tags().iter().flat_map(|(key, value)| [text(key), text(value)]));
        fields.push(count(hop.tags.transitive().len()));
        fields.extend(hop.tags.transitive().iter().map(text));
        Self::of(fields.iter().map(Vec::as_slice))
    }

    /// Returns the key of these fields, which are hashed each with its length before it.
    fn of<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Context::new(&SHA256);
        for field in fields {
            hash.update(&(field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        Self(format!("{PREFIX}{}", hex::encode(&hash.finish().as_ref()[..DIGITS / 2])))
    }

    /// Parses the name of a file that holds an entry.
    pub fn parse(file: &str) -> Option<Self> {
        let digits = file.strip_prefix(PREFIX)?;
        let legal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (digits.len() == DIGITS && digits.bytes().all(legal)).then(|| Self(file.to_owned()))
    }

    /// Returns the name of the file that holds the entry.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the file that the process locks that refreshes the entry.
    pub fn lock(&self) -> String {
        format!("{}{LOCK}", self.0)
    }

    /// Returns the name of the file that one more process locks, to fetch the session as well, if the
    /// holder of the first lock takes too long.
    pub fn second_lock(&self) -> String {
        format!("{}{SECOND_LOCK}{LOCK}", self.0)
    }
}

/// Renders the first digits, enough to tell a few entries apart.
impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0[..PREFIX.len() + 8])
    }
}

/// What a file of the cache holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FileKind {
    /// The session of this key.
    Entry(CacheKey),
    /// The lock of this key, and the failure record of its last holder.
    Lock(CacheKey),
    /// A file that is being written, or that was when its writer died.
    Temporary,
}

impl FileKind {
    /// Returns what the file called `file` holds; `None` if it is not a file of the cache.
    pub fn of(file: &str) -> Option<Self> {
        if let Some(name) = file.strip_suffix(LOCK) {
            return CacheKey::parse(name.strip_suffix(SECOND_LOCK).unwrap_or(name)).map(Self::Lock);
        }
        if let Some(rest) = file.strip_suffix(TEMPORARY_SUFFIX) {
            let (name, _) = rest.split_once('.')?;
            return CacheKey::parse(name).map(|_| Self::Temporary);
        }
        CacheKey::parse(file).map(Self::Entry)
    }
}

/// Returns whether the file called `file` is one of the cache.
pub fn is_cache_file(file: &str) -> bool {
    FileKind::of(file).is_some()
}

fn text(field: &impl fmt::Display) -> Vec<u8> {
    field.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use roles_anywhere_client::aws::assume_role::{HopDuration, SessionTags};
    use roles_anywhere_client::aws::create_session::SessionDuration;
    use roles_anywhere_client::aws::endpoint::{RegionalEndpoint, Service};
    use roles_anywhere_client::http::Endpoint;
    use roles_anywhere_client::identity::{IdentitySource, Permissions};
    use roles_anywhere_client::input_source::InputSource;
    use roles_anywhere_client::region::Region;
    use roles_anywhere_test_support::files::FakeFiles;
    use roles_anywhere_test_support::session::request;

    #[test]
    fn key_depends_on_everything_that_makes_the_session() {
        let changed = |change: fn(&mut SessionRequest)| {
            let mut request = request();
            change(&mut request);
            CacheKey::new(&request, [7; 32].into(), &Trust::System)
        };
        let file = |path: &str| Trust::File { origin: "--ca-bundle".into(), path: path.into() };
        let keys = [
            changed(|_| {}),
            changed(|r| {
                r.trust_anchor = r.trust_anchor.to_string().replace("/a", "/b").parse().unwrap();
            }),
            changed(|r| r.profile = r.profile.to_string().replace("/p", "/q").parse().unwrap()),
            changed(|r| r.role = r.role.to_string().replace("/R", "/S").parse().unwrap()),
            changed(|r| r.role_session_name = None),
            changed(|r| r.role_session_name = RoleSessionName::parse("you@host")),
            changed(|r| r.duration = SessionDuration::OfProfile),
            changed(|r| r.duration = SessionDuration::Seconds(901)),
            changed(|r| r.endpoint = Endpoint::parse("https://b.example").unwrap()),
            changed(|r| r.region = Region::parse("eu-west-1").unwrap()),
            CacheKey::new(&request(), [8; 32].into(), &Trust::System),
            CacheKey::new(&request(), [7; 32].into(), &Trust::Unverified),
            CacheKey::new(&request(), [7; 32].into(), &file("a")),
            CacheKey::new(&request(), [7; 32].into(), &file("b")),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[at + 1..].contains(key), "{at}");
            assert_eq!(CacheKey::parse(key.as_str()).as_ref(), Some(key));
        }
        assert_eq!(keys[0], changed(|_| {}));
    }

    #[test]
    fn key_of_a_hop_depends_on_the_session_before_it_and_on_all_of_its_request() {
        let first = CacheKey::new(&request(), [7; 32].into(), &Trust::System);
        let other = CacheKey::new(&request(), [8; 32].into(), &Trust::System);
        let base = || {
            let role = "arn:aws:iam::210987654321:role/Reader".parse().unwrap();
            AssumeRole::new(role, Region::parse("us-east-1").unwrap())
        };
        let tags = |tags: &[(&str, &str)], transitive: &[&str]| {
            let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            let transitive = transitive.iter().map(|&key| key.to_owned()).collect();
            SessionTags::new(tags.iter().map(owned).collect(), transitive).unwrap()
        };
        let region = |name| RegionalEndpoint::of(Service::Sts, Region::parse(name).unwrap());
        let hops = [
            base(),
            AssumeRole { role: "arn:aws:iam::210987654321:role/R".parse().unwrap(), ..base() },
            AssumeRole { session_name: RoleSessionName::parse("ab"), ..base() },
            AssumeRole { external_id: ExternalId::parse("ab"), ..base() },
            AssumeRole { policy: SessionPolicy::parse("{}"), ..base() },
            AssumeRole { duration: HopDuration::from_seconds(900).unwrap(), ..base() },
            AssumeRole { sts: region("us-east-2"), ..base() },
            AssumeRole {
                sts: RegionalEndpoint { region: base().sts.region, ..region("us-east-2") },
                ..base()
            },
            AssumeRole { tags: tags(&[("a", "b")], &[]), ..base() },
            AssumeRole { tags: tags(&[("a", "c")], &[]), ..base() },
            AssumeRole { tags: tags(&[("a", "b"), ("c", "d")], &[]), ..base() },
            AssumeRole { tags: tags(&[("a", "b"), ("c", "d")], &["a"]), ..base() },
            AssumeRole { tags: tags(&[("a", "b"), ("c", "d")], &["a", "c"]), ..base() },
        ];
        let mut keys: Vec<CacheKey> = hops.iter().map(|hop| first.after(hop)).collect();
        keys.extend([first.clone(), other.after(&base()), first.after(&base()).after(&base())]);
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[at + 1..].contains(key), "{at}");
            assert_eq!(CacheKey::parse(key.as_str()).as_ref(), Some(key));
        }
        assert_eq!(keys[0], first.after(&base()));
    }

    #[test]
    fn key_names_the_entries_of_earlier_versions() {
        let files = FakeFiles::of_repository("certs/leaf");
        let source = IdentitySource {
            certificate: InputSource::file("p256.pem"),
            private_key: InputSource::file("p256.key.pem").into(),
            intermediates: None,
            permissions: Permissions::Lenient,
        };
        let identity = source.snapshot(&(Arc::new(files) as _)).unwrap().digest();
        let key = CacheKey::new(&request(), identity, &Trust::System);
        assert_eq!(key.as_str(), "session-4ce5e42db6477ffa505e2b0f643ae119");
    }

    #[test]
    fn key_does_not_depend_on_the_option_that_names_the_trust() {
        let key = |origin: &'static str| {
            let trust = Trust::File { origin: origin.into(), path: "ca.pem".into() };
            CacheKey::new(&request(), [7; 32].into(), &trust)
        };
        assert_eq!(key("--ca-bundle"), key("AWS_CA_BUNDLE"));
    }

    #[test]
    fn kind_of_a_file_follows_from_its_name() {
        let name = "session-0123456789abcdef0123456789abcdef";
        let own = CacheKey::parse(name).unwrap();
        let rows = [
            (name.to_owned(), Some(FileKind::Entry(own.clone()))),
            (own.lock(), Some(FileKind::Lock(own.clone()))),
            (own.second_lock(), Some(FileKind::Lock(own.clone()))),
            (format!("{name}.0f{TEMPORARY_SUFFIX}"), Some(FileKind::Temporary)),
            (format!("{name}{TEMPORARY_SUFFIX}"), None),
            (format!("{name}0"), None),
            (name.to_uppercase(), None),
            ("session-".to_owned(), None),
            ("container-token".to_owned(), None),
            (".lock".to_owned(), None),
            (".new".to_owned(), None),
        ];
        for (file, kind) in rows {
            assert_eq!(FileKind::of(&file), kind, "{file}");
        }
        assert_eq!(own.to_string(), "session-01234567");
    }
}
