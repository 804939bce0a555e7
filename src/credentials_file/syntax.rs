//! What of a credentials file the AWS CLI cannot parse: Python's `configparser`, then botocore's own
//! parser of nested settings. It reads all of a file or nothing.
//!
//! Errors name lines and quote none of them, since a line that is out of place may hold a secret.

use std::collections::BTreeMap;

use crate::credentials_file::line::{self, Kind, Line};

/// Why the AWS CLI cannot parse a credentials file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SyntaxError {
    /// Bytes that are not UTF-8.
    #[error("line {line} is not UTF-8")]
    Encoding {
        /// The line, from 1.
        line: usize,
    },
    /// A byte-order mark, which becomes a part of the first line.
    #[error("it begins with a byte-order mark")]
    ByteOrderMark,
    /// A setting or any other text before the first heading.
    #[error("line {line} stands before the first `[section]`")]
    NoSection {
        /// The line, from 1.
        line: usize,
    },
    /// Neither a heading nor a setting.
    #[error("line {line} is neither a `[section]` nor `key = value`")]
    NoSetting {
        /// The line, from 1.
        line: usize,
    },
    /// The heading of a section that is there already.
    #[error("line {line} begins a section that line {first} began already")]
    SectionTwice {
        /// The line, from 1.
        line: usize,
        /// The line of the first heading.
        first: usize,
    },
    /// A setting that its section has already.
    #[error("line {line} sets a key that line {first} of the same section set already")]
    SettingTwice {
        /// The line, from 1.
        line: usize,
        /// The line of the first setting.
        first: usize,
    },
    /// A block of nested settings, and something else in it.
    #[error("line {line} begins nested settings that are not all `key = value`")]
    Nested {
        /// The line, from 1.
        line: usize,
    },
    /// A heading behind a blank that some SDKs take for a part of the line.
    #[error("the heading of line {line} is indented by something other than spaces and tabs")]
    Indent {
        /// The line, from 1.
        line: usize,
    },
}

/// Refuses lines that the AWS CLI cannot parse.
pub(super) fn check(lines: &[Line<'_>]) -> Result<(), SyntaxError> {
    if lines.first().is_some_and(|line| line.whole.starts_with('\u{feff}')) {
        return Err(SyntaxError::ByteOrderMark);
    }
    let mut headings = BTreeMap::new();
    let mut settings = BTreeMap::new();
    let mut section = None;
    for (at, line) in lines.iter().enumerate() {
        let number = at + 1;
        check_indent(line, number)?;
        match line.kind {
            Kind::Heading { python, .. } => {
                // `[DEFAULT]` may be repeated, and its settings may not.
                if let Some(first) = headings.insert(python, number).filter(|_| python != "DEFAULT")
                {
                    return Err(SyntaxError::SectionTwice { line: number, first });
                }
                section = Some(python);
            }
            Kind::Setting { key, value } => {
                let Some(section) = section else {
                    return Err(SyntaxError::NoSection { line: number });
                };
                let Some(value) = value.filter(|_| !key.is_empty()) else {
                    return Err(SyntaxError::NoSetting { line: number });
                };
                if let Some(first) = settings.insert((section, key.to_lowercase()), number) {
                    return Err(SyntaxError::SettingTwice { line: number, first });
                }
                if value.is_empty() && !is_nested(&lines[number..]) {
                    return Err(SyntaxError::Nested { line: number });
                }
            }
            Kind::Aside | Kind::Continuation => {}
        }
    }
    Ok(())
}

/// Refuses what is a heading to the AWS CLI, or the end of a value, and another thing elsewhere.
fn check_indent(line: &Line<'_>, number: usize) -> Result<(), SyntaxError> {
    let is_plain = line.indent.chars().all(|c| matches!(c, ' ' | '\t'));
    let content = line::trim(line.whole);
    match !is_plain && content.starts_with('[') && content.contains(']') {
        true => Err(SyntaxError::Indent { line: number }),
        false => Ok(()),
    }
}

/// Returns whether the lines that continue an empty value are nested settings, as botocore takes
/// them for.
fn is_nested(behind: &[Line<'_>]) -> bool {
    let ours =
        behind.iter().take_while(|line| matches!(line.kind, Kind::Aside | Kind::Continuation));
    ours.filter(|line| matches!(line.kind, Kind::Continuation))
        .flat_map(|line| line.whole.split(is_line_end))
        .map(line::trim)
        .all(|line| line.is_empty() || line.contains('='))
}

/// Returns whether Python's `str.splitlines` ends a line at a character.
fn is_line_end(character: char) -> bool {
    matches!(
        character,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}
