//! The names of roles and identities.

use std::fmt;

use roles_anywhere_client::text::disclosure::may_be_repeated;

/// The name of a role or an identity: 1 to 64 characters of `[A-Za-z0-9_.-]`.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub struct TableName(Box<str>);

impl TableName {
    /// What a name is, for messages.
    pub const EXPECTED: &'static str = "1 to 64 characters, each a letter, a digit or one of `_.-`";

    /// Returns the name that `text` is, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        // The names of roles are in paths of `serve`, of URLs and of files.
        let is_path = matches!(text, "." | "..");
        let is_name =
            (1..=64).contains(&text.len()) && text.chars().all(is_name_character) && !is_path;
        is_name.then(|| Self(text.into()))
    }

    /// Returns the name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns it as the heading of a table holds it, for messages.
    pub(super) fn heading(&self) -> String {
        if may_be_repeated(&self.0) { in_heading(&self.0) } else { "(not shown)".to_owned() }
    }
}

/// Returns a name as the heading of a table holds it: one with a dot is in quotes.
pub(super) fn in_heading(name: &str) -> String {
    if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() }
}

/// Returns whether a name may have a character.
pub(super) fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.-".contains(c)
}

/// Writes it, unless it looks like a key.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if may_be_repeated(&self.0) { &self.0 } else { "(not shown)" })
    }
}

impl fmt::Debug for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        let long = "a".repeat(64);
        for name in ["a", "prod-reader", "eu.west_1", &long] {
            assert_eq!(TableName::parse(name).unwrap().as_str(), name);
        }
        for name in ["", "a b", "ä", "a/b", ".", "..", &format!("{long}a"), "a\n"] {
            assert!(TableName::parse(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_name_that_looks_like_a_key_is_not_shown() {
        let key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
        let name = TableName::parse(key).unwrap();
        assert_eq!(
            format!("{name} {name:?} {}", name.heading()).replace("(not shown)", "-"),
            "- - -"
        );
        assert_eq!(TableName::parse("a.b").unwrap().heading(), "\"a.b\"");
    }
}
