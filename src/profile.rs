//! The AWS shared credentials file as text: sets the credentials of one profile, and nothing else.
//!
//! The file is taken apart as Python's `configparser` does it, which the AWS CLI reads it with; the
//! other SDKs read the outcome the same way. Where they disagree about a heading, each is served:
//! `[ a ]` and `[a] # see [b]` are the profile `a` to most of them and another one to the AWS CLI,
//! so they are edited, and an `[a]` for the AWS CLI is added; who reads both, merges them.
//! `[profile a]` belongs into the other file, `config`, so it is not the profile `a`.

pub mod file;
mod line;

use std::fmt;
use std::str::FromStr;

use crate::credentials::Credentials;
use crate::log::Value;
use crate::profile::line::{Kind, Line};
use crate::secret::SecretBytes;

/// The name of a profile that can be the heading of a section, and be read again by every SDK.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProfileName(String);

impl FromStr for ProfileName {
    type Err = ProfileNameError;

    /// Refuses what would end the heading early, or be read as another name.
    fn from_str(name: &str) -> Result<Self, ProfileNameError> {
        if name.is_empty() {
            return Err(ProfileNameError::Empty);
        }
        if name == "DEFAULT" {
            return Err(ProfileNameError::Defaults);
        }
        if let Some(character) = name.chars().find(|c| *c == ']' || c.is_control()) {
            return Err(ProfileNameError::Character(character));
        }
        // Python takes these for the end of a line, too.
        if let Some(character) = name.chars().find(|c| matches!(c, '\u{2028}' | '\u{2029}')) {
            return Err(ProfileNameError::Character(character));
        }
        match name.trim() == name {
            true => Ok(Self(name.to_owned())),
            false => Err(ProfileNameError::Blanks),
        }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Value for ProfileName {}

/// A text is not the name of a profile.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProfileNameError {
    /// There is none.
    #[error("the name is empty")]
    Empty,
    /// It holds what ends a heading.
    #[error("the name holds {0:?}")]
    Character(char),
    /// SDKs disagree about blanks around a name.
    #[error("the name begins or ends with a blank")]
    Blanks,
    /// What stands there counts for every profile.
    #[error("the AWS CLI takes what is under `[DEFAULT]` for every profile")]
    Defaults,
}

/// A credentials file cannot be edited.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProfileError {
    /// AWS's answer holds what would be read as something else.
    #[error("AWS's `{0}` holds characters that a credentials file cannot")]
    Value(&'static str),
    /// No SDK reads it, and bytes added to it would damage it.
    #[error("it is UTF-16")]
    Utf16,
}

/// The names of the three settings, in the order in which they are added.
const KEYS: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];

/// What the session token was called once; the AWS CLI and boto3 look for it first.
const OLD_TOKEN: &[u8] = b"aws_security_token";

/// What some editors begin UTF-8 with.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Sets the credentials of `profile` in the text of a credentials file; every other line stays.
///
/// A section that is there several times is edited each time, since SDKs differ in which they take;
/// one that is not there, or not to the AWS CLI, is added at the end. A setting that holds the value already keeps its
/// line, so that nothing changes where nothing is new; its repetitions in the same section, which
/// the AWS CLI refuses, are left out.
pub fn replace(
    text: &[u8],
    profile: &ProfileName,
    credentials: &Credentials,
) -> Result<SecretBytes, ProfileError> {
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(ProfileError::Utf16);
    }
    let values = values(credentials)?;
    let mark = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK } else { b"" };
    let lines = line::split(&text[mark.len()..]);
    let mut output = Output { pieces: vec![mark], values, ending: first_ending(&lines) };
    let name = profile.0.as_bytes();
    let mut found = false;
    let mut sections = sections(&lines).peekable();
    while let Some(section) = sections.next() {
        match section[0].kind {
            Kind::Heading { python, others } if [python, others].contains(&name) => {
                found |= python == name;
                output.edit(section, sections.peek().map(|next| &next[0]));
            }
            _ => output.pieces.extend(section.iter().map(|line| line.whole)),
        }
    }
    if !found {
        output.append(lines.last(), profile);
    }
    // Of its final size at once, so that no copy of it stays behind in memory.
    Ok(SecretBytes::new(output.pieces.concat()))
}

/// Returns whether a section of `profile` has a session token under its old name, which would be
/// taken before the one that [`replace`] sets.
pub fn has_old_token(text: &[u8], profile: &ProfileName) -> bool {
    let lines = line::split(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text));
    let name = profile.0.as_bytes();
    sections(&lines).any(|section| match section[0].kind {
        Kind::Heading { python, others } => {
            [python, others].contains(&name) && section.iter().any(is_old_token)
        }
        _ => false,
    })
}

