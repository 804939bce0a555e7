//! The lines of an INI file, parsed like Python's `configparser` does it.

/// A line of an INI file.
pub(super) struct Line<'a> {
    /// The whole line, with its ending.
    pub(super) whole: &'a str,
    /// The blanks that it begins with.
    pub(super) indent: &'a str,
    /// LF, CRLF or CR; empty for a last line without ending.
    pub(super) ending: &'a str,
    /// Its kind.
    pub(super) kind: LineKind<'a>,
}

/// The kind of a line.
pub(super) enum LineKind<'a> {
    /// Only blanks, or a comment.
    BlankOrComment,
    /// `[name]`, with anything after it.
    Heading {
        /// The name to Python since 3.10: everything up to the last bracket, blanks and comments too.
        python: &'a str,
        /// The name to parsers that remove a comment first, and then blanks; empty if they find none.
        others: &'a str,
    },
    /// `key = value` or `key: value`, or anything else that begins a new setting.
    Setting {
        /// The text before the separator.
        key: &'a str,
        /// The text after it in this line, without blanks around it; `None` without a separator.
        value: Option<&'a str>,
    },
    /// A line of the value of the setting above, since it is indented further.
    Continuation,
}

impl Line<'_> {
    /// Returns whether it has only blanks.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self.kind, LineKind::BlankOrComment) && trim(self.whole).is_empty()
    }
}

/// Splits a text into lines; joined, they are the text again.
pub(super) fn split(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut rest = text;
    // The indentation of the setting that a line may continue; none after a heading.
    let mut open = None;
    while !rest.is_empty() {
        let (whole, ending, behind) = cut(rest);
        let content = &whole[..whole.len() - ending.len()];
        let (indent, content) = content.split_at(content.len() - trim_start(content).len());
        let depth = indent.chars().count();
        let continues = open.is_some_and(|open| depth > open);
        let kind = classify(trim_end(content), continues);
        match kind {
            LineKind::Heading { .. } => open = None,
            LineKind::Setting { .. } => open = Some(depth),
            LineKind::BlankOrComment | LineKind::Continuation => {}
        }
        lines.push(Line { whole, indent, ending, kind });
        rest = behind;
    }
    lines
}

/// Returns the first line, its ending, and the text after it.
fn cut(text: &str) -> (&str, &str, &str) {
    let Some(at) = text.find(['\n', '\r']) else {
        return (text, "", "");
    };
    let length = if text[at..].starts_with("\r\n") { 2 } else { 1 };
    let (whole, behind) = text.split_at(at + length);
    (whole, &whole[at..], behind)
}

/// Returns the kind of a line, given without the blanks around it.
fn classify(content: &str, continues: bool) -> LineKind<'_> {
    if content.is_empty() || content.starts_with(['#', ';']) {
        return LineKind::BlankOrComment;
    }
    if continues {
        return LineKind::Continuation;
    }
    if let Some(heading) = heading(content) {
        return heading;
    }
    match content.split_once(['=', ':']) {
        Some((key, value)) => {
            LineKind::Setting { key: trim_end(key), value: Some(trim_start(value)) }
        }
        None => LineKind::Setting { key: content, value: None },
    }
}

fn heading(content: &str) -> Option<LineKind<'_>> {
    let name = content.strip_prefix('[')?;
    // `[]` is not a heading to Python.
    let end = name.rfind(']').filter(|end| *end > 0)?;
    let comment = name.find(['#', ';']).unwrap_or(name.len());
    let others = trim_end(&name[..comment]).strip_suffix(']').unwrap_or_default();
    Some(LineKind::Heading { python: &name[..end], others: trim(others) })
}

/// Returns whether a character is a blank to Python (`str.isspace`): those of Unicode and the four
/// separators of ASCII.
pub(super) fn is_blank(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// Returns a text without the blanks around it, as Python's `str.strip` does.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_blank)
}

fn trim_start(text: &str) -> &str {
    text.trim_start_matches(is_blank)
}

fn trim_end(text: &str) -> &str {
    text.trim_end_matches(is_blank)
}
