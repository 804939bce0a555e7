//! The formats in which variables are printed for shells and other programs.
//!
//! Each is written so that all versions of its readers read the same value; a value for which there is
//! no such text is refused. How each is read: `docs/export.md`.

mod cmd;
mod docker;
mod dotenv;
mod fish;
pub mod github;
mod json;
mod powershell;
mod properties;
mod sh;
mod systemd;

use std::fmt;

use zeroize::Zeroizing;

use crate::output::usage::MAX_NAMES;
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// A format of variables, but [`github`], which is written with random numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VariableFormat {
    /// POSIX shells: `eval "$(…)"`.
    Sh,
    /// The fish shell: `… | source`.
    Fish,
    /// PowerShell: `… | Out-String | Invoke-Expression`.
    PowerShell,
    /// `cmd.exe`: a batch file.
    Cmd,
    /// `.env` files, as far as their readers agree.
    Dotenv,
    /// `docker run --env-file`.
    Docker,
    /// `EnvironmentFile=` of a systemd unit.
    Systemd,
    /// An object of JSON.
    Json,
    /// A file of Java's `Properties`.
    Properties,
}

impl VariableFormat {
    /// All formats.
    pub const ALL: [Self; 9] = [
        Self::Sh,
        Self::Fish,
        Self::PowerShell,
        Self::Cmd,
        Self::Dotenv,
        Self::Docker,
        Self::Systemd,
        Self::Json,
        Self::Properties,
    ];

    /// Returns the format with a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Returns its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sh => "sh",
            Self::Fish => "fish",
            Self::PowerShell => "powershell",
            Self::Cmd => "cmd",
            Self::Dotenv => "dotenv",
            Self::Docker => "docker",
            Self::Systemd => "systemd",
            Self::Json => "json",
            Self::Properties => "properties",
        }
    }

    /// Writes one variable, or says what it cannot write.
    fn write(self, text: &mut String, name: &str, value: &str) -> Result<(), Unwritable> {
        // JSON and Java have names of any kind and NUL bytes. No system has either in a variable.
        if !matches!(self, Self::Json | Self::Properties) {
            check_variable(name, value)?;
        }
        match self {
            Self::Sh => sh::write(text, name, value),
            Self::Fish => fish::write(text, name, value),
            Self::PowerShell => powershell::write(text, name, value)?,
            Self::Cmd => cmd::write(text, name, value)?,
            Self::Dotenv => dotenv::write(text, name, value)?,
            Self::Docker => docker::write(text, name, value)?,
            Self::Systemd => systemd::write(text, name, value)?,
            Self::Json => json::write(text, name, value),
            Self::Properties => properties::write(text, name, value),
        }
        Ok(())
    }
}

/// Returns the variables in a format, in their order. The error names every variable that the format
/// cannot hold.
pub fn render(
    format: VariableFormat,
    variables: &[(&str, &Secret)],
) -> Result<SecretBytes, FormatError> {
    let mut text =
        render_by(format.name(), variables, |text, name, value| format.write(text, name, value))?;
    if format == VariableFormat::Json {
        json::enclose(&mut text);
    }
    Ok(into_bytes(text))
}

/// Returns the text that `write` makes of the variables, one by one.
fn render_by(
    format: &'static str,
    variables: &[(&str, &Secret)],
    mut write: impl FnMut(&mut String, &str, &str) -> Result<(), Unwritable>,
) -> Result<Zeroizing<String>, FormatError> {
    let mut text = buffer(variables);
    let mut refused = Vec::new();
    for (name, value) in variables {
        if let Err(why) = write(&mut text, name, value.expose()) {
            refused.push(RefusedVariable { name: (*name).to_owned(), why });
        }
    }
    if refused.is_empty() { Ok(text) } else { Err(FormatError { format, refused }) }
}

