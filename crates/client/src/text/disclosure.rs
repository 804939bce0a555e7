//! Which values of options and variables may be shown, in errors, logs and status alike.
//!
//! Any option can receive a key: `ROLES_ANYWHERE_PRIVATE_KEY="$(cat key.pem)"` is the classic
//! mistake of a CI job. Every text that repeats a value asks [`shown`] first.

mod contents;

use std::fmt;
use std::path::Path;

use crate::text::path;

pub use contents::Contents;

/// What an option or a variable may hold besides what it should hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Holds {
    /// Nothing secret by its nature: a Region, an ARN, a directory.
    Text,
    /// Key material, or a URL that may hold a password.
    Sensitive,
    /// A password, or the place of one.
    Password,
}

impl Holds {
    /// Returns what the option or variable of that name may hold: `--proxy`, `HTTPS_PROXY`.
    pub fn of(name: &str) -> Self {
        let own = option_of(name);
        match own.as_str() {
            _ if own.contains("password") => Self::Password,
            "certificate" | "private-key" | "intermediates" => Self::Sensitive,
            "proxy" | "http-proxy" | "https-proxy" | "all-proxy" => Self::Sensitive,
            "endpoint" | "secrets-endpoint" => Self::Sensitive,
            _ if own.starts_with("aws-endpoint-url") => Self::Sensitive,
            _ => Self::Text,
        }
    }
}

/// Returns the name of an option without its dashes, whether its flag or its variable is named.
pub fn option_of(name: &str) -> String {
    let own = name.strip_prefix("--").or_else(|| name.strip_prefix("ROLES_ANYWHERE_"));
    own.unwrap_or(name).to_ascii_lowercase().replace('_', "-")
}

/// Tells whether a path exists. It is asked only when an error is made.
#[derive(Clone, Copy)]
pub struct Paths<'a>(pub &'a dyn Fn(&Path) -> bool);

impl Paths<'_> {
    /// Returns whether `path` exists.
    pub fn exists(self, path: &str) -> bool {
        (self.0)(&path::path(path))
    }
}

impl fmt::Debug for Paths<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Paths")
    }
}

/// A value as a text for people may hold it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Shown {
    /// The value itself.
    Value(String),
    /// It is not shown; what it is, as far as that can be told.
    Hidden(Option<Contents>),
}

impl Shown {
    /// Returns the value if it may be shown.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Value(value) => Some(value),
            Self::Hidden(_) => None,
        }
    }
}

/// Returns `value` as a text may hold it; `exists` tells whether it is the path of something.
pub fn shown(value: &str, holds: Holds, exists: impl FnOnce() -> bool) -> Shown {
    let contents = Contents::of(value);
    if contents.is_some() || value.contains(is_line_break) {
        return Shown::Hidden(contents);
    }
    let short = value.len() <= LONGEST;
    let harmless = match holds {
        Holds::Password => short && begins_as_path(value),
        Holds::Sensitive => is_arn(value) || short && is_harmless(value),
        Holds::Text => is_arn(value) || short && (is_harmless(value) || is_brief(value)),
    };
    match harmless || exists() {
        true => Shown::Value(value.to_owned()),
        false => Shown::Hidden(None),
    }
}

/// Returns whether a value can be taken for the name of something that is to be created. What is
/// there is shown: a key that became the name of a file would be in every text from then on.
pub fn is_new_name(value: &str, paths: Paths<'_>) -> bool {
    let known = || paths.exists(value);
    let within = || value.rsplit_once('/').is_some_and(|(above, _)| paths.exists(above));
    // Keys are ASCII; a name in another script is not shown for what it may be besides.
    let foreign =
        || !value.is_ascii() && value.chars().count() <= BRIEF && !value.contains(is_line_break);
    Contents::of(value).is_none() && (is_shown(value) || foreign() || known() || within())
}

/// Returns whether a value that is no path may be shown.
pub fn is_shown(value: &str) -> bool {
    shown(value, Holds::Text, || false).value().is_some()
}

/// Returns whether AWS may repeat a value that it was sent: one that may be shown, a name of words
/// (`prod/payments/postgres/app-credentials`) or a UUID, both of which are often longer than a text
/// that is shown whatever it is. Without its name, a refusal says little.
pub fn may_be_repeated(value: &str) -> bool {
    is_shown(value)
        || is_uuid(value)
        || value.len() <= LONGEST && value.split(SEPARATORS).all(is_word)
}

const SEPARATORS: [char; 7] = ['/', '-', '_', '.', ':', '@', '+'];

/// Returns whether letters, and then a few digits, are all there is, and the letters are of one case or
/// form words with a capital each: encoded octets mix letters and digits at random.
fn is_word(word: &str) -> bool {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit()).as_bytes();
    let one_case =
        letters.iter().all(u8::is_ascii_lowercase) || letters.iter().all(u8::is_ascii_uppercase);
    letters.len() <= BRIEF
        && word.len() - letters.len() <= 8
        && letters.iter().all(u8::is_ascii_alphabetic)
        && (one_case || letters.split(u8::is_ascii_lowercase).all(|capitals| capitals.len() <= 1))
        && (one_case || letters.split(u8::is_ascii_uppercase).skip(1).all(|rest| rest.len() >= 2))
}

