//! A file of Java's `Properties`, in ASCII: up to Java 8 it is read as ISO 8859-1.

use std::fmt::Write as _;

/// Writes a property. Names may have any character.
pub(super) fn write(text: &mut String, name: &str, value: &str) {
    write_escaped(text, name, |c, _| matches!(c, ' ' | '=' | ':' | '#' | '!'));
    text.push('=');
    // Blanks before a value are skipped.
    write_escaped(text, value, |c, at| c == ' ' && at == 0);
    text.push('\n');
}

fn write_escaped(text: &mut String, value: &str, is_special: impl Fn(char, usize) -> bool) {
    for (at, c) in value.char_indices() {
        match c {
            '\\' => text.push_str(r"\\"),
            '\t' => text.push_str(r"\t"),
            '\n' => text.push_str(r"\n"),
            '\r' => text.push_str(r"\r"),
            '\x0c' => text.push_str(r"\f"),
            c if is_special(c, at) => text.extend(['\\', c]),
            ' '..='~' => text.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string does not fail.
                    let _ = write!(text, "\\u{unit:04X}");
                }
            }
        }
    }
}
