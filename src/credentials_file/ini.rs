//! The text of the credentials file: sets the credentials of one profile, and changes nothing else.
//!
//! The text is parsed like Python's `configparser` does it, as the AWS CLI reads the file with that, and
//! the result is read by the other SDKs in the same way. They disagree about some headings: `[ a ]` and
//! `[a] # see [b]` are the profile `a` to most of them and another one to the AWS CLI. Such a section
//! is edited, and an `[a]` is added for the AWS CLI; SDKs that read both merge them. `[profile a]`
//! belongs in the file `config`, so it is not the profile `a` here.

use std::fmt;
use std::str::FromStr;

use crate::credentials_file::conflicts::LongLivedKey;
use crate::credentials_file::key_comment::KeyComment;
use crate::credentials_file::line::{self, Line, LineKind};
use crate::credentials_file::profile_credentials::ProfileCredentials;
use crate::credentials_file::syntax::{self, SyntaxError};
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::escape;

/// The name of a profile, which every SDK reads in the same way from the heading of a section.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProfileName(pub(super) String);

impl FromStr for ProfileName {
    type Err = ProfileNameError;

    /// Refuses a name that would end the heading early, or would be read as another name.
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
        // Python ends a line at these, too.
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

/// Why a text is not the name of a profile.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProfileNameError {
    /// It is empty.
    #[error("the name is empty")]
    Empty,
    /// It has a character that ends a heading or a line.
    #[error("the name of a profile cannot contain {}", escape::character(*.0))]
    Character(char),
    /// SDKs disagree about blanks around a name.
    #[error("the name begins or ends with a space")]
    Blanks,
    /// The AWS CLI applies this section to every profile.
    #[error("the AWS CLI applies the section `[DEFAULT]` to every profile")]
    Defaults,
}

/// Why a credentials file cannot be edited.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProfileError {
    /// A credential of AWS's response has characters that would be read as something else.
    #[error("the `{0}` in AWS's response contains characters that a credentials file cannot hold")]
    Value(&'static str),
    /// A part of the access key of a secret has characters that would be read as something else.
    #[error("the `{0}` of the secret contains characters that a credentials file cannot hold")]
    OfSecret(&'static str),
    /// No SDK reads UTF-16, and added bytes would damage the file.
    #[error("the file is UTF-16")]
    Utf16,
    /// The AWS CLI cannot read any of it.
    #[error("the AWS CLI cannot parse the file")]
    Syntax(#[from] SyntaxError),
    /// The profile holds a key that AWS does not show again.
    #[error(transparent)]
    LongLived(#[from] LongLivedKey),
}

/// The names of the three settings, in the order in which they are added.
pub(super) const KEYS: [&str; 3] =
    ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];

/// The former name of the session token, which the AWS CLI and boto3 prefer.
pub(super) const LEGACY_TOKEN: &str = "aws_security_token";

/// Sets the credentials of `profile` in the text of a credentials file, and the comment about their secret below
/// its heading; every other line stays.
///
/// A section is edited if it is the profile to any SDK. If the AWS CLI finds none, a section is added at
/// the end. A setting that has the value already keeps its line, so that nothing changes if nothing is
/// new. Repetitions of a setting in one section, which the AWS CLI refuses, are removed. A text that the
/// AWS CLI cannot parse afterwards is an error.
pub fn replace(
    text: &[u8],
    profile: &ProfileName,
    credentials: &ProfileCredentials,
) -> Result<SecretBytes, ProfileError> {
    let values = credentials.values()?;
    let comment = credentials.comment().map(|comment| comment.to_string());
    let comment = comment.as_deref();
    let lines = line::split(utf8(text)?);
    let ending = first_ending(&lines);
    let mut writer = IniWriter { pieces: Vec::new(), values, comment, ending };
    let mut found = false;
    let mut sections = sections(&lines).peekable();
    while let Some(section) = sections.next() {
        if is_of(section, profile) {
            found |=
                matches!(section[0].kind, LineKind::Heading { python, .. } if python == profile.0);
            writer.edit(section, sections.peek().map(|next| &next[0]));
        } else {
            writer.pieces.extend(section.iter().map(|line| line.whole));
        }
    }
    if !found {
        writer.append(lines.last(), profile);
    }
    // Allocated in its final size, so that no copy of it stays behind in memory.
    let new = SecretBytes::new(writer.pieces.concat().into_bytes());
    // The new text is checked, as repetitions of our settings are gone from it; but the error names the
    // line of the file as it is.
    syntax::check(&line::split(utf8(new.expose())?))
        .map_err(|error| syntax::check(&lines).err().unwrap_or(error))?;
    Ok(new)
}

/// Returns a text as UTF-8, the only encoding that all SDKs read.
pub(super) fn utf8(text: &[u8]) -> Result<&str, ProfileError> {
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(ProfileError::Utf16);
    }
    std::str::from_utf8(text).map_err(|error| {
        let before = &text[..error.valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        SyntaxError::Encoding { line }.into()
    })
}

/// Returns whether a section is that of `profile` to the AWS CLI or to other SDKs.
pub(super) fn is_of(section: &[Line<'_>], profile: &ProfileName) -> bool {
    match section[0].kind {
        LineKind::Heading { python, others } => [python, others].contains(&profile.0.as_str()),
        _ => false,
    }
}

/// Splits lines into sections at the headings; lines before the first one are a section without heading.
pub(super) fn sections<'a, 'b>(lines: &'b [Line<'a>]) -> impl Iterator<Item = &'b [Line<'a>]> {
    lines.chunk_by(|_, next| !matches!(next.kind, LineKind::Heading { .. }))
}

fn first_ending<'a>(lines: &[Line<'a>]) -> &'a str {
    match lines.first() {
        Some(line) if !line.ending.is_empty() => line.ending,
        _ => "\n",
    }
}

