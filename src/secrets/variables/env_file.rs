//! Files of variables: Docker's `--env-file`, with the quotes of dotenv files.
//!
//! As for Docker: one `NAME=VALUE` a line, `#` at the start of a line begins a comment, a byte order
//! mark is dropped, `NAME` alone keeps the caller's value, and a value without quotes is what stands
//! behind the `=`, with its spaces, `#` and `$`. Docker keeps quotes as a part of the value; everything
//! else that reads such files removes them, and without them no value can have two lines.

use super::env_name::EnvName;
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// A line of a file.
#[derive(Clone, Debug)]
pub(super) struct EnvFileEntry {
    /// The line, from 1.
    pub line: u32,
    /// The variable.
    pub name: EnvName,
    /// Its value; `None` for the caller's.
    pub value: Option<Secret>,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EnvFileMistake {
    /// It is not UTF-8.
    NotUtf8,
    /// There is a space before the `=`.
    SpaceBeforeEquals,
    /// What is before the `=` is not the name of a variable.
    Name,
    /// The quote at the start of the value is not closed.
    Unclosed,
    /// There is more behind the closing quote.
    AfterQuote,
}

/// The variables of a file and its mistakes, each with its line.
#[derive(Debug, Default)]
pub(super) struct EnvFileLines {
    /// The variables.
    pub entries: Vec<EnvFileEntry>,
    /// The mistakes.
    pub mistakes: Vec<(u32, EnvFileMistake)>,
}

/// Reads a file.
pub(super) fn parse(bytes: &SecretBytes) -> EnvFileLines {
    let mut lines = EnvFileLines::default();
    let bytes = bytes.expose();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = bytes[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count();
            lines.mistakes.push((number(before + 1), EnvFileMistake::NotUtf8));
            return lines;
        }
    };
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 1;
    while !rest.is_empty() {
        let (entry, read) = match read_line(rest) {
            Ok((entry, read)) => (entry, read),
            Err(mistake) => {
                lines.mistakes.push((number(line), mistake));
                (None, first_line(rest).1)
            }
        };
        let entry = entry.map(|(name, value)| EnvFileEntry { line: number(line), name, value });
        lines.entries.extend(entry);
        line += rest[..read].matches('\n').count();
        rest = &rest[read..];
    }
    lines
}

fn number(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

/// Returns the first line without its end, and the length with it.
fn first_line(text: &str) -> (&str, usize) {
    let (line, read) = match text.split_once('\n') {
        Some((line, _)) => (line, line.len() + 1),
        None => (text, text.len()),
    };
    (line.strip_suffix('\r').unwrap_or(line), read)
}

/// A variable, and its value unless it is the caller's.
type NameAndValue = (EnvName, Option<Secret>);

/// Reads a line, or more than one if its value is in quotes. Returns the length of what was read.
fn read_line(text: &str) -> Result<(Option<NameAndValue>, usize), EnvFileMistake> {
    let (line, read) = first_line(text);
    let trimmed = line.trim_start();
    if trimmed.is_empty() || trimmed.starts_with('#') {
        return Ok((None, read));
    }
    let assignment = match trimmed.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
        _ => trimmed,
    };
    let Some((name, value)) = assignment.split_once('=') else {
        let name = EnvName::parse(assignment.trim_end()).ok_or(EnvFileMistake::Name)?;
        return Ok((Some((name, None)), read));
    };
    let Some(name) = EnvName::parse(name) else {
        return Err(match EnvName::parse(name.trim_end()) {
            Some(_) => EnvFileMistake::SpaceBeforeEquals,
            None => EnvFileMistake::Name,
        });
    };
    let Some(quote @ ('"' | '\'')) = value.chars().next() else {
        return Ok((Some((name, Some(Secret::new(value.to_owned())))), read));
    };
    let start = line.len() - value.len() + 1;
    let (value, length) = unquoted(&text[start..], quote).ok_or(EnvFileMistake::Unclosed)?;
    let (behind, end) = first_line(&text[start + length..]);
    let comment = behind.trim_start();
    let is_end = comment.is_empty() || comment.starts_with('#') && comment.len() < behind.len();
    match is_end {
        true => Ok((Some((name, Some(value))), start + length + end)),
        false => Err(EnvFileMistake::AfterQuote),
    }
}

