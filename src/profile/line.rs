//! The lines of an INI file, told apart as Python's `configparser` does.

/// A line of an INI file.
pub(super) struct Line<'a> {
    /// All of it.
    pub(super) whole: &'a [u8],
    /// The blanks that it begins with.
    pub(super) indent: &'a [u8],
    /// LF, CRLF or CR; nothing at the end of a file that does not end in one.
    pub(super) ending: &'a [u8],
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
        python: &'a [u8],
        /// The name to who cuts a comment off first, and then the blanks; empty where they find none.
        others: &'a [u8],
    },
    /// `key = value` or `key: value`, or anything else that begins a new setting.
    Setting {
        /// What is left of the separator.
        key: &'a [u8],
        /// What is right of it in this line, without the blanks around it.
        value: &'a [u8],
    },
    /// Indented further than the setting above, whose value it belongs to.
    Continuation,
}

impl Line<'_> {
    /// Returns whether there is nothing but blanks in it.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self.kind, Kind::Aside) && self.whole.iter().all(u8::is_ascii_whitespace)
    }
}

/// Splits a text into lines; put together again, they are the text.
pub(super) fn split(text: &[u8]) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut rest = text;
    // How far the setting is indented that a line may continue; none behind a heading.
    let mut open = None;
    while !rest.is_empty() {
        let (whole, ending, behind) = cut(rest);
        let content = &whole[..whole.len() - ending.len()];
        let (indent, content) = content.split_at(content.len() - content.trim_ascii_start().len());
        let continues = open.is_some_and(|open| indent.len() > open);
        let kind = classify(content.trim_ascii_end(), continues);
        match kind {
            Kind::Heading { .. } => open = None,
            Kind::Setting { .. } => open = Some(indent.len()),
            Kind::Aside | Kind::Continuation => {}
        }
        lines.push(Line { whole, indent, ending, kind });
        rest = behind;
    }
    lines
}

/// Cuts the first line off: all of it, its ending, and what is behind it.
fn cut(text: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let Some(at) = text.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
        return (text, b"", b"");
    };
    let length = if text[at..].starts_with(b"\r\n") { 2 } else { 1 };
    let (whole, behind) = text.split_at(at + length);
    (whole, &whole[at..], behind)
}

/// Tells what a line without the blanks around it is.
fn classify(content: &[u8], continues: bool) -> Kind<'_> {
    if content.is_empty() || content.starts_with(b"#") || content.starts_with(b";") {
        return Kind::Aside;
    }
    if continues {
        return Kind::Continuation;
    }
    if let Some(heading) = heading(content) {
        return heading;
    }
    let separator = content.iter().position(|byte| matches!(byte, b'=' | b':'));
    let (key, value) =
        separator.map_or((content, &b""[..]), |at| (&content[..at], &content[at + 1..]));
    Kind::Setting { key: key.trim_ascii_end(), value: value.trim_ascii_start() }
}

fn heading(content: &[u8]) -> Option<Kind<'_>> {
    let name = content.strip_prefix(b"[")?;
    let end = name.iter().rposition(|byte| *byte == b']')?;
    let comment = name.iter().position(|byte| matches!(byte, b'#' | b';')).unwrap_or(name.len());
    let others = name[..comment].trim_ascii_end().strip_suffix(b"]").unwrap_or_default();
    Some(Kind::Heading { python: &name[..end], others: others.trim_ascii() })
}