/// The edited text, in pieces that are joined at the end.
struct IniWriter<'a> {
    pieces: Vec<&'a str>,
    /// `None` for a setting that is removed.
    values: [Option<&'a str>; 3],
    /// The comment about the secret of the key.
    comment: Option<&'a str>,
    /// The line ending of added lines.
    ending: &'a str,
}

impl<'a> IniWriter<'a> {
    /// Writes a section, from its heading on, with the three settings.
    ///
    /// A line that is indented further than the setting above it belongs to its value, even the `next`
    /// heading. So an added line is indented like its neighbour.
    fn edit(&mut self, section: &[Line<'a>], next: Option<&Line<'a>>) {
        let first = KEYS.map(|key| section.iter().position(|line| setting(line) == Some(key)));
        let last = first.iter().flatten().copied().max();
        let neighbour = match last {
            Some(at) => Some(&section[at]),
            None => {
                section.iter().find(|line| matches!(line.kind, LineKind::Setting { .. })).or(next)
            }
        };
        let indent = neighbour.map_or("", |line| line.indent);
        if !section[0].ending.is_empty() {
            self.ending = section[0].ending;
        }
        let mut comment = self.comment;
        if comment.is_some_and(|own| section.iter().any(|line| is_comment(line, own))) {
            comment = None;
        }
        let mut is_ours = false;
        for (at, line) in section.iter().enumerate() {
            if !matches!(line.kind, LineKind::BlankOrComment | LineKind::Continuation) {
                is_ours = setting(line).is_some();
            }
            match first.iter().position(|first| *first == Some(at)) {
                Some(key) => self.set(line, key),
                None if is_ours && !matches!(line.kind, LineKind::BlankOrComment) => {}
                // That of another key, or of a session before it.
                None if self.is_old_comment(line) => {}
                None => self.pieces.push(line.whole),
            }
            if at == 0 {
                self.add_comment(comment.take(), line);
            }
            if at == last.unwrap_or(0) {
                self.add_missing(line, indent, first);
            }
        }
    }

    /// Writes a setting that exists already.
    fn set(&mut self, line: &Line<'a>, key: usize) {
        match line.kind {
            LineKind::Setting { value, .. } if value == self.values[key] && value.is_some() => {
                self.pieces.push(line.whole);
            }
            _ => self.write(line.indent, key, line.ending),
        }
    }

    fn is_old_comment(&self, line: &Line<'_>) -> bool {
        KeyComment::of_line(line).is_some()
            && !self.comment.is_some_and(|own| is_comment(line, own))
    }

    /// Adds the comment below a heading.
    fn add_comment(&mut self, comment: Option<&'a str>, heading: &Line<'a>) {
        let Some(comment) = comment else { return };
        if heading.ending.is_empty() {
            self.pieces.push(self.ending);
        }
        self.pieces.extend([comment, self.ending]);
    }

    /// Adds the settings that the section lacks, after the line that was written last.
    fn add_missing(&mut self, last: &Line<'a>, indent: &'a str, first: [Option<usize>; 3]) {
        let values = self.values;
        let missing = (0..KEYS.len()).filter(|key| first[*key].is_none() && values[*key].is_some());
        for (count, key) in missing.enumerate() {
            let is_unended = self.pieces.last().is_some_and(|piece| !piece.ends_with(['\n', '\r']));
            if count == 0 && last.ending.is_empty() && is_unended {
                self.pieces.push(self.ending);
            }
            self.write(indent, key, self.ending);
        }
    }

    /// Adds the section at the end of the file, after an empty line.
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
        self.pieces.extend(self.comment.into_iter().flat_map(|comment| [comment, self.ending]));
        for key in 0..KEYS.len() {
            self.write("", key, self.ending);
        }
    }

    fn write(&mut self, indent: &'a str, key: usize, ending: &'a str) {
        if let Some(value) = self.values[key] {
            self.pieces.extend([indent, KEYS[key], " = ", value, ending]);
        }
    }
}

/// Returns whether a line is this comment.
fn is_comment(line: &Line<'_>, comment: &str) -> bool {
    matches!(line.kind, LineKind::BlankOrComment) && line::trim(line.whole) == comment
}

/// Returns which of the three settings a line begins; SDKs ignore the case of their names.
fn setting(line: &Line<'_>) -> Option<&'static str> {
    let LineKind::Setting { key, .. } = line.kind else { return None };
    KEYS.into_iter().find(|own| key.to_lowercase() == *own)
}

#[cfg(test)]
mod tests;
