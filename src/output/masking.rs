//! What is said about values that are not masked.

/// The most names in a note.
const MOST: usize = 10;

/// Returns the note about values that are too short, if there are any.
pub fn too_short_note(names: &[String]) -> Option<String> {
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    let others = match names.len() - shown.len() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let names = shown.join(", ");
    (!shown.is_empty()).then(|| {
        format!("note: not masked, as they have fewer than 8 characters: {names}{others} (`--mask-short` masks them)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_names_values_that_stay() {
        let names: Vec<String> = (0..11).map(|number| format!("V{number}")).collect();
        assert_eq!(too_short_note(&[]), None);
        insta::assert_snapshot!(too_short_note(&names[..2]).unwrap(), @"note: not masked, as they have fewer than 8 characters: `V0`, `V1` (`--mask-short` masks them)");
        let many = too_short_note(&names).unwrap();
        assert!(many.contains("`V9` and 1 more (") && !many.contains("V10"), "{many}");
    }
}
