//! The words of names, comments, texts and documents, by the rules of CONTRIBUTING.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::architecture::{documents, root, rust_files};

/// Phrases that plain technical English has no use for. A blank also stands for the underscore of a
/// name.
const REFUSED: &[&str] = &[
    "in hand",
    "anew",
    "is wanted",
    "whoever",
    "somebody",
    "everybody",
    "shown the door",
    "heard out",
    "turned away",
    "tries on",
    "that is none",
    "of before",
];

#[test]
fn names_comments_and_texts_are_plain_english() {
    let mut found = BTreeSet::new();
    for folder in ["src", "crates"] {
        for path in rust_files(&root().join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root()).unwrap();
            for phrase in refused(path, &text) {
                found.insert(format!("{}: {phrase}", path.display()));
            }
        }
    }
    // It is hashed into the names of files, so it cannot change.
    assert_eq!(found, BTreeSet::from(["src/session_cache/key.rs: everybody".to_owned()]));
}

#[test]
fn documents_are_plain_english() {
    let mut found = BTreeSet::new();
    for document in documents() {
        let text = fs::read_to_string(root().join(&document)).unwrap();
        for phrase in phrases(&text) {
            found.insert(format!("{document}: {phrase}"));
        }
    }
    assert_eq!(found, BTreeSet::new());
}

#[test]
fn finds_phrases_in_comments_names_and_texts() {
    let neutral = Path::new("src/renewal.rs");
    let rows = [
        ("// what is in\n    /// hand", vec!["in hand"]),
        ("fn a_client_is_turned_away() {}", vec!["turned away"]),
        ("enum Client { TurnedAway }", vec!["turned away"]),
        ("struct Anew2;\nlet isWanted", vec!["is wanted"]),
        ("/// Whoever asks.", vec!["whoever"]),
        ("let s = \"read anew\"; // so", vec!["anew"]),
        ("let c = '\"'; // anew", vec!["anew"]),
        ("let l: &'a str = x; // a renewal", vec![]),
        ("/// a handle in handles", vec![]),
    ];
    for (text, expected) in rows {
        assert_eq!(refused(neutral, text), expected, "{text}");
    }
    assert_eq!(refused(Path::new("src/client/turned_away.rs"), ""), ["turned away"]);
}

/// Returns the phrases in the name of a file and in its source.
fn refused(path: &Path, source: &str) -> Vec<&'static str> {
    phrases(&format!("{}\n{}", path.with_extension("").display(), source))
}

/// Returns the phrases in a text.
fn phrases(text: &str) -> Vec<&'static str> {
    let is_part = |c: char| c.is_alphanumeric();
    let words: Vec<String> = separated(text)
        .split(|c| !is_part(c))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let line = format!(" {} ", words.join(" "));
    REFUSED.iter().copied().filter(|phrase| line.contains(&format!(" {phrase} "))).collect()
}

/// Returns a text with a blank between the words of names as `TurnedAway`.
fn separated(text: &str) -> String {
    let mut separated = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        if c.is_uppercase() && separated.ends_with(char::is_lowercase) {
            separated.push(' ');
        }
        separated.push(c);
    }
    separated
}
