//! Rendered files: who may read them, and how they differ from those that are there.

use std::fmt;
use std::path::Path;

/// Who may read a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileAccess {
    /// The mode.
    pub mode: FileMode,
    /// The owner; `None` for the user of the process.
    pub owner: Option<OwnerName>,
}

/// The permissions of a file: nine bits, of which the owner may read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FileMode(u32);

impl FileMode {
    /// What the mode of a file is, for messages.
    pub const EXPECTED: &'static str = "three or four octal digits from 0400 to 0777";
    /// The owner may read, and no one else: a file is replaced, not written to.
    pub const READ_ONLY: Self = Self(0o400);

    /// Reads `400` or `0400`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_octal = text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        let mode = u32::from_str_radix(text, 8).ok().filter(|_| is_octal && text.len() <= 4)?;
        ((0o400..=0o777).contains(&mode)).then_some(Self(mode))
    }

    /// Returns its bits.
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

/// The name or the number of a user, and of a group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OwnerName {
    /// The user.
    pub user: String,
    /// The group; `None` for that of the user.
    pub group: Option<String>,
}

impl OwnerName {
    /// What an owner is, for messages.
    pub const EXPECTED: &'static str = "USER or USER:GROUP";

    /// Reads `USER` or `USER:GROUP`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = |name: &str| {
            let is_character = |b: u8| b.is_ascii_graphic() && !b":/,".contains(&b);
            !name.is_empty() && !name.starts_with('-') && name.bytes().all(is_character)
        };
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        (is_name(user) && group.is_none_or(is_name))
            .then(|| Self { user: user.to_owned(), group: group.map(str::to_owned) })
    }
}

/// How a file differs from what was rendered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileState {
    /// It does not.
    Unchanged,
    /// There is none.
    Missing,
    /// Its contents.
    Contents,
    /// Its mode, which is this one.
    Mode(u32),
    /// Its owner.
    Owner,
    /// It is in the directory, and was not rendered.
    Extra,
}

/// Where rendered files are.
#[derive(Clone, Copy, Debug)]
pub enum RenderedPath<'a> {
    /// One file.
    File(&'a Path),
    /// A directory of files.
    Dir(&'a Path),
}

/// What to do with a difference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnDifference {
    /// Write it, and leave a mark beside it until something is done about that.
    WriteAndMark,
    /// Write what was rendered.
    Write,
    /// Leave it as it is.
    Report,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal_and_readable() {
        for (text, mode) in [("400", 0o400), ("0400", 0o400), ("640", 0o640), ("0777", 0o777)] {
            assert_eq!(FileMode::parse(text).unwrap().bits(), mode);
        }
        for text in ["", "0", "377", "1000", "4755", "00400", "0x400", "+400", "480", "u=r"] {
            assert_eq!(FileMode::parse(text), None, "{text}");
        }
        assert_eq!(FileMode::parse("640").unwrap().to_string(), "0640");
    }

    #[test]
    fn owners_are_users_and_groups() {
        let owner = |text: &str| OwnerName::parse(text).map(|owner| (owner.user, owner.group));
        assert_eq!(owner("app"), Some(("app".to_owned(), None)));
        assert_eq!(owner("1000:www-data"), Some(("1000".to_owned(), Some("www-data".to_owned()))));
        for text in ["", ":", "app:", ":app", "a:b:c", "-x", "a b", "a/b", "ä"] {
            assert_eq!(owner(text), None, "{text}");
        }
    }
}
