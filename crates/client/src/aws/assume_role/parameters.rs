//! The parameters of `AssumeRole` with the limits of its API. A value of these types is one that STS
//! accepts.

use std::collections::HashSet;
use std::fmt;

use serde::de::IgnoredAny;

use crate::x509::session_attributes::is_tag_character;

/// The most tags of a session, and the most transitive ones.
pub const MAX_TAGS: usize = 50;
/// The most characters of a session policy.
pub const MAX_POLICY: usize = 2_048;

/// The duration of the session of a hop: 900 to 3600 seconds.
///
/// The API takes twelve hours, but not from a caller that is a session of a role itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HopDuration(u32);

impl HopDuration {
    /// Returns the duration if STS accepts it in a chain.
    pub fn from_seconds(seconds: u32) -> Option<Self> {
        (900..=3_600).contains(&seconds).then_some(Self(seconds))
    }

    /// Returns the seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

/// An hour.
impl Default for HopDuration {
    fn default() -> Self {
        Self(3_600)
    }
}

/// An external id: 2 to 1224 letters, digits and `_+=,.@:/-`. `Debug` does not show it: AWS does not
/// treat it as a secret, but those who give it out often do.
#[derive(Clone, Eq, PartialEq)]
pub struct ExternalId(String);

impl ExternalId {
    /// Returns the id if STS accepts it.
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
        let fits = (2..=1_224).contains(&text.len()) && text.chars().all(legal);
        fits.then(|| Self(text.to_owned()))
    }

    /// Returns the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternalId(not shown)")
    }
}

/// A session policy: a JSON object of at most [`MAX_POLICY`] characters of Latin-1. `Debug` does not
/// show it.
#[derive(Clone, Eq, PartialEq)]
pub struct SessionPolicy(String);

impl SessionPolicy {
    /// Returns the policy if it is of this form. What its statements mean, only AWS checks.
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}');
        let is_object = || {
            text.trim_ascii_start().starts_with('{')
                && serde_json::from_str::<IgnoredAny>(text).is_ok()
        };
        let fits = text.chars().count() <= MAX_POLICY && text.chars().all(legal) && is_object();
        fits.then(|| Self(text.to_owned()))
    }

    /// Returns the text of the policy.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionPolicy(not shown)")
    }
}

/// The tags of a session, in their order, and the keys of those that the next sessions inherit.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SessionTags {
    tags: Vec<(String, String)>,
    transitive: Vec<String>,
}

impl SessionTags {
    /// Returns the tags if STS accepts them, else the first reason why not.
    pub fn new(
        tags: Vec<(String, String)>,
        transitive: Vec<String>,
    ) -> Result<Self, SessionTagsError> {
        match Self::errors(&tags, &transitive).into_iter().next() {
            Some(error) => Err(error),
            None => Ok(Self { tags, transitive }),
        }
    }

    /// Returns all reasons why STS does not accept tags.
    pub fn errors(tags: &[(String, String)], transitive: &[String]) -> Vec<SessionTagsError> {
        let mut errors = Vec::new();
        if tags.len() > MAX_TAGS {
            errors.push(SessionTagsError::TooMany(tags.len()));
        }
        let mut keys = HashSet::new();
        for (index, (key, value)) in tags.iter().enumerate() {
            if !is_tag_text(key, 1..=128) {
                errors.push(SessionTagsError::Key { index });
            }
            if !is_tag_text(value, 0..=256) {
                errors.push(SessionTagsError::Value { index });
            }
            if !keys.insert(key.to_lowercase()) {
                errors.push(SessionTagsError::Duplicate { index });
            }
        }
        let mut seen = HashSet::new();
        for (index, key) in transitive.iter().enumerate() {
            let key = key.to_lowercase();
            if !keys.contains(&key) {
                errors.push(SessionTagsError::NotATag { index });
            }
            if !seen.insert(key) {
                errors.push(SessionTagsError::DuplicateTransitive { index });
            }
        }
        errors
    }

    /// Returns the tags, each key and its value.
    pub fn tags(&self) -> &[(String, String)] {
        &self.tags
    }

    /// Returns the keys of the transitive tags.
    pub fn transitive(&self) -> &[String] {
        &self.transitive
    }

    /// Returns whether there is no tag.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }
}

