//! What is not TOML. The parser's own words are not repeated, as they may quote the file.

use std::collections::BTreeSet;

use super::ConfigText;
use super::keys::TableKind;
use super::line_index::LineIndex;
use super::mistake::{Excerpt, Mistake, MistakeKind};
use crate::options::table::OptionSpec;

/// Why a line is not TOML.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SyntaxReason {
    /// A key or a table is there twice.
    Duplicate,
    /// A string is not in quotes, or there is no value.
    Quotes,
    /// A quote, a bracket or a brace is not closed, or a key in braces has no value.
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
const REASONS: &[(&str, SyntaxReason)] = &[
    ("duplicate key", SyntaxReason::Duplicate),
    ("string values must be quoted", SyntaxReason::Quotes),
    ("unclosed", SyntaxReason::Unclosed),
    ("invalid basic string, expected `\"`", SyntaxReason::Unclosed),
    ("invalid literal string, expected `'`", SyntaxReason::Unclosed),
    ("invalid multi-line basic string, expected `\"`", SyntaxReason::Unclosed),
    ("invalid multi-line literal string, expected `'`", SyntaxReason::Unclosed),
    // There is no `=`, either.
    ("missing value for key", SyntaxReason::NoAssignment),
    ("missing value", SyntaxReason::Quotes),
    ("key with no value", SyntaxReason::NoAssignment),
    ("missing assignment", SyntaxReason::NoAssignment),
    ("missing escaped value", SyntaxReason::Escape),
    ("too few unicode value digits", SyntaxReason::Escape),
    ("invalid unquoted key", SyntaxReason::Key),
    ("unquoted keys cannot be empty", SyntaxReason::Key),
    ("keys cannot be multi-line", SyntaxReason::Key),
    ("cannot recurse further", SyntaxReason::Depth),
    ("recursion limit", SyntaxReason::Depth),
];

impl SyntaxReason {
    fn of(message: &str) -> Self {
        let reason = REASONS.iter().find(|(begin, _)| message.starts_with(begin));
        reason.map_or(Self::Other, |(_, reason)| *reason)
    }

    /// Returns what to do.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Duplicate => "this key or table is in the file twice",
            Self::Quotes => "write a value; strings are in quotes: `\"…\"`",
            Self::Unclosed => "a value is missing, or a quote, bracket or brace is not closed",
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
        kind: MistakeKind::Syntax(SyntaxReason::of(error.message())),
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