fn is_uuid(value: &str) -> bool {
    let hex = |word: &str| word.bytes().all(|b| b.is_ascii_hexdigit());
    let words: Vec<&str> = value.split('-').collect();
    words.iter().map(|word| word.len()).eq([8, 4, 4, 4, 12]) && words.into_iter().all(hex)
}

/// Returns the value of a field of a log event; `exists` says whether it is the path of something.
pub fn field(value: &str, exists: bool) -> String {
    match shown(value, Holds::Text, || exists) {
        Shown::Value(value) => value,
        Shown::Hidden(_) => HIDDEN.to_owned(),
    }
}

/// Returns the name of a profile for a field of a log event.
pub fn profile_field(name: &str) -> String {
    if may_be_repeated(name) { name.to_owned() } else { HIDDEN.to_owned() }
}

/// Returns the name of a profile for a message.
pub fn profile_name(name: &str) -> String {
    if may_be_repeated(name) { format!("`{name}`") } else { HIDDEN.to_owned() }
}

/// What stands for a value that is not shown.
const HIDDEN: &str = "(not shown)";

/// Returns the text between backticks, or `instead` if it may not be shown.
pub fn quoted(value: &str, holds: Holds, instead: &str) -> String {
    match shown(value, holds, || false) {
        Shown::Value(value) => format!("`{value}`"),
        Shown::Hidden(_) => instead.to_owned(),
    }
}

/// Returns the name of a path that no option for key material named; `exists` says whether it is
/// known to be there.
pub fn path_name(path: &Path, exists: bool) -> String {
    match shown(&path.to_string_lossy(), Holds::Text, || exists) {
        Shown::Value(path) => format!("`{path}`"),
        Shown::Hidden(_) => "a path that is not shown".to_owned(),
    }
}

/// Returns whether a value is a flag such as `--private-key`: a password has digits or capitals, and
/// one that has not is no longer than a flag.
fn is_flag(value: &str) -> bool {
    let word = value.strip_prefix("--").unwrap_or_default();
    (2..=BRIEF).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

/// Returns a flag that stands for a value as a text may hold it.
pub fn shown_flag(value: &str, holds: Holds) -> Shown {
    match holds {
        Holds::Text | Holds::Sensitive if is_flag(value) => Shown::Value(value.to_owned()),
        _ => shown(value, holds, || false),
    }
}

/// The most bytes of a value that is shown, unless it is an ARN or exists as a path.
const LONGEST: usize = 255;
/// The most characters of a text that is shown whatever it is.
const BRIEF: usize = 32;

fn is_line_break(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn begins_as_path(value: &str) -> bool {
    ["/", "./", "../"].iter().any(|start| value.starts_with(start))
}

fn is_brief(value: &str) -> bool {
    let printable = value.bytes().all(|b| matches!(b, b' '..=b'~'));
    value.len() <= BRIEF && printable && !has_random_word(value)
}

/// Returns whether a word is as random as the last line of a PEM file is: 16 characters of base64 or
/// more, with capitals, small letters, and digits or signs among them.
fn has_random_word(value: &str) -> bool {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    value.split(|c| !is_base64(c)).filter(|word| word.len() >= 16).any(|word| {
        let has = |of: fn(&u8) -> bool| word.bytes().any(|b| of(&b));
        has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && has(|b| b.is_ascii_digit() || b"+=".contains(b))
    })
}

/// Returns whether a value is of a form that no key and no password has by accident.
fn is_harmless(value: &str) -> bool {
    begins_as_path(value)
        || value.starts_with('~')
        || is_number(value)
        || is_descriptor(value)
        || is_variable(value)
        || is_file_name(value)
        || is_public_url(value)
}

fn is_number(value: &str) -> bool {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    (1..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_descriptor(value: &str) -> bool {
    value.strip_prefix("fd:").is_some_and(|number| number.parse::<u32>().is_ok())
}

fn is_variable(value: &str) -> bool {
    let legal = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    let name = value.strip_prefix("env:").unwrap_or_default();
    (1..=40).contains(&name.len()) && name.bytes().all(legal)
}

fn is_file_name(value: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    value.len() <= 64 && value.contains('.') && value.bytes().all(legal)
}

/// Any `@` hides it: what stands before one may be a password that is not escaped.
fn is_public_url(value: &str) -> bool {
    let schemes = ["http://", "https://", "socks4://", "socks5://", "socks5h://", "socks://"];
    let begins = schemes.iter().any(|scheme| value.starts_with(scheme));
    begins && !value.contains('@') && url::Url::parse(value).is_ok_and(|url| url.has_host())
}

fn is_arn(value: &str) -> bool {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    let ["arn", partition, service, region, account, resource] = parts[..] else { return false };
    let word = |text: &str| {
        text.len() <= BRIEF && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    [partition, service, region, account].into_iter().all(word)
        && value.len() <= 2_048
        && resource.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
