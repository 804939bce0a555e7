//! The words of a `credential_process` line, as botocore splits them: Python's `shlex.split`.
//!
//! It is not the crate `shlex`, which takes `#` for the beginning of a comment; in Python it is one
//! only if comments are asked for, and a password may begin with it.

use roles_anywhere_client::text::path;

/// Returns the words of a line; `None` if a quote is not closed or nothing follows a backslash.
pub(super) fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '\'' => break,
                        inner => word.push(inner),
                    }
                }
            }
            '"' => quoted(&mut rest, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(rest.next()?),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

/// Reads the rest of a text in double quotes: a backslash escapes these and itself only.
fn quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match rest.next()? {
            '"' => return Some(()),
            '\\' => match rest.next()? {
                escaped @ ('"' | '\\') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            inner => word.push(inner),
        }
    }
}

/// Returns a word in quotes if it needs some, as `shlex` and a shell read it; `None` if it cannot be
/// in a line of an INI file.
pub fn shell_word(word: &str) -> Option<String> {
    if word.contains(char::is_control) || !path::is_utf8(word) {
        return None;
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    let needs_none = !word.is_empty() && word.chars().all(is_plain);
    Some(if needs_none { word.to_owned() } else { format!("'{}'", word.replace('\'', r#"'"'"'"#)) })
}

#[cfg(test)]
mod tests {
    use super::{shell_word, split};

    #[test]
    fn a_quoted_word_is_one_word_again() {
        for word in ["/usr/bin/a", "", "a b", "it's", r#"a"b\c"#, "$HOME/`x`", "#a", "ä;b", "'"] {
            let line = format!("x {} y", shell_word(word).unwrap());
            assert_eq!(split(&line).unwrap(), ["x", word, "y"], "{line}");
        }
        assert_eq!(shell_word("/usr/bin/a").as_deref(), Some("/usr/bin/a"));
        assert_eq!(shell_word("a\nb"), None);
    }

    /// The results of Python's `shlex.split`.
    #[test]
    fn splits_as_python_does() {
        let rows: &[(&str, &[&str])] = &[
            ("a  b\tc\nd\r\n", &["a", "b", "c", "d"]),
            ("", &[]),
            ("'a b' \"c d\" e\\ f", &["a b", "c d", "e f"]),
            ("a'b'\"c\"d", &["abcd"]),
            ("'' \"\" x", &["", "", "x"]),
            (r#""a\"b\\c\d" 'e\f'"#, &[r#"a"b\c\d"#, r"e\f"]),
            ("#a b#c", &["#a", "b#c"]),
            ("a\u{a0}b", &["a\u{a0}b"]),
            ("--x=\"y z\"", &["--x=y z"]),
        ];
        for (line, expected) in rows {
            assert_eq!(split(line).unwrap(), *expected, "{line}");
        }
        for line in ["'a", "\"a", "a\\", "\"a\\"] {
            assert!(split(line).is_none(), "{line}");
        }
    }
}
