//! Which values of options and variables may be shown, in errors, logs and status lines.
//!
//! Any option can receive a key: a variable for a path that is set to `$(cat key.pem)` is the classic
//! mistake of a CI job. Every text that repeats a value calls [`shown`] first. Which option is how
//! sensitive is known to the program, which has the options.

mod key_material;

use std::fmt;
use std::path::Path;

use crate::text::path;

pub use key_material::KeyMaterialKind;

/// How sensitive the value of an option or a variable is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Sensitivity {
    /// Public by its nature: a Region, an ARN, a directory.
    Public,
    /// The path of key material, for which a user may give the key itself; or a URL, which may hold a
    /// password.
    Sensitive,
    /// A password, or the source of one.
    Password,
}

/// Returns whether a path exists. It is called only when an error is made.
#[derive(Clone, Copy)]
pub struct PathExists<'a>(pub &'a dyn Fn(&Path) -> bool);

impl PathExists<'_> {
    /// Returns whether `path` exists.
    pub fn exists(self, path: &str) -> bool {
        (self.0)(&path::path(path))
    }
}

impl fmt::Debug for PathExists<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PathExists")
    }
}

/// A value in the form in which a message may show it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DisplayValue {
    /// The value itself.
    Value(String),
    /// It is not shown; the kind of key material, if it is recognized as one.
    Hidden(Option<KeyMaterialKind>),
}

impl DisplayValue {
    /// Returns the value if it may be shown.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Value(value) => Some(value),
            Self::Hidden(_) => None,
        }
    }
}

/// Returns `value` as a message may show it; `exists` says whether it is an existing path.
pub fn shown(value: &str, sensitivity: Sensitivity, exists: impl FnOnce() -> bool) -> DisplayValue {
    let contents = KeyMaterialKind::of(value);
    if contents.is_some() || value.contains(is_line_break) {
        return DisplayValue::Hidden(contents);
    }
    let short = value.len() <= LONGEST;
    let harmless = match sensitivity {
        Sensitivity::Password => short && begins_as_path(value),
        Sensitivity::Sensitive => is_arn(value) || short && is_harmless(value),
        Sensitivity::Public => is_arn(value) || short && (is_harmless(value) || is_brief(value)),
    };
    match harmless || exists() {
        true => DisplayValue::Value(value.to_owned()),
        false => DisplayValue::Hidden(None),
    }
}

/// Returns whether a value can be the name of a file that is to be created.
///
/// An existing path is shown in full. So a key must not become the name of a file: every later message
/// would show it.
pub fn is_new_name(value: &str, paths: PathExists<'_>) -> bool {
    let known = || paths.exists(value);
    let within = || value.rsplit_once('/').is_some_and(|(above, _)| paths.exists(above));
    // Keys are ASCII, so a name in another script is no key; it may still be a password, and is not
    // shown.
    let foreign =
        || !value.is_ascii() && value.chars().count() <= BRIEF && !value.contains(is_line_break);
    KeyMaterialKind::of(value).is_none() && (is_shown(value) || foreign() || known() || within())
}

/// Returns whether a value that is not a path may be shown.
pub fn is_shown(value: &str) -> bool {
    shown(value, Sensitivity::Public, || false).value().is_some()
}

/// Returns whether a value that was sent to AWS may be shown in AWS's error message: a value that may
/// be shown anyway, a name made of words (`prod/payments/postgres/app-credentials`), or a UUID.
///
/// Both are often longer than 32 characters, and without its name the message says little.
pub fn may_be_repeated(value: &str) -> bool {
    is_shown(value)
        || is_uuid(value)
        || value.len() <= LONGEST && value.split(SEPARATORS).all(is_word)
}

const SEPARATORS: [char; 7] = ['/', '-', '_', '.', ':', '@', '+'];

/// Returns whether a word consists of letters and then a few digits, and the letters are of one case or
/// camel case. Encoded bytes mix letters and digits at random.
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

/// Returns the value of a field of a log event; `exists` says whether it is an existing path.
pub fn field(value: &str, exists: bool) -> String {
    match shown(value, Sensitivity::Public, || exists) {
        DisplayValue::Value(value) => value,
        DisplayValue::Hidden(_) => HIDDEN.to_owned(),
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

/// The text in place of a value that is not shown.
const HIDDEN: &str = "(not shown)";

/// Returns the text between backticks, or `instead` if it may not be shown.
pub fn quoted(value: &str, sensitivity: Sensitivity, instead: &str) -> String {
    match shown(value, sensitivity, || false) {
        DisplayValue::Value(value) => format!("`{value}`"),
        DisplayValue::Hidden(_) => instead.to_owned(),
    }
}

/// Returns the name of a path that does not come from an option for key material; `exists` says whether
/// it is known to exist.
pub fn path_name(path: &Path, exists: bool) -> String {
    match shown(&path.to_string_lossy(), Sensitivity::Public, || exists) {
        DisplayValue::Value(path) => format!("`{path}`"),
        DisplayValue::Hidden(_) => "a path that is not shown".to_owned(),
    }
}

/// Returns whether a value looks like a long flag. Passwords usually have digits or
/// capitals.
fn is_flag(value: &str) -> bool {
    let word = value.strip_prefix("--").unwrap_or_default();
    (2..=BRIEF).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

/// Returns a flag in the place of a value, as a message may show it.
pub fn shown_flag(value: &str, sensitivity: Sensitivity) -> DisplayValue {
    match sensitivity {
        Sensitivity::Public | Sensitivity::Sensitive if is_flag(value) => {
            DisplayValue::Value(value.to_owned())
        }
        _ => shown(value, sensitivity, || false),
    }
}

/// The length in bytes of the longest value that is shown, unless it is an ARN or an existing path.
const LONGEST: usize = 255;
/// The length of the longest text that is shown whatever its form: shorter than any key.
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

/// Returns whether a word looks as random as the last line of a PEM file: 16 characters of base64 or
/// more, with upper case, lower case, and digits or signs.
fn has_random_word(value: &str) -> bool {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    value.split(|c| !is_base64(c)).filter(|word| word.len() >= 16).any(|word| {
        let has = |of: fn(&u8) -> bool| word.bytes().any(|b| of(&b));
        has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && has(|b| b.is_ascii_digit() || b"+=".contains(b))
    })
}

/// Returns whether a value has a form that no key and no password has by chance.
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

/// Returns whether a value is a URL without a password. Any `@` hides it: the text before it may be a
/// password that is not escaped.
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
