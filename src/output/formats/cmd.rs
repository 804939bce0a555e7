//! `cmd.exe`: a batch file, or `for /f`.

use super::Unwritable;

/// The most characters of a line of `cmd.exe`, which are bytes: only ASCII is written.
const MAX_LINE: usize = 8_191;

/// Writes a variable.
///
/// A batch file reads `%%` as `%`, and `for /f` as `%%`; `!` depends on `setlocal`; behind a quote in the
/// value, `&` begins a command; other characters than those of ASCII depend on the code page. Credentials
/// have none of them, so they are refused, not escaped for one of the readers.
pub(super) fn write(text: &mut String, name: &str, value: &str) -> Result<(), Unwritable> {
    if value.is_empty() {
        return Err(Unwritable::Empty);
    }
    for c in value.chars() {
        let character = match c {
            '%' => "a percent sign",
            '!' => "an exclamation mark",
            '"' => "a double quote",
            '\r' | '\n' => "a line break",
            ' '..='~' => continue,
            '\0'..='\x7f' => "a control character",
            _ => "a character that is not ASCII",
        };
        return Err(Unwritable::Character(character));
    }
    let start = text.len();
    write_set(text, name, value);
    if text.len() - start > MAX_LINE + "\r\n".len() {
        return Err(Unwritable::TooLong { limit: MAX_LINE });
    }
    Ok(())
}

/// Writes the removal of a variable; it need not be set.
pub(super) fn unset(text: &mut String, name: &str) {
    write_set(text, name, "");
}

fn write_set(text: &mut String, name: &str, value: &str) {
    for part in ["set \"", name, "=", value, "\"\r\n"] {
        text.push_str(part);
    }
}
