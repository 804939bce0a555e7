//! The values of one key in all sections of a configuration file of the AWS CLI.

use super::line::{LineKind, split, trim};

/// A value, and the section that it is in.
#[derive(Debug, Eq, PartialEq)]
pub struct SectionValue<'a> {
    /// The name in the brackets: `default`, `profile backup`.
    pub section: &'a str,
    /// The value; the lines that continue it follow after line feeds.
    pub value: String,
}

/// Returns the values of a key, in the order of the file.
pub fn values<'a>(text: &'a str, key: &str) -> Vec<SectionValue<'a>> {
    let mut all: Vec<SectionValue<'a>> = Vec::new();
    let (mut section, mut is_open) = (None, false);
    for line in split(text) {
        match line.kind {
            LineKind::Heading { python, .. } => (section, is_open) = (Some(python), false),
            LineKind::Setting { key: found, value } => {
                is_open = section.is_some() && found.eq_ignore_ascii_case(key);
                if let (true, Some(section)) = (is_open, section) {
                    let value = value.unwrap_or_default().to_owned();
                    all.push(SectionValue { section, value });
                }
            }
            LineKind::Continuation => {
                if let (true, Some(last)) = (is_open, all.last_mut()) {
                    last.value.push('\n');
                    last.value.push_str(trim(line.whole));
                }
            }
            LineKind::BlankOrComment => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_values_of_a_key_in_all_sections() {
        let text = "key = outside\n[default]\nother = 1\nKEY: a = b\n  c # d\n# comment\n\n[profile x]\n\
                    key=\n   first\n\n   second\nother = 2\n   third\n";
        let found = values(text, "key");
        let found: Vec<_> = found.iter().map(|it| (it.section, it.value.as_str())).collect();
        assert_eq!(found, [("default", "a = b\nc # d"), ("profile x", "\nfirst\nsecond")]);
    }
}
