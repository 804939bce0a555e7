//! `.env` files, for which there is no standard: what python-dotenv, dotenv and Node's `--env-file`,
//! Docker Compose and Go's godotenv read alike (tried: dotenv 18, compose-go 2, godotenv 1.5).

use super::{Unwritable, write_quoted};

/// Writes a variable: as it is, if every program reads that as it is (then shells and Docker do too),
/// else between the quotes that keep the value literal, if there are any.
pub(super) fn write(text: &mut String, name: &str, value: &str) -> Result<(), Unwritable> {
    text.push_str(name);
    text.push('=');
    match quotes(value)? {
        None => text.push_str(value),
        Some(quote) => write_quoted(text, quote, value, |_| None),
    }
    text.push('\n');
    Ok(())
}

/// Returns the quotes in which all programs read the value as it is; `None` if it needs none.
fn quotes(value: &str) -> Result<Option<char>, Unwritable> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-+./:@,=".contains(c);
    if value.chars().all(is_plain) {
        return Ok(None);
    }
    if value.contains('\r') {
        // A text file has one kind of line ending for most of them.
        return Err(Unwritable::Character("a carriage return"));
    }
    // Python expands `${NAME}` in both kinds of quotes.
    let is_expanded = value.contains("${");
    // Python reads `\\` and `\'` as escapes, the others do not.
    let has_escapes = value.contains(r"\\") || value.ends_with('\\');
    if !value.contains('\'') && !is_expanded && !has_escapes {
        return Ok(Some('\''));
    }
    // Between double quotes, most read escapes, and some expand variables and run commands.
    if !value.contains(['"', '\\', '$', '`']) {
        return Ok(Some('"'));
    }
    Err(Unwritable::Ambiguous)
}