fn is_old_token(line: &Line<'_>) -> bool {
    matches!(line.kind, Kind::Setting { key, .. } if key.eq_ignore_ascii_case(OLD_TOKEN))
}

/// Takes lines apart at the headings; what is before the first is a section without one.
fn sections<'a, 'b>(lines: &'b [Line<'a>]) -> impl Iterator<Item = &'b [Line<'a>]> {
    lines.chunk_by(|_, next| !matches!(next.kind, Kind::Heading { .. }))
}

fn values(credentials: &Credentials) -> Result<[&[u8]; 3], ProfileError> {
    let values = [
        credentials.access_key_id.as_bytes(),
        credentials.secret_access_key.expose().as_bytes(),
        credentials.session_token.expose().as_bytes(),
    ];
    for (key, value) in KEYS.iter().zip(values) {
        // A `#` or `;` begins a comment, to some SDKs after a blank and to others anywhere.
        let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"#;".contains(byte);
        if value.is_empty() || !value.iter().all(is_plain) {
            return Err(ProfileError::Value(key));
        }
    }
    Ok(values)
}

fn first_ending<'a>(lines: &[Line<'a>]) -> &'a [u8] {
    match lines.first() {
        Some(line) if !line.ending.is_empty() => line.ending,
        _ => b"\n",
    }
}

/// The edited text, in pieces that are put together at the end.
struct Output<'a> {
    pieces: Vec<&'a [u8]>,
    values: [&'a [u8]; 3],
    /// How a new line ends.
    ending: &'a [u8],
}

impl<'a> Output<'a> {
    /// Writes a section, from its heading on, with the three settings.
    ///
    /// A line belongs to the setting above it where it is indented further, even the `next`
    /// heading, so what is added is indented like its neighbour.
    fn edit(&mut self, section: &[Line<'a>], next: Option<&Line<'a>>) {
        let first = KEYS.map(|key| section.iter().position(|line| setting(line) == Some(key)));
        let last = first.iter().flatten().copied().max();
        let neighbour = match last {
            Some(at) => Some(&section[at]),
            None => section.iter().find(|line| matches!(line.kind, Kind::Setting { .. })).or(next),
        };
        let indent = neighbour.map_or(&b""[..], |line| line.indent);
        if !section[0].ending.is_empty() {
            self.ending = section[0].ending;
        }
        let mut is_ours = false;
        for (at, line) in section.iter().enumerate() {
            if !matches!(line.kind, Kind::Aside | Kind::Continuation) {
                is_ours = setting(line).is_some();
            }
            match first.iter().position(|first| *first == Some(at)) {
                Some(key) => self.set(line, key),
                None if is_ours && !matches!(line.kind, Kind::Aside) => {}
                None => self.pieces.push(line.whole),
            }
            if at == last.unwrap_or(0) {
                self.add_missing(line, indent, first);
            }
        }
    }

    /// Writes a setting that is there already.
    fn set(&mut self, line: &Line<'a>, key: usize) {
        match line.kind {
            Kind::Setting { value, .. } if value == self.values[key] => {
                self.pieces.push(line.whole);
            }
            _ => self.write(line.indent, key, line.ending),
        }
    }

    /// Adds the settings that are nowhere in the section behind the line that was written last.
    fn add_missing(&mut self, last: &Line<'a>, indent: &'a [u8], first: [Option<usize>; 3]) {
        let missing = (0..KEYS.len()).filter(|key| first[*key].is_none());
        for (count, key) in missing.enumerate() {
            if count == 0 && last.ending.is_empty() {
                self.pieces.push(self.ending);
            }
            self.write(indent, key, self.ending);
        }
    }

    /// Adds the section at the end of the file, behind an empty line.
    fn append(&mut self, last: Option<&Line<'a>>, profile: &'a ProfileName) {
        if let Some(last) = last {
            if last.ending.is_empty() {
                self.pieces.push(self.ending);
            }
            if !last.is_blank() {
                self.pieces.push(self.ending);
            }
        }
        self.pieces.extend([b"[", profile.0.as_bytes(), b"]", self.ending]);
        for key in 0..KEYS.len() {
            self.write(b"", key, self.ending);
        }
    }

    fn write(&mut self, indent: &'a [u8], key: usize, ending: &'a [u8]) {
        self.pieces.extend([indent, KEYS[key].as_bytes(), b" = ", self.values[key], ending]);
    }
}

/// Returns which of the three settings a line begins; SDKs read their names in any case.
fn setting(line: &Line<'_>) -> Option<&'static str> {
    let Kind::Setting { key, .. } = line.kind else { return None };
    KEYS.into_iter().find(|own| own.as_bytes().eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests;
