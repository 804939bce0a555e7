//! The syntax errors of the AWS CLI: those of Python's `configparser`, then those of botocore's own
//! parser of nested settings. After one of them the AWS CLI reads no profile of the file.
//!
//! Errors name a line by its number and do not quote it, since a misplaced line may hold a secret.

use std::collections::BTreeMap;

use crate::credentials_file::line::{self, Line, LineKind};

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
    #[error("the file begins with a byte-order mark")]
    ByteOrderMark,
    /// A setting or any other text before the first heading.
    #[error("line {line} is before the first `[section]`")]
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
    /// The heading of a section that exists already.
    #[error("line {line} begins a section that already exists in line {first}")]
    SectionTwice {
        /// The line, from 1.
        line: usize,
        /// The line of the first heading.
        first: usize,
    },
    /// A setting that its section has already.
    #[error("line {line} sets a key that line {first} already sets in the same section")]
    SettingTwice {
        /// The line, from 1.
        line: usize,
        /// The line of the first setting.
        first: usize,
    },
    /// A block of nested settings with another line in it.
    #[error("line {line} begins nested settings, and not all of them are `key = value`")]
    Nested {
        /// The line, from 1.
        line: usize,
    },
    /// A heading after a blank that some SDKs do not regard as one.
    #[error("the heading in line {line} is indented with characters other than spaces and tabs")]
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
            LineKind::Heading { python, .. } => {
                // `[DEFAULT]` may be repeated, but its settings may not.
                if let Some(first) = headings.insert(python, number).filter(|_| python != "DEFAULT")
                {
                    return Err(SyntaxError::SectionTwice { line: number, first });
                }
                section = Some(python);
            }
            LineKind::Setting { key, value } => {
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
            LineKind::BlankOrComment | LineKind::Continuation => {}
        }
    }
    Ok(())
}

/// Refuses a line that is a heading to the AWS CLI, or ends a value, but not to other SDKs.
fn check_indent(line: &Line<'_>, number: usize) -> Result<(), SyntaxError> {
    let is_plain = line.indent.chars().all(|c| matches!(c, ' ' | '\t'));
    let content = line::trim(line.whole);
    match !is_plain && content.starts_with('[') && content.contains(']') {
        true => Err(SyntaxError::Indent { line: number }),
        false => Ok(()),
    }
}

/// Returns whether the lines that continue an empty value are nested settings, as botocore expects.
fn is_nested(behind: &[Line<'_>]) -> bool {
    let ours = behind
        .iter()
        .take_while(|line| matches!(line.kind, LineKind::BlankOrComment | LineKind::Continuation));
    ours.filter(|line| matches!(line.kind, LineKind::Continuation))
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
