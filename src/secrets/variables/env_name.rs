//! The names of environment variables.

use std::fmt;

use roles_anywhere_client::text::disclosure::may_be_repeated;

/// The name of a variable: a letter or `_`, then letters, digits, `_`, `.` and `-`.
///
/// POSIX knows letters, digits and `_` only. Programs read names with `.` and `-` too, and so does ECS
/// pass them; a shell only keeps them.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EnvName(Box<str>);

/// The longest name.
const MAX_LENGTH: usize = 256;

/// Variables of the loader, of shells and of interpreters that say what is run or loaded, beside those
/// with a prefix of their own.
const CHOOSING_CODE: [&str; 24] = [
    "BASHOPTS",
    "BASH_ENV",
    "CLASSPATH",
    "ENV",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
    "PATH",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PERLLIB",
    "PROMPT_COMMAND",
    "PS4",
    "RUBYLIB",
    "RUBYOPT",
    "SHELLOPTS",
    "_JAVA_OPTIONS",
];

impl EnvName {
    /// What a name is, for messages.
    pub const EXPECTED: &'static str = "a letter or `_`, then letters, digits, `_`, `.` and `-`";

    /// Returns the name that `text` is, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_character = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
        let is_name = text.len() <= MAX_LENGTH
            && text.bytes().all(is_character)
            && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        is_name.then(|| Self(text.into()))
    }

    /// Returns the name of a variable for the member `key` of a secret: the prefix, and the key in upper
    /// case, with `_` for each other character.
    pub fn of_member(prefix: &str, key: &str) -> Option<Self> {
        let character = |c: char| match c {
            c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
            _ => '_',
        };
        let name: String = prefix.chars().chain(key.chars().map(character)).collect();
        Self::parse(&name)
    }

    /// Returns whether the loader, a shell or an interpreter runs or loads what the variable says. Who writes
    /// a secret is not to choose that by the names of its members.
    pub(super) fn chooses_code(&self) -> bool {
        CHOOSING_CODE.contains(&&*self.0)
            || ["LD_", "DYLD_", "PYTHON"].iter().any(|prefix| self.0.starts_with(prefix))
    }

    /// Returns the name, if it may be shown.
    pub fn shown(&self) -> Option<&str> {
        Some(&*self.0).filter(|name| may_be_repeated(name))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Writes it in backticks, unless it may be a secret.
impl fmt::Display for EnvName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shown() {
            Some(name) => write!(f, "`{name}`"),
            None => f.write_str("a variable (not shown)"),
        }
    }
}

/// Returns what was given for a name and is none, if it may be shown. It may be a part of a value that
/// was given without a name: what names of variables and passwords have in common is not shown.
pub(super) fn shown_invalid(text: &str) -> Option<&str> {
    let is_character = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b"_-. ".contains(&b);
    let is_shown = text.len() <= 32
        && text.bytes().all(is_character)
        && text.bytes().filter(u8::is_ascii_digit).count() <= 2;
    is_shown.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_programs_read() {
        let long = "A".repeat(256);
        for name in ["A", "_", "DB_PASSWORD", "spring.datasource-url", "a1", &long] {
            assert_eq!(EnvName::parse(name).unwrap().as_str(), name);
        }
        for name in
            ["", "1A", "-A", ".A", "A B", "A=", "Ä", "A\0", "A\n", "$A", &format!("{long}A")]
        {
            assert!(EnvName::parse(name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn members_are_named_by_prefix_and_upper_case() {
        let rows = [
            ("DB_", "password", Some("DB_PASSWORD")),
            ("", "password", Some("PASSWORD")),
            ("db_", "spring.data-source url", Some("db_SPRING_DATA_SOURCE_URL")),
            ("X_", "größe", Some("X_GR__E")),
            ("X_", "1", Some("X_1")),
            ("X", "", Some("X")),
            ("", "1", None),
            ("", "", None),
        ];
        for (prefix, key, expected) in rows {
            let name = EnvName::of_member(prefix, key);
            assert_eq!(name.as_ref().map(EnvName::as_str), expected, "{prefix} {key}");
        }
    }

    #[test]
    fn variables_that_choose_code_are_known() {
        let rows = [
            ("LD_PRELOAD", true),
            ("DYLD_INSERT_LIBRARIES", true),
            ("PYTHONSTARTUP", true),
            ("PATH", true),
            ("BASH_ENV", true),
            ("_JAVA_OPTIONS", true),
            ("USER", false),
            ("LDAP_URL", false),
            ("DB_PATH", false),
            ("PASSWORD", false),
            ("AWS_ACCESS_KEY_ID", false),
        ];
        for (name, expected) in rows {
            assert_eq!(EnvName::parse(name).unwrap().chooses_code(), expected, "{name}");
        }
    }

    #[test]
    fn a_name_that_may_be_a_secret_is_not_shown() {
        assert_eq!(EnvName::parse("DB_PASSWORD").unwrap().to_string(), "`DB_PASSWORD`");
        let name = EnvName::parse("h4Xz9QmP2vL8nR5tY7wK").unwrap();
        assert_eq!(name.to_string(), "a variable (not shown)");
        for (text, is_shown) in
            [("1A", true), ("DB PASSWORD", true), ("", true), ("hunter2 ", false), ("93847", false)]
        {
            assert_eq!(shown_invalid(text).is_some(), is_shown, "{text}");
        }
    }
}