/// Returns the value in quotes that `text` begins with, behind the opening quote, and the length with the
/// closing one.
fn unquoted(text: &str, quote: char) -> Option<(Secret, usize)> {
    let end = closing_quote(text, quote)?;
    // A text that grows would leave parts of the value behind.
    let mut value = String::with_capacity(end);
    let mut characters = text[..end].chars();
    while let Some(character) = characters.next() {
        let escaped = characters.clone().next().filter(|_| character == '\\');
        let escaped = escaped.and_then(|next| escape(next, quote));
        if escaped.is_some() {
            characters.next();
        }
        value.push(escaped.unwrap_or(character));
    }
    Some((Secret::new(value), end + 1))
}

fn closing_quote(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    text.find(|character| {
        let is_end = character == quote && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        is_end
    })
}

/// Returns what a backslash and `character` stand for in quotes, if they are an escape.
fn escape(character: char, quote: char) -> Option<char> {
    match (quote, character) {
        (_, '\\') => Some('\\'),
        (_, character) if character == quote => Some(quote),
        ('"', '$' | '`') => Some(character),
        ('"', 'n') => Some('\n'),
        ('"', 'r') => Some('\r'),
        ('"', 't') => Some('\t'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the variables and the mistakes of a file, one a line.
    fn read(text: &[u8]) -> String {
        let EnvFileLines { entries, mistakes } = parse(&SecretBytes::new(text.to_vec()));
        let entries = entries.iter().map(|EnvFileEntry { line, name, value }| {
            let value = value.as_ref().map(Secret::expose);
            format!(
                "{line} {} {}\n",
                name.as_str(),
                value.map_or_else(|| "kept".into(), |v| format!("{v:?}"))
            )
        });
        let mistakes = mistakes.iter().map(|(line, mistake)| format!("{line} {mistake:?}\n"));
        entries.chain(mistakes).collect()
    }

    #[test]
    fn reads_what_docker_reads() {
        let text = "\u{feff}A=1\n# B=2\n\n   # C\n  D=a b # c \r\nE=\nF==\nG\nH=$A ${B} `id` \\n\nI=it's \"x\"\nJ= ' '";
        insta::assert_snapshot!(read(text.as_bytes()), @r#"
        1 A "1"
        5 D "a b # c "
        6 E ""
        7 F "="
        8 G kept
        9 H "$A ${B} `id` \\n"
        10 I "it's \"x\""
        11 J " ' '"
        "#);
    }

    #[test]
    fn reads_quotes_and_export() {
        let text = "A='a b'\nexport B=\"x\"  # comment\nC=\"1\n2\\n3\\t\\\"\\\\\\$\\`\\q\" \nD='\\n\\'\\\\'\n\
                    E=''\nexport\tF=1\nG=\"{\\\"a\\\":1}\"\r\nexport=1\nH=2";
        insta::assert_snapshot!(read(text.as_bytes()), @r#"
        1 A "a b"
        2 B "x"
        3 C "1\n2\n3\t\"\\$`\\q"
        5 D "\\n'\\"
        6 E ""
        7 F "1"
        8 G "{\"a\":1}"
        9 export "1"
        10 H "2"
        "#);
    }

    /// A mistake hides nothing of the lines behind it.
    #[test]
    fn finds_all_mistakes() {
        let text =
            "A = 1\n1B=x\nC='x\nD=\"a\"b\nE=\"a\"#b\nhunter2 hunter2\nF=1\nF\tG=1\n=x\nH='a\\'\n";
        insta::assert_snapshot!(read(text.as_bytes()), @r#"
        7 F "1"
        1 SpaceBeforeEquals
        2 Name
        3 AfterQuote
        4 AfterQuote
        5 AfterQuote
        6 Name
        8 Name
        9 Name
        10 Unclosed
        "#);
        assert_eq!(read(b"A=1\nB=\xff\n"), "2 NotUtf8\n");
        assert_eq!(read(b""), "");
    }
}