/// Why STS does not accept tags. Each names a tag or a transitive key by its index, from 0.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SessionTagsError {
    /// There are too many.
    #[error("{0} tags, but a session has at most {MAX_TAGS}")]
    TooMany(usize),
    /// A key is too long, or has a character that no tag has.
    #[error("a key of a tag has 1 to 128 letters, digits, spaces and `_.:/=+-@`")]
    Key {
        /// Which tag.
        index: usize,
    },
    /// A value is too long, or has a character that no tag has.
    #[error("the value of a tag has at most 256 letters, digits, spaces and `_.:/=+-@`")]
    Value {
        /// Which tag.
        index: usize,
    },
    /// A key is there twice. Upper and lower case are the same.
    #[error("two tags have the same key (upper and lower case are the same)")]
    Duplicate {
        /// Which tag, the second of them.
        index: usize,
    },
    /// A transitive key is not the key of a tag of the same session.
    #[error("a transitive key is not the key of a tag")]
    NotATag {
        /// Which transitive key.
        index: usize,
    },
    /// A transitive key is there twice.
    #[error("a transitive key is given twice (upper and lower case are the same)")]
    DuplicateTransitive {
        /// Which transitive key, the second of them.
        index: usize,
    },
}

/// Returns whether `text` has as many characters, and only those that STS takes in a tag.
fn is_tag_text(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.chars().count()) && text.chars().all(is_tag_character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_a_chain_end_at_an_hour() {
        for (seconds, accepted) in
            [(0, false), (899, false), (900, true), (3_600, true), (3_601, false), (43_200, false)]
        {
            assert_eq!(HopDuration::from_seconds(seconds).is_some(), accepted, "{seconds}");
        }
        assert_eq!(HopDuration::default().seconds(), 3_600);
    }

    #[test]
    fn external_ids_have_2_to_1224_characters_of_their_alphabet() {
        let longest = "a".repeat(1_224);
        for id in ["ab", "a+b=c,d.e@f:g/h-i_j", &longest] {
            assert_eq!(ExternalId::parse(id).unwrap().as_str(), id);
        }
        for id in ["", "a", "a b", "a\\b", "aé", "a*", &"a".repeat(1_225)] {
            assert_eq!(ExternalId::parse(id), None, "{id}");
        }
    }

    #[test]
    fn policies_are_json_objects_of_latin_1() {
        let of = |filling: usize| format!(r#"{{"a":"{}"}}"#, "é".repeat(filling));
        assert!(SessionPolicy::parse(&of(MAX_POLICY - 8)).is_some());
        assert!(SessionPolicy::parse("\n\t {\r\n}").is_some());
        for policy in ["", "{", "[]", "7", "{} {}", r#"{"a":"…"}"#, "{\u{b}}", &of(MAX_POLICY - 7)]
        {
            assert_eq!(SessionPolicy::parse(policy), None, "{policy}");
        }
    }

    #[test]
    fn external_id_and_policy_are_not_shown() {
        let id = ExternalId::parse("hunter2").unwrap();
        let policy = SessionPolicy::parse(r#"{"hunter2":1}"#).unwrap();
        assert!(!format!("{id:?} {policy:?}").contains("hunter2"));
    }

    fn tags(tags: &[(&str, &str)], transitive: &[&str]) -> Result<SessionTags, SessionTagsError> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let transitive = transitive.iter().map(|&key| key.to_owned()).collect();
        SessionTags::new(tags.iter().map(owned).collect(), transitive)
    }

    #[test]
    fn tags_that_sts_refuses_are_named_by_their_index() {
        let (longest_key, longest_value) = ("ä".repeat(128), "日".repeat(256));
        let good =
            tags(&[("Team 1_.:/=+-@", ""), (&longest_key, &longest_value)], &["tEAM 1_.:/=+-@"]);
        assert_eq!(good.unwrap().tags().len(), 2);
        let key = |index| Err(SessionTagsError::Key { index });
        let value = |index| Err(SessionTagsError::Value { index });
        assert_eq!(tags(&[("a", "b"), ("", "b")], &[]), key(1));
        assert_eq!(tags(&[("a*", "b")], &[]), key(0));
        assert_eq!(tags(&[(&"ä".repeat(129), "b")], &[]), key(0));
        assert_eq!(tags(&[("a", "b\n")], &[]), value(0));
        assert_eq!(tags(&[("a", &"日".repeat(257))], &[]), value(0));
        let duplicate = SessionTagsError::Duplicate { index: 1 };
        assert_eq!(tags(&[("Größe", "1"), ("gRÖSSE", "2")], &[]).unwrap().tags().len(), 2);
        assert_eq!(tags(&[("Name", "1"), ("nAME", "2")], &[]), Err(duplicate));
        let absent = SessionTagsError::NotATag { index: 1 };
        assert_eq!(tags(&[("a", "1")], &["A", "b"]), Err(absent));
        let twice = SessionTagsError::DuplicateTransitive { index: 1 };
        assert_eq!(tags(&[("a", "1")], &["A", "a"]), Err(twice));
    }

    #[test]
    fn a_session_has_at_most_fifty_tags() {
        let of = |count: usize| {
            let keys: Vec<_> = (0..count).map(|n| (format!("k{n}"), String::new())).collect();
            SessionTags::new(keys, Vec::new())
        };
        assert!(of(50).is_ok());
        assert_eq!(of(51), Err(SessionTagsError::TooMany(51)));
    }
}
