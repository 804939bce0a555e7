//! Text of others, such as an argument or a name that a client has chosen, for a terminal.

/// Escapes what would move the cursor, begin another line or change the order of what is shown.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_format(character) {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

/// Marks, embeddings and isolates of Unicode's bidirectional text, and its two line separators.
fn is_format(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}
