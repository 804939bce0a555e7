//! What else a profile of a credentials file holds: a long-lived key, and settings that clients use
//! instead of the keys that `update` writes.

use std::fmt;

use crate::credentials_file::ini::{KEYS, LEGACY_TOKEN, ProfileName, is_of, sections, utf8};
use crate::credentials_file::key_comment::KeyComment;
use crate::credentials_file::line::{self, Line, LineKind};
use roles_anywhere_client::credentials::access_key_id;
use roles_anywhere_client::text::disclosure::{Sensitivity, profile_name, quoted};

/// A profile holds a long-lived access key, whose secret AWS never shows again, or a key without its
/// session token. It is not overwritten.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "the profile {} contains {}",
    profile_name(profile),
    self.words()
)]
pub struct LongLivedKey {
    /// The profile.
    pub profile: String,
    /// The identifier of the key; `None` if the value does not look like one.
    pub key_id: Option<String>,
}

impl LongLivedKey {
    /// Returns whether it is a temporary key, which is useless without the missing session token.
    pub fn is_temporary(&self) -> bool {
        self.key_id.as_deref().is_some_and(access_key_id::is_temporary)
    }

    fn words(&self) -> String {
        match &self.key_id {
            Some(id) if self.is_temporary() => {
                format!("the temporary access key `{id}` without its session token")
            }
            Some(id) => format!("the long-lived access key `{id}`"),
            None => "a long-lived access key".to_owned(),
        }
    }
}

/// A key in a section, and what a comment there says of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyInFile<'a> {
    /// The identifier of the key, if the section has one, and no other.
    pub id: Option<&'a str>,
    /// The secret that the section's key was written from, if the comment about that names this key.
    pub comment: Option<KeyComment<'a>>,
}

/// Returns the long-lived key of a profile: `AKIA…`, or any key without a session token. One that
/// `is_replaceable` does not count.
///
/// A text that cannot be parsed has none; it is refused later, so it is not overwritten either.
pub fn long_lived_key(
    text: &[u8],
    profile: &ProfileName,
    is_replaceable: &dyn Fn(KeyInFile<'_>) -> bool,
) -> Option<LongLivedKey> {
    let lines = line::split(utf8(text).ok()?);
    sections(&lines).filter(|section| is_of(section, profile)).find_map(|section| {
        let settings = settings(section);
        let of = |key: &'static str| {
            let set = settings.iter().filter(move |setting| setting.key == key);
            set.filter(|setting| !setting.is_empty).map(|setting| setting.value)
        };
        let [id, secret, token] = KEYS;
        let is_long_lived = of(id).any(access_key_id::is_long_term);
        let has_key = of(id).chain(of(secret)).next().is_some();
        let has_token = of(token).chain(of(LEGACY_TOKEN)).next().is_some();
        let found = KeyInFile::of(section, &of(id).collect::<Vec<_>>());
        let is_kept = (is_long_lived || (has_key && !has_token)) && !is_replaceable(found);
        is_kept.then(|| LongLivedKey {
            profile: profile.to_string(),
            // Any other value may be a secret in the wrong line.
            key_id: of(id).find(|id| is_key_id(id)).map(str::to_owned),
        })
    })
}

impl<'a> KeyInFile<'a> {
    fn of(section: &[Line<'a>], ids: &[&'a str]) -> Self {
        let id = match *ids {
            [first, ref others @ ..] if others.iter().all(|other| *other == first) => Some(first),
            _ => None,
        };
        let mut comments = section.iter().filter_map(KeyComment::of_line);
        Self { id, comment: comments.find(|comment| Some(comment.key_id) == id) }
    }
}

fn is_key_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    !text.is_empty() && text.len() <= 128 && text.bytes().all(is_plain)
}

