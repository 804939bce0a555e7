//! What an entry is called: a hash of all that makes its session what it is.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

use roles_anywhere_client::aws::create_session::{RoleSessionName, SessionRequest};
use roles_anywhere_client::http::Trust;

/// The name of an entry: `session-` and 32 hexadecimal digits.
///
/// Whoever asks for the same session with the same identity over a way of the same trust finds it;
/// a rotated certificate does not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Name(String);

/// The form of names and entries; another one is never read.
const FORM: &[u8] = b"roles-anywhere session 2";

const PREFIX: &str = "session-";
const DIGITS: usize = 32;
const LOCK: &str = ".lock";
const SECOND: &str = ".second";

/// What ends the name of a file that is being written.
pub const UNFINISHED: &str = ".new";

impl Name {
    /// Returns the name for `request`, asked with the identity that `identity` is the digest of, by a
    /// way that believes `trust`. The proxy on the way is not in it.
    pub fn new(request: &SessionRequest, identity: &[u8; 32], trust: &Trust) -> Self {
        let (trust, path) = match trust {
            Trust::System => ("system", None),
            Trust::File { path, .. } => ("file", Some(path)),
            Trust::Everybody => ("everybody", None),
        };
        let session_name = request.role_session_name.as_ref().map_or("", RoleSessionName::as_str);
        let duration = request.duration.seconds().map_or_else(String::new, |s| s.to_string());
        // Always so many fields, and each behind its length: no two requests look alike.
        let fields: [&[u8]; 11] = [
            FORM,
            identity,
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
        let mut hash = Context::new(&SHA256);
        for field in fields {
            hash.update(&(field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        Self(format!("{PREFIX}{}", hex(&hash.finish().as_ref()[..DIGITS / 2])))
    }

    /// Takes the name of a file that holds an entry.
    pub fn parse(file: &str) -> Option<Self> {
        let digits = file.strip_prefix(PREFIX)?;
        let legal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (digits.len() == DIGITS && digits.bytes().all(legal)).then(|| Self(file.to_owned()))
    }

    /// Returns the name of the file that holds the entry.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the file that is locked by whoever refreshes the entry.
    pub fn lock(&self) -> String {
        format!("{}{LOCK}", self.0)
    }

    /// Returns the name of the file that is locked by the one process that makes the entry too,
    /// while the holder of the first lock takes too long.
    pub fn second_lock(&self) -> String {
        format!("{}{SECOND}{LOCK}", self.0)
    }
}

/// Renders as much of it as people need to tell a few apart.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0[..PREFIX.len() + 8])
    }
}

/// What a file of the cache is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Role {
    /// It holds this entry.
    Entry(Name),
    /// It is locked by the process that makes or refreshes this entry.
    Lock(Name),
    /// It was being written when its writer died, or is so now.
    Unfinished,
}

impl Role {
    /// Tells what the file called `file` is; `None` where it is none of ours.
    pub fn of(file: &str) -> Option<Self> {
        if let Some(name) = file.strip_suffix(LOCK) {
            return Name::parse(name.strip_suffix(SECOND).unwrap_or(name)).map(Self::Lock);
        }
        if let Some(rest) = file.strip_suffix(UNFINISHED) {
            let (name, _) = rest.split_once('.')?;
            return Name::parse(name).map(|_| Self::Unfinished);
        }
        Name::parse(file).map(Self::Entry)
    }
}

fn text(field: &impl fmt::Display) -> Vec<u8> {
    field.to_string().into_bytes()
}

/// Renders lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use roles_anywhere_client::aws::create_session::SessionDuration;
    use roles_anywhere_client::http::Endpoint;
    use roles_anywhere_client::region::Region;
    use roles_anywhere_client::test_support::session::request;

    #[test]
    fn differs_with_all_that_makes_a_session() {
        let changed = |change: fn(&mut SessionRequest)| {
            let mut request = request();
            change(&mut request);
            Name::new(&request, &[7; 32], &Trust::System)
        };
        let file = |path: &str| Trust::File { origin: "--ca-bundle", path: path.into() };
        let names = [
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
            Name::new(&request(), &[8; 32], &Trust::System),
            Name::new(&request(), &[7; 32], &Trust::Everybody),
            Name::new(&request(), &[7; 32], &file("a")),
            Name::new(&request(), &[7; 32], &file("b")),
        ];
        for (at, name) in names.iter().enumerate() {
            assert!(!names[at + 1..].contains(name), "{at}");
            assert_eq!(Name::parse(name.as_str()).as_ref(), Some(name));
        }
        assert_eq!(names[0], changed(|_| {}));
    }

    #[test]
    fn is_the_same_wherever_the_trust_was_said() {
        let name = |origin| {
            let trust = Trust::File { origin, path: "ca.pem".into() };
            Name::new(&request(), &[7; 32], &trust)
        };
        assert_eq!(name("--ca-bundle"), name("AWS_CA_BUNDLE"));
    }

    #[test]
    fn knows_our_files_by_their_names() {
        let name = "session-0123456789abcdef0123456789abcdef";
        let own = Name::parse(name).unwrap();
        let rows = [
            (name.to_owned(), Some(Role::Entry(own.clone()))),
            (own.lock(), Some(Role::Lock(own.clone()))),
            (own.second_lock(), Some(Role::Lock(own.clone()))),
            (format!("{name}.0f{UNFINISHED}"), Some(Role::Unfinished)),
            (format!("{name}{UNFINISHED}"), None),
            (format!("{name}0"), None),
            (name.to_uppercase(), None),
            ("session-".to_owned(), None),
            ("container-token".to_owned(), None),
            (".lock".to_owned(), None),
            (".new".to_owned(), None),
        ];
        for (file, role) in rows {
            assert_eq!(Role::of(&file), role, "{file}");
        }
        assert_eq!(own.to_string(), "session-01234567");
    }
}
