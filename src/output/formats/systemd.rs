//! `EnvironmentFile=` of a systemd unit.

use super::{Unwritable, write_quoted};

/// Writes a variable between double quotes, which keep newlines. After a backslash outside of quotes,
/// systemd takes a quote for a character, so the single quotes of a shell do not work.
pub(super) fn write(text: &mut String, name: &str, value: &str) -> Result<(), Unwritable> {
    // systemd before 246 drops such a variable, and writes its value to the log.
    if value.chars().any(|c| c.is_ascii_control() && !matches!(c, '\t' | '\n')) {
        return Err(Unwritable::Character("a control character"));
    }
    text.push_str(name);
    text.push('=');
    write_quoted(text, '"', value, |c| match c {
        '"' => Some("\\\""),
        '\\' => Some(r"\\"),
        '`' => Some(r"\`"),
        '$' => Some(r"\$"),
        _ => None,
    });
    text.push('\n');
    Ok(())
}
