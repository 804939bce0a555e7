//! The words of names, comments and documents, by the rules of CONTRIBUTING.md.
//!
//! String literals are not searched here.

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
fn names_and_comments_are_plain_english() {
    let mut found = BTreeSet::new();
    for folder in ["src", "crates"] {
        for path in rust_files(&root().join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            for phrase in refused(path.strip_prefix(root()).unwrap(), &text) {
                found.insert(format!("{}: {phrase}", path.display()));
            }
        }
    }
    assert_eq!(found, BTreeSet::new());
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
fn finds_phrases_in_comments_and_names_only() {
    let neutral = Path::new("src/renewal.rs");
    let rows = [
        ("// what is in\n    /// hand", vec!["in hand"]),
        ("fn a_client_is_turned_away() {}", vec!["turned away"]),
        ("enum Client { TurnedAway }", vec!["turned away"]),
        ("struct Anew2;\nlet isWanted", vec!["is wanted"]),
        ("/// Whoever asks.", vec!["whoever"]),
        ("let s = \"read anew\"; // so", vec![]),
        ("let s = r#\"a \" anew\"#;", vec![]),
        ("let c = '\"'; // anew", vec!["anew"]),
        ("let l: &'a str = x; // a renewal", vec![]),
        ("/// a handle in handles", vec![]),
    ];
    for (text, expected) in rows {
        assert_eq!(refused(neutral, text), expected, "{text}");
    }
    assert_eq!(refused(Path::new("src/client/turned_away.rs"), ""), ["turned away"]);
}

/// Returns the phrases in the name, the comments and the names of a file.
fn refused(path: &Path, source: &str) -> Vec<&'static str> {
    phrases(&format!("{}\n{}", path.with_extension("").display(), without_strings(source)))
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

/// Returns Rust source without the contents of its string and character literals.
fn without_strings(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '/' if rest.starts_with("//") => {
                let end = rest.find('\n').unwrap_or(rest.len());
                kept.push_str(&rest[..end]);
                end
            }
            'r' if is_raw(rest) && !kept.ends_with(|c: char| c.is_alphanumeric() || c == '_') => {
                let hashes = rest[1..].find('"').unwrap_or(0);
                let close = format!("\"{}", "#".repeat(hashes));
                let body = 2 + hashes;
                rest[body..].find(&close).map_or(rest.len(), |end| body + end + close.len())
            }
            '"' => quoted(rest),
            '\'' => character(rest),
            _ => {
                kept.push(next);
                next.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    kept
}

fn is_raw(text: &str) -> bool {
    text[1..].trim_start_matches('#').starts_with('"')
}

/// Returns the length of a string literal with its quotes.
fn quoted(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text[1..].char_indices().find(|(_, c)| {
        let ends = *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 2)
}

/// Returns the length of a character literal, or of the quote of a lifetime.
fn character(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((at, _))) => {
            text[at + 1..].find('\'').map_or(text.len(), |end| at + end + 2)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}
