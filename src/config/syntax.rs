//! What is not TOML. The parser's own words are not repeated, as they may quote the file.

use std::collections::BTreeSet;

use super::ConfigText;
use super::keys::TableKind;
use super::line_index::LineIndex;
use super::mistake::{Excerpt, Mistake, MistakeKind};
use crate::options::table::OptionSpec;

/// Why a line is not TOML.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SyntaxFault {
    /// A key or a table is there twice.
    Duplicate,
    /// A string is not in quotes, or there is no value.
    Quotes,
    /// A quote, a bracket or a brace is not closed.
    Unclosed,
    /// There is no `=`.
    NoAssignment,
    /// An escape in a string is not one.
    Escape,
    /// A key is not one.
    Key,
    /// Too many nested tables or arrays.
    Depth,
    /// Something else.
    Other,
}

/// What the messages of the parser begin with, and what they mean.
const FAULTS: &[(&str, SyntaxFault)] = &[
    ("duplicate key", SyntaxFault::Duplicate),
    ("string values must be quoted", SyntaxFault::Quotes),
    ("unclosed", SyntaxFault::Unclosed),
    ("invalid basic string, expected `\"`", SyntaxFault::Unclosed),
    ("invalid literal string, expected `'`", SyntaxFault::Unclosed),
    ("invalid multi-line basic string, expected `\"`", SyntaxFault::Unclosed),
    ("invalid multi-line literal string, expected `'`", SyntaxFault::Unclosed),
    // There is no `=`, either.
    ("missing value for key", SyntaxFault::NoAssignment),
    ("missing value", SyntaxFault::Quotes),
    ("key with no value", SyntaxFault::NoAssignment),
    ("missing assignment", SyntaxFault::NoAssignment),
    ("missing escaped value", SyntaxFault::Escape),
    ("too few unicode value digits", SyntaxFault::Escape),
    ("invalid unquoted key", SyntaxFault::Key),
    ("unquoted keys cannot be empty", SyntaxFault::Key),
    ("keys cannot be multi-line", SyntaxFault::Key),
    ("cannot recurse further", SyntaxFault::Depth),
    ("recursion limit", SyntaxFault::Depth),
];

impl SyntaxFault {
    fn of(message: &str) -> Self {
        let fault = FAULTS.iter().find(|(begin, _)| message.starts_with(begin));
        fault.map_or(Self::Other, |(_, fault)| *fault)
    }

    /// Returns what to do.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Duplicate => "this key or table is in the file twice",
            Self::Quotes => "write a value; strings are in quotes: `\"…\"`",
            Self::Unclosed => "close the quote, bracket or brace",
            Self::NoAssignment => "write `=` and a value after the key",
            Self::Escape => "write `\\\\` for a backslash, or put the string in single quotes",
            Self::Key => "a key consists of letters, digits, `-` and `_`, or is in quotes",
            Self::Depth => "too many nested tables or arrays",
            Self::Other => "write `key = \"value\"`, `[table]` or `# comment`",
        }
    }
}

/// Returns the mistakes of the parser's errors: the first of each line, as others follow from it.
pub(super) fn mistakes(
    source: &ConfigText<'_>,
    lines: &LineIndex<'_>,
    errors: &[toml::de::Error],
) -> Vec<Mistake> {
    let mut lines_with_one = BTreeSet::new();
    let all = errors.iter().map(|error| mistake(source, lines, error));
    all.filter(|mistake| lines_with_one.insert(mistake.line)).collect()
}

fn mistake(source: &ConfigText<'_>, lines: &LineIndex<'_>, error: &toml::de::Error) -> Mistake {
    let offset = error.span().map_or(0, |span| span.start).min(source.text.len());
    let (line, column) = lines.position(offset);
    Mistake {
        line,
        column,
        excerpt: excerpt(lines.line(offset), column),
        kind: MistakeKind::Syntax(SyntaxFault::of(error.message())),
    }
}

/// Returns what may be shown of a line with an error at a column: a key that it begins with.
fn excerpt(line: &str, error_column: u32) -> Excerpt {
    let before = line.split('=').next().unwrap_or_default();
    let name = before.trim();
    let row = TableKind::ALL.iter().find_map(|table| table.key(name));
    let Some(key) = row.map(OptionSpec::id) else { return Excerpt::Hidden };
    let indent = before.len() - before.trim_start().len();
    let [column, end] = [indent, indent + key.len() + " =".len()]
        .map(|count| u32::try_from(count + 1).unwrap_or(u32::MAX));
    match error_column {
        at if at == column => Excerpt::Key(Some(key.into())),
        at if at >= end => Excerpt::Value { key, column },
        _ => Excerpt::Hidden,
    }
}