/// Returns what removes variables from the environment of a shell; `None` for the format of a file.
pub fn unset(format: VariableFormat, names: &[&str]) -> Option<String> {
    let write: fn(&mut String, &str) = match format {
        VariableFormat::Sh => sh::unset,
        VariableFormat::Fish => fish::unset,
        VariableFormat::PowerShell => powershell::unset,
        VariableFormat::Cmd => cmd::unset,
        VariableFormat::Dotenv
        | VariableFormat::Docker
        | VariableFormat::Systemd
        | VariableFormat::Json
        | VariableFormat::Properties => return None,
    };
    let mut text = String::new();
    for name in names {
        write(&mut text, name);
    }
    Some(text)
}

/// A format cannot hold some of the variables. Nothing of their values is quoted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the format `{format}` cannot hold {}", listed(refused))]
pub struct FormatError {
    /// The name of the format.
    pub format: &'static str,
    /// The variables, at least one.
    pub refused: Vec<RefusedVariable>,
}

/// A variable that a format cannot hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefusedVariable {
    /// Its name.
    pub name: String,
    /// What the format cannot hold.
    pub why: Unwritable,
}

/// What a format cannot hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unwritable {
    /// The name is not one of letters, digits and underscores that begins with no digit.
    Name,
    /// The name is one that the reader refuses.
    ReservedName,
    /// The value is empty, which removes the variable.
    Empty,
    /// The value has a character that the format cannot hold: its description.
    Character(&'static str),
    /// The value has characters that readers of the format read in different ways.
    Ambiguous,
    /// The line is too long.
    TooLong {
        /// The most bytes of a line.
        limit: usize,
    },
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("its name may have only letters, digits and `_`"),
            Self::ReservedName => f.write_str("its name is reserved"),
            Self::Empty => f.write_str("its value is empty"),
            Self::Character(character) => write!(f, "its value has {character}"),
            Self::Ambiguous => f.write_str("programs read its value in different ways"),
            Self::TooLong { limit } => write!(f, "its line is longer than {limit} bytes"),
        }
    }
}

fn listed(refused: &[RefusedVariable]) -> String {
    let shown = refused.iter().take(MAX_NAMES);
    let shown: Vec<_> = shown.map(|it| format!("`{}` ({})", it.name, it.why)).collect();
    let more = refused.len() - shown.len();
    let shown = shown.join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// Returns an empty text that is large enough for the variables in every format: a buffer left behind
/// by growth would not be wiped.
fn buffer(variables: &[(&str, &Secret)]) -> Zeroizing<String> {
    // A line break in PowerShell is the longest escape, two random delimiters the most around a value.
    let of = |(name, value): &(&str, &Secret)| 8 * (name.len() + value.expose().len()) + 128;
    Zeroizing::new(String::with_capacity(variables.iter().map(of).sum::<usize>() + 16))
}

fn into_bytes(mut text: Zeroizing<String>) -> SecretBytes {
    SecretBytes::new(std::mem::take(&mut *text).into_bytes())
}

/// Refuses a NUL byte, which no environment can hold, and a name that no shell can assign to.
fn check_variable(name: &str, value: &str) -> Result<(), Unwritable> {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let mut bytes = name.bytes();
    let is_name = bytes.next().is_some_and(is_letter)
        && bytes.all(|byte| is_letter(byte) || byte.is_ascii_digit());
    if !is_name {
        return Err(Unwritable::Name);
    }
    if value.contains('\0') {
        return Err(Unwritable::Character("a NUL character"));
    }
    Ok(())
}

/// Writes a value between quotes, with `escape` for some of its characters.
fn write_quoted(
    text: &mut String,
    quote: char,
    value: &str,
    escape: impl Fn(char) -> Option<&'static str>,
) {
    text.push(quote);
    for c in value.chars() {
        match escape(c) {
            Some(escaped) => text.push_str(escaped),
            None => text.push(c),
        }
    }
    text.push(quote);
}

#[cfg(test)]
mod tests;
