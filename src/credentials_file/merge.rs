//! Merges what another program wrote to a replaced credentials file into the current one: a three-way
//! merge by sections and by settings.
//!
//! In a conflict the current text wins, since programs may have read it already.

use crate::credentials_file::ini::sections;
use crate::credentials_file::line::{self, Line, LineKind};

/// Returns `current` with the changes between `base` and `theirs`.
pub(super) fn merge(base: &str, theirs: &str, current: &str) -> String {
    if current == base || theirs == current {
        return theirs.to_owned();
    }
    let [base, theirs, current] = [base, theirs, current].map(Section::all);
    let of = |sections: &[Section], name: &str| {
        sections.iter().find(|section| section.name == name).cloned()
    };
    let mut merged = String::new();
    let mut add = |text: &str, tail: &str| {
        end_line(&mut merged);
        merged.push_str(text);
        merged.push_str(tail);
    };
    for own in &current {
        match (of(&base, &own.name), of(&theirs, &own.name)) {
            // They removed a section that nothing else changed.
            (Some(before), None) if before.text == own.text => {}
            (Some(before), Some(after)) if after.text == before.text => add(&own.text, &own.tail),
            (Some(before), Some(after)) if before.text == own.text => add(&after.text, &own.tail),
            (before, Some(after)) => {
                let before = before.map(|before| before.text).unwrap_or_default();
                add(&merge_settings(&before, &after.text, &own.text), &own.tail);
            }
            (_, None) => add(&own.text, &own.tail),
        }
    }
    for new in theirs.iter().filter(|new| of(&current, &new.name).is_none()) {
        if of(&base, &new.name).is_none_or(|before| before.text != new.text) {
            add(&new.text, &new.tail);
        }
    }
    merged
}

/// Merges two versions of one section by settings and comments.
fn merge_settings(base: &str, theirs: &str, own: &str) -> String {
    let [base, theirs, own] = [base, theirs, own].map(Item::all);
    let of = |items: &[Item], key: &str| items.iter().find(|item| item.key == key).cloned();
    let mut merged: Vec<String> = Vec::new();
    for item in &own {
        match (of(&base, &item.key), of(&theirs, &item.key)) {
            (Some(before), None) if before.text == item.text => {}
            (Some(before), Some(after)) if before.text == item.text => merged.push(after.text),
            _ => merged.push(item.text.clone()),
        }
    }
    let new = theirs.iter().filter(|new| of(&own, &new.key).is_none());
    let new = new.filter(|new| of(&base, &new.key).is_none_or(|before| before.text != new.text));
    merged.extend(new.map(|new| new.text.clone()));
    let mut text = String::new();
    for item in merged {
        end_line(&mut text);
        text.push_str(&item);
    }
    text
}

/// Adds the missing ending of the last line.
fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with(['\n', '\r']) {
        text.push('\n');
    }
}

/// A section, from its heading to the next one.
#[derive(Clone)]
struct Section {
    /// Its name to the AWS CLI; empty for the lines before the first heading.
    name: String,
    text: String,
    /// The empty lines at its end, which separate it from the next.
    tail: String,
}

impl Section {
    fn all(text: &str) -> Vec<Self> {
        let lines = line::split(text);
        let of = |section: &[Line<'_>]| {
            let name = match section[0].kind {
                LineKind::Heading { python, .. } => python.to_owned(),
                _ => String::new(),
            };
            let end = section.iter().rposition(|line| !line.is_blank()).map_or(0, |at| at + 1);
            let [text, tail] = [&section[..end], &section[end..]]
                .map(|lines| lines.iter().map(|line| line.whole).collect());
            Self { name, text, tail }
        };
        sections(&lines).map(of).collect()
    }
}

/// A setting with the lines that continue it, or a line of another kind.
#[derive(Clone)]
struct Item {
    /// The name of a setting in lower case, as SDKs compare it; the text of any other line.
    key: String,
    text: String,
}

impl Item {
    fn all(section: &str) -> Vec<Self> {
        let mut items: Vec<Self> = Vec::new();
        for line in line::split(section) {
            match (&line.kind, items.last_mut()) {
                (LineKind::Continuation, Some(last)) => last.text.push_str(line.whole),
                (LineKind::Setting { key, .. }, _) => {
                    items.push(Self { key: key.to_lowercase(), text: line.whole.to_owned() });
                }
                (LineKind::Heading { .. }, _) => {
                    items.push(Self { key: "[".to_owned(), text: line.whole.to_owned() });
                }
                _ => items.push(Self {
                    key: format!("#{}", line::trim(line.whole)),
                    text: line.whole.to_owned(),
                }),
            }
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn becomes(base: &str, theirs: &str, current: &str, merged: &str) {
        assert_eq!(merge(base, theirs, current), merged);
    }

    #[test]
    fn one_sided_changes_are_taken_whole() {
        becomes("[a]\n", "# c\n[a]\nx = 1", "[a]\n", "# c\n[a]\nx = 1");
        becomes("[a]\n", "[a]\n", "[a]\ny = 1\n", "[a]\ny = 1\n");
        becomes("[a]\n", "", "[a]\n", "");
        becomes("", "[a]\n", "[a]\n", "[a]\n");
    }

    #[test]
    fn changes_of_different_sections_are_both_kept() {
        let base = "# head\n[a]\nx = 1\n[b]\ny = 1\n[c]\nz = 1\n";
        let theirs = "# head\n[a]\nx = 2\n[b]\ny = 1\n[d]\n";
        let current = "# head\n[a]\nx = 1\n[b]\ny = 2\n[c]\nz = 1\n[e]\nz = 1";
        becomes(base, theirs, current, "# head\n[a]\nx = 2\n[b]\ny = 2\n[e]\nz = 1\n[d]\n");
        // A section that the others changed is not removed.
        becomes("[a]\nx = 1\n[b]\n", "[b]\n", "[a]\nx = 2\n[b]\n", "[a]\nx = 2\n[b]\n");
        // One that they changed, and that was removed meanwhile, is there again.
        becomes("[a]\nx = 1\n", "[a]\nx = 2\n", "[b]\n", "[b]\n[a]\nx = 2\n");
    }

    #[test]
    fn changes_of_one_section_are_taken_setting_by_setting() {
        let base = "[a]\nx = 1\ny = 1\nz =\n  n = 1\n\n[b]\n";
        let theirs = "[a]\nx = 2\ny = 1\nz =\n  n = 2\nnew = 1\n# c\n\n[b]\n";
        let current = "[a]\nx = 1\ny = 2\nz =\n  n = 1\n\n[b]\nk = 1\n";
        becomes(
            base,
            theirs,
            current,
            "[a]\nx = 2\ny = 2\nz =\n  n = 2\nnew = 1\n# c\n\n[b]\nk = 1\n",
        );
        becomes("[a]\nX = 1\ny = 1\n", "[a]\ny = 1\n", "[a]\nX = 1\ny = 2\n", "[a]\ny = 2\n");
        // What both changed stays as readers see it.
        becomes("[a]\nx = 1\n", "[a]\nx = 2\n", "[a]\nx = 3\n", "[a]\nx = 3\n");
        becomes("", "[a]\nx = 1\n", "[a]\ny = 1", "[a]\ny = 1\nx = 1\n");
    }
}
