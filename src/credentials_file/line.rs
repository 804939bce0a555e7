//! The lines of an INI file, told apart as Python's `configparser` does.

/// A line of an INI file.
pub(super) struct Line<'a> {
    /// All of it.
    pub(super) whole: &'a str,
    /// The blanks that it begins with.
    pub(super) indent: &'a str,
    /// LF, CRLF or CR; nothing at the end of a file that does not end in one.
    pub(super) ending: &'a str,
    /// What it is.
    pub(super) kind: Kind<'a>,
}

/// What a line is.
pub(super) enum Kind<'a> {
    /// Empty, or a comment.
    Aside,
    /// `[name]`, with anything behind it.
    Heading {
        /// The name to Python since 3.10: all up to the last bracket, blanks and comments too.
        python: &'a str,
        /// The name to who cuts a comment off first, and then the blanks; empty where they find none.
        others: &'a str,
    },
    /// `key = value` or `key: value`, or anything else that begins a new setting.
    Setting {
        /// What is left of the separator.
        key: &'a str,
        /// What is right of it in this line, without the blanks around it; `None` without a separator.
        value: Option<&'a str>,
    },
    /// Indented further than the setting above, whose value it belongs to.
    Continuation,
}

impl Line<'_> {
    /// Returns whether there is nothing but blanks in it.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self.kind, Kind::Aside) && trim(self.whole).is_empty()
    }
}

/// Splits a text into lines; put together again, they are the text.
pub(super) fn split(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut rest = text;
    // How far the setting is indented that a line may continue; none behind a heading.
    let mut open = None;
    while !rest.is_empty() {
        let (whole, ending, behind) = cut(rest);
        let content = &whole[..whole.len() - ending.len()];
        let (indent, content) = content.split_at(content.len() - trim_start(content).len());
        let depth = indent.chars().count();
        let continues = open.is_some_and(|open| depth > open);
        let kind = classify(trim_end(content), continues);
        match kind {
            Kind::Heading { .. } => open = None,
            Kind::Setting { .. } => open = Some(depth),
            Kind::Aside | Kind::Continuation => {}
        }
        lines.push(Line { whole, indent, ending, kind });
        rest = behind;
    }
    lines
}

/// Cuts the first line off: all of it, its ending, and what is behind it.
fn cut(text: &str) -> (&str, &str, &str) {
    let Some(at) = text.find(['\n', '\r']) else {
        return (text, "", "");
    };
    let length = if text[at..].starts_with("\r\n") { 2 } else { 1 };
    let (whole, behind) = text.split_at(at + length);
    (whole, &whole[at..], behind)
}

/// Tells what a line without the blanks around it is.
fn classify(content: &str, continues: bool) -> Kind<'_> {
    if content.is_empty() || content.starts_with(['#', ';']) {
        return Kind::Aside;
    }
    if continues {
        return Kind::Continuation;
    }
    if let Some(heading) = heading(content) {
        return heading;
    }
    match content.split_once(['=', ':']) {
        Some((key, value)) => Kind::Setting { key: trim_end(key), value: Some(trim_start(value)) },
        None => Kind::Setting { key: content, value: None },
    }
}

fn heading(content: &str) -> Option<Kind<'_>> {
    let name = content.strip_prefix('[')?;
    // `[]` is no heading to Python.
    let end = name.rfind(']').filter(|end| *end > 0)?;
    let comment = name.find(['#', ';']).unwrap_or(name.len());
    let others = trim_end(&name[..comment]).strip_suffix(']').unwrap_or_default();
    Some(Kind::Heading { python: &name[..end], others: trim(others) })
}

/// Returns whether Python takes a character for a blank (`str.isspace`): those of Unicode and the
/// four separators of ASCII.
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