/// A part of the file that makes clients use other credentials than the keys of a profile, or none.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Conflict {
    /// The session token under its old name.
    LegacyToken,
    /// A setting that the AWS CLI and the SDKs use instead of the keys.
    Preferred(&'static str),
    /// A setting that some SDKs use instead of the keys.
    Disputed(&'static str),
    /// A heading of the form that belongs in the file `config`.
    ConfigHeading(String),
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LegacyToken => f.write_str(
                "the AWS CLI and boto3 use the profile's `aws_security_token` instead of the session token: remove that line",
            ),
            Self::Preferred(key) => write!(
                f,
                "the AWS CLI and SDKs use the profile's `{key}` instead of its keys: remove that line, or write another profile",
            ),
            Self::Disputed(key) => write!(
                f,
                "some SDKs use the profile's `{key}` instead of its keys: remove that line, or write another profile",
            ),
            Self::ConfigHeading(name) => write!(
                f,
                "no SDK reads {} in the credentials file: use the prefix `profile` in the file `config` only",
                quoted(&format!("[{name}]"), Sensitivity::Public, "a heading `[profile …]`"),
            ),
        }
    }
}

/// The settings that the AWS CLI prefers to the keys of the same profile.
const PREFERRED: [&str; 3] = ["role_arn", "sso_account_id", "sso_role_name"];
/// The settings that some SDKs prefer. Other names that begin with `sso_` have no meaning to any SDK.
const DISPUTED: [&str; 5] =
    ["credential_process", "sso_session", "sso_start_url", "sso_region", "sso_registration_scopes"];

