//! The fish shell: `… | source`.

use super::write_quoted;

/// Writes a global, exported variable. Between single quotes only `\` and `'` are escaped.
pub(super) fn write(text: &mut String, name: &str, value: &str) {
    text.push_str("set -gx ");
    text.push_str(name);
    text.push(' ');
    write_quoted(text, '\'', value, |c| match c {
        '\\' => Some(r"\\"),
        '\'' => Some(r"\'"),
        _ => None,
    });
    text.push('\n');
}

/// Writes the removal of a variable; it need not be set.
pub(super) fn unset(text: &mut String, name: &str) {
    text.push_str("set -e ");
    text.push_str(name);
    text.push('\n');
}
