//! The AWS shared credentials file as text: sets the credentials of one profile, and nothing else.
//!
//! The file is taken apart as Python's `configparser` does it, which the AWS CLI reads it with; the
//! other SDKs read the outcome the same way. Where they disagree about a heading, each is served:
//! `[ a ]` and `[a] # see [b]` are the profile `a` to most of them and another one to the AWS CLI,
//! so they are edited, and an `[a]` for the AWS CLI is added; who reads both, merges them.
//! `[profile a]` belongs in the other file, `config`, so it is not the profile `a`.

pub mod contents;
pub mod file;
mod line;
mod merge;
mod syntax;
pub mod upkeep;

use std::fmt;
use std::str::FromStr;

use crate::credentials_file::contents::LongLivedKey;
use crate::credentials_file::line::{Kind, Line};
use roles_anywhere_client::credentials::Credentials;
use roles_anywhere_client::secret::SecretBytes;
pub use syntax::SyntaxError;

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
        match line::trim(name) == name {
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
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProfileError {
    /// AWS's answer holds what would be read as something else.
    #[error("AWS's `{0}` holds characters that a credentials file cannot")]
    Value(&'static str),
    /// No SDK reads it, and bytes added to it would damage it.
    #[error("it is UTF-16")]
    Utf16,
    /// The AWS CLI cannot read any of it.
    #[error("the AWS CLI cannot parse it")]
    Syntax(#[from] SyntaxError),
    /// The profile holds a key that AWS does not show again.
    #[error(transparent)]
    LongLived(#[from] LongLivedKey),
}

/// The names of the three settings, in the order in which they are added.
const KEYS: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];

/// What the session token was called once; the AWS CLI and boto3 look for it first.
const OLD_TOKEN: &str = "aws_security_token";

/// Sets the credentials of `profile` in the text of a credentials file; every other line stays.
///
/// A heading that SDKs read as different names is edited for each of them; a profile that is not
/// there, or not for the AWS CLI, is added at the end. A setting that has the value already keeps
/// its line, so that nothing changes if nothing is new; its repetitions in the same section, which
/// the AWS CLI refuses, are left out. A text that the AWS CLI cannot parse afterwards is refused.
pub fn replace(
    text: &[u8],
    profile: &ProfileName,
    credentials: &Credentials,
) -> Result<SecretBytes, ProfileError> {
    let values = values(credentials)?;
    let lines = line::split(legible(text)?);
    let mut output = Output { pieces: Vec::new(), values, ending: first_ending(&lines) };
    let mut found = false;
    let mut sections = sections(&lines).peekable();
    while let Some(section) = sections.next() {
        if is_of(section, profile) {
            found |= matches!(section[0].kind, Kind::Heading { python, .. } if python == profile.0);
            output.edit(section, sections.peek().map(|next| &next[0]));
        } else {
            output.pieces.extend(section.iter().map(|line| line.whole));
        }
    }
    if !found {
        output.append(lines.last(), profile);
    }
    // Of its final size at once, so that no copy of it stays behind in memory.
    let new = SecretBytes::new(output.pieces.concat().into_bytes());
    // Repetitions of our own keys are gone by now; what is left is told by its line in the file.
    syntax::check(&line::split(legible(new.expose())?))
        .map_err(|error| syntax::check(&lines).err().unwrap_or(error))?;
    Ok(new)
}

/// Returns a text as UTF-8, the only encoding that SDKs agree about.
fn legible(text: &[u8]) -> Result<&str, ProfileError> {
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(ProfileError::Utf16);
    }
    std::str::from_utf8(text).map_err(|error| {
        let before = &text[..error.valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        SyntaxError::Encoding { line }.into()
    })
}

/// Returns whether a section is a profile's to the AWS CLI or to other SDKs.
fn is_of(section: &[Line<'_>], profile: &ProfileName) -> bool {
    match section[0].kind {
        Kind::Heading { python, others } => [python, others].contains(&profile.0.as_str()),
        _ => false,
    }
}

/// Takes lines apart at the headings; what is before the first is a section without one.
fn sections<'a, 'b>(lines: &'b [Line<'a>]) -> impl Iterator<Item = &'b [Line<'a>]> {
    lines.chunk_by(|_, next| !matches!(next.kind, Kind::Heading { .. }))
}

fn values(credentials: &Credentials) -> Result<[&str; 3], ProfileError> {
    let values = [
        credentials.access_key_id.as_str(),
        credentials.secret_access_key.expose(),
        credentials.session_token.expose(),
    ];
    for (key, value) in KEYS.iter().zip(values) {
        // A `#` or `;` begins a comment, to some SDKs after a blank and to others anywhere.
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"#;".contains(&byte);
        if value.is_empty() || !value.bytes().all(is_plain) {
            return Err(ProfileError::Value(key));
        }
    }
    Ok(values)
}

fn first_ending<'a>(lines: &[Line<'a>]) -> &'a str {
    match lines.first() {
        Some(line) if !line.ending.is_empty() => line.ending,
        _ => "\n",
    }
}

/// The edited text, in pieces that are put together at the end.
struct Output<'a> {
    pieces: Vec<&'a str>,
    values: [&'a str; 3],
    /// How a new line ends.
    ending: &'a str,
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
        let indent = neighbour.map_or("", |line| line.indent);
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
            Kind::Setting { value, .. } if value == Some(self.values[key]) => {
                self.pieces.push(line.whole);
            }
            _ => self.write(line.indent, key, line.ending),
        }
    }

    /// Adds the settings that are nowhere in the section behind the line that was written last.
    fn add_missing(&mut self, last: &Line<'a>, indent: &'a str, first: [Option<usize>; 3]) {
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
        self.pieces.extend(["[", &profile.0, "]", self.ending]);
        for key in 0..KEYS.len() {
            self.write("", key, self.ending);
        }
    }

    fn write(&mut self, indent: &'a str, key: usize, ending: &'a str) {
        self.pieces.extend([indent, KEYS[key], " = ", self.values[key], ending]);
    }
}

/// Returns which of the three settings a line begins; SDKs read their names in any case.
fn setting(line: &Line<'_>) -> Option<&'static str> {
    let Kind::Setting { key, .. } = line.kind else { return None };
    KEYS.into_iter().find(|own| key.to_lowercase() == *own)
}

#[cfg(test)]
mod tests;
