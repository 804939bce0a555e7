//! PowerShell: `… | Out-String | Invoke-Expression`.

use super::{Unwritable, write_quoted};

/// Writes a variable.
///
/// PowerShell reads the output of a program line by line, and `Out-String` ends each line as the system
/// does. So line breaks of the value are written as escapes, which only double quotes have.
pub(super) fn write(text: &mut String, name: &str, value: &str) -> Result<(), Unwritable> {
    if value.is_empty() {
        // Before 7.5, an empty value removes the variable.
        return Err(Unwritable::Empty);
    }
    text.push_str("$Env:");
    text.push_str(name);
    text.push_str(" = ");
    let mut separator = "";
    for part in value.split_inclusive(['\r', '\n']) {
        let line = part.trim_end_matches(['\r', '\n']);
        if !line.is_empty() {
            text.push_str(separator);
            write_quoted(text, '\'', line, doubled);
            separator = " + ";
        }
        if let Some(ending) = part.chars().next_back().filter(|c| matches!(c, '\r' | '\n')) {
            text.push_str(separator);
            text.push_str(if ending == '\n' { "\"`n\"" } else { "\"`r\"" });
            separator = " + ";
        }
    }
    text.push('\n');
    Ok(())
}

/// Returns two of what ends a string in single quotes: typographic quotes end it too.
fn doubled(c: char) -> Option<&'static str> {
    Some(match c {
        '\'' => "''",
        '\u{2018}' => "\u{2018}\u{2018}",
        '\u{2019}' => "\u{2019}\u{2019}",
        '\u{201a}' => "\u{201a}\u{201a}",
        '\u{201b}' => "\u{201b}\u{201b}",
        _ => return None,
    })
}

/// Writes the removal of a variable; it need not be set.
pub(super) fn unset(text: &mut String, name: &str) {
    text.push_str("$Env:");
    text.push_str(name);
    text.push_str(" = $null\n");
}
