//! POSIX shells: `eval "$(…)"`.

use super::write_quoted;

/// Writes a variable. Between single quotes a shell takes everything as it is, newlines too.
pub(super) fn write(text: &mut String, name: &str, value: &str) {
    text.push_str("export ");
    text.push_str(name);
    text.push('=');
    write_quoted(text, '\'', value, |c| (c == '\'').then_some(r"'\''"));
    text.push('\n');
}

/// Writes the removal of a variable.
pub(super) fn unset(text: &mut String, name: &str) {
    text.push_str("unset ");
    text.push_str(name);
    text.push('\n');
}