/// Returns the conflicts of a profile, each once.
pub fn conflicts(text: &[u8], profile: &ProfileName) -> Vec<Conflict> {
    let Ok(text) = utf8(text) else { return Vec::new() };
    let lines = line::split(text);
    let mut found = Vec::new();
    for section in sections(&lines) {
        let LineKind::Heading { python, .. } = section[0].kind else { continue };
        if line::trim(python).starts_with("profile ") {
            found.push(Conflict::ConfigHeading(python.to_owned()));
        }
        // `[DEFAULT]` applies to every profile.
        if is_of(section, profile) || python == "DEFAULT" {
            let known =
                |names: &[&'static str], key: &str| names.iter().copied().find(|name| *name == key);
            found.extend(settings(section).into_iter().filter_map(|setting| {
                match setting.key.as_str() {
                    LEGACY_TOKEN => Some(Conflict::LegacyToken),
                    // With the profile as its own source, its keys are used to assume the role.
                    "role_arn" if is_own_source(section, profile) => None,
                    key => known(&PREFERRED, key)
                        .map(Conflict::Preferred)
                        .or_else(|| known(&DISPUTED, key).map(Conflict::Disputed)),
                }
            }));
        }
    }
    found.sort();
    found.dedup();
    found
}

fn is_own_source(section: &[Line<'_>], profile: &ProfileName) -> bool {
    let is_source = |of: &ProfileSetting<'_>| of.key == "source_profile" && of.value == profile.0;
    settings(section).iter().any(is_source)
}

/// A setting of a section.
struct ProfileSetting<'a> {
    /// Its name in lower case, as SDKs compare it.
    key: String,
    /// Its value in the line of its name.
    value: &'a str,
    /// Whether its value is empty, also in the lines that continue it.
    is_empty: bool,
}

fn settings<'a>(section: &[Line<'a>]) -> Vec<ProfileSetting<'a>> {
    let mut settings: Vec<ProfileSetting<'a>> = Vec::new();
    for line in section {
        match line.kind {
            LineKind::Setting { key, value } => {
                let value = value.unwrap_or_default();
                settings.push(ProfileSetting {
                    key: key.to_lowercase(),
                    value,
                    is_empty: value.is_empty(),
                });
            }
            LineKind::Continuation => {
                if let Some(last) = settings.last_mut() {
                    last.is_empty = false;
                }
            }
            LineKind::BlankOrComment | LineKind::Heading { .. } => {}
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ProfileName {
        name.parse().unwrap()
    }

    #[test]
    fn long_lived_key_of_a_profile_is_found() {
        let rows = [
            ("[a]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n", Some("AKIAIOSFODNN7EXAMPLE")),
            ("[a]\nAWS_Access_Key_Id: AKIA1\naws_session_token = t\n", Some("AKIA1")),
            ("[b]\n[ a ]\naws_access_key_id=ASIA1\naws_secret_access_key=s", Some("ASIA1")),
            ("[a]\naws_access_key_id = ASIA1\naws_session_token =\n", Some("ASIA1")),
            // What may be a secret in the wrong line is not shown.
            ("[a]\naws_access_key_id = wJalrXUtnFEMI/K7MDENG\n", None),
            ("[a]\naws_secret_access_key =\n  s\n", None),
        ];
        for (text, key_id) in rows {
            let found = long_lived_key(text.as_bytes(), &name("a"), &|_| false).unwrap();
            assert_eq!((found.profile.as_str(), found.key_id.as_deref()), ("a", key_id), "{text}");
            assert!(found.to_string().starts_with("the profile `a` contains "), "{found}");
        }
        for text in [
            "",
            "[a]\nregion = r\naws_access_key_id =\n",
            "[a]\naws_access_key_id = ASIA1\naws_secret_access_key = s\naws_session_token = t\n",
            "[a]\naws_access_key_id = ASIA1\naws_security_token = t\n",
            "[b]\naws_access_key_id = AKIA1\n",
            "[a]\n# aws_access_key_id = AKIA1\nx =\n  aws_access_key_id = AKIA1\n",
        ] {
            assert_eq!(long_lived_key(text.as_bytes(), &name("a"), &|_| false), None, "{text}");
        }
    }

    #[test]
    fn comment_is_of_the_key_that_it_names() {
        let secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf";
        let comment = KeyComment { key_id: "AKIA1", secret_arn };
        let of = |key: &str| {
            let text = format!("[b]\n{comment}\n[a]\nx = 1\n{comment}\n{key}[b]\n");
            let seen = std::cell::RefCell::new(Vec::new());
            let replaceable = |key: KeyInFile<'_>| {
                let arn = key.comment.map(|comment| comment.secret_arn.to_owned());
                seen.borrow_mut().push((key.id.map(str::to_owned), arn));
                false
            };
            long_lived_key(text.as_bytes(), &name("a"), &replaceable);
            seen.into_inner()
        };
        let found = |id: &str, arn: Option<&str>| {
            vec![(Some(id.to_owned()).filter(|id| !id.is_empty()), arn.map(str::to_owned))]
        };
        assert_eq!(of("aws_access_key_id = AKIA1\n"), found("AKIA1", Some(secret_arn)));
        assert_eq!(of("aws_access_key_id = AKIA2\n"), found("AKIA2", None));
        let two = "aws_access_key_id = AKIA1\naws_access_key_id = AKIA2\n";
        assert_eq!(of(two), found("", None));
        assert_eq!(of("aws_secret_access_key = s\n"), found("", None));
    }

    #[test]
    fn settings_that_clients_prefer_to_the_keys_are_found() {
        let of = |text: &str| conflicts(text.as_bytes(), &name("a"));
        let preferred = |key| vec![Conflict::Preferred(key)];
        let disputed = |key| vec![Conflict::Disputed(key)];
        assert_eq!(of("[a]\naws_security_token = old\n"), [Conflict::LegacyToken]);
        assert_eq!(of("[b]\n[ a ]\nregion = r\nAWS_Security_Token:"), [Conflict::LegacyToken]);
        assert_eq!(of("[a]\nRole_Arn = r\nsource_profile = b\n"), preferred("role_arn"));
        assert_eq!(of("[a]\nsso_account_id = 1\n"), preferred("sso_account_id"));
        assert_eq!(of("[DEFAULT]\nsso_role_name = r\n[a]\n"), preferred("sso_role_name"));
        assert_eq!(of("[a]\nsso_session = s\n"), disputed("sso_session"));
        assert_eq!(of("[a]\nsso_\u{202e}MIGHAgEAMBMGByqGSM49 = s\n"), []);
        assert_eq!(of("[a]\ncredential_process = p\n"), disputed("credential_process"));
        assert_eq!(of("[profile b]\n"), [Conflict::ConfigHeading("profile b".to_owned())]);
        assert!(of("[a]\nrole_arn = r\nsource_profile = a\n").is_empty());
        assert!(of("[a]\n# role_arn = r\nx =\n  role_arn = r\n[b]\nrole_arn = r\n").is_empty());
    }
}
