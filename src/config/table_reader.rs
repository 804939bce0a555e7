//! Reads tables of TOML by the rows of their keys, and goes on after a mistake.

use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigText;
use super::entries::{Entries, Entry};
use super::keys::{KeyType, PASSWORDS, TableKind};
use super::line_index::LineIndex;
use super::mistake::{Excerpt, Mistake, MistakeKind};
use super::paths::expanded;
use crate::options::suggestion::nearest;
use crate::options::table::{KeyLocation, OptionSpec, transport};

/// Reads the tables of one file, and collects its mistakes.
pub(super) struct TableReader<'a> {
    source: ConfigText<'a>,
    lines: LineIndex<'a>,
    pub(super) mistakes: Vec<Mistake>,
}

/// A table that was read, and its values that are neither strings nor numbers.
pub(super) struct ReadTable<'t, 'i> {
    pub(super) entries: Entries,
    pub(super) compounds: Vec<Compound<'t, 'i>>,
}

/// An array or a table, by the key that takes it.
pub(super) struct Compound<'t, 'i> {
    pub(super) option: &'static OptionSpec,
    pub(super) value: &'t Spanned<DeValue<'i>>,
    pub(super) location: Arc<KeyLocation>,
}

impl<'a> TableReader<'a> {
    pub(super) fn new(source: ConfigText<'a>) -> Self {
        Self { lines: LineIndex::new(source.text), source, mistakes: Vec::new() }
    }

    pub(super) fn lines(&self) -> &LineIndex<'a> {
        &self.lines
    }

    /// Reads a table called `name`, but for the keys in `skipped`.
    pub(super) fn table<'t, 'i>(
        &mut self,
        kind: TableKind,
        name: &Arc<str>,
        table: &'t DeTable<'i>,
        skipped: &[&'static str],
    ) -> ReadTable<'t, 'i> {
        let mut read = ReadTable { entries: Entries::default(), compounds: Vec::new() };
        for (key, value) in table {
            let text: &str = key.get_ref();
            let Some(option) = kind.key(text) else {
                if !skipped.contains(&text) {
                    self.unknown(kind, text, key.span().start, skipped);
                }
                continue;
            };
            let location = self.location(name, option.id(), key.span().start);
            match KeyType::of(option) {
                KeyType::Texts | KeyType::TextTable | KeyType::Tables(_) => {
                    read.compounds.push(Compound { option, value, location });
                }
                key_type => {
                    let value = self.simple(option, key_type, value.get_ref(), &location);
                    read.entries.all.extend(value.map(|value| Entry { option, value, location }));
                }
            }
        }
        read
    }

    /// Returns the location of a key.
    pub(super) fn location(
        &self,
        table: &Arc<str>,
        key: &'static str,
        offset: usize,
    ) -> Arc<KeyLocation> {
        let (line, column) = self.lines.position(offset);
        let file: Arc<Path> = Arc::clone(self.source.file);
        Arc::new(KeyLocation { file, table: Arc::clone(table), key, line, column })
    }

    /// Adds a mistake of a key.
    pub(super) fn add(&mut self, location: &KeyLocation, kind: MistakeKind) {
        self.mistakes.push(Mistake::at_key(location, kind));
    }

    /// Adds a mistake at an offset.
    pub(super) fn add_at(&mut self, offset: usize, excerpt: Excerpt, kind: MistakeKind) {
        let (line, column) = self.lines.position(offset);
        self.mistakes.push(Mistake { line, column, excerpt, kind });
    }

    /// Reads a string, a boolean or an integer.
    fn simple(
        &mut self,
        option: &'static OptionSpec,
        key_type: KeyType,
        value: &DeValue<'_>,
        location: &Arc<KeyLocation>,
    ) -> Option<Result<String, super::paths::PathReason>> {
        match (key_type, value) {
            (KeyType::Text, DeValue::String(text))
                if option == &transport::PROXY && has_password(text) =>
            {
                self.add(location, MistakeKind::InlinePassword { key: option.id() });
                return None;
            }
            (KeyType::Text, DeValue::String(text)) if text.is_empty() => {
                self.add(location, MistakeKind::Empty { key: option.id() });
                return None;
            }
            (KeyType::Text, DeValue::String(text)) => {
                return Some(expanded(&self.source, option, text));
            }
            (KeyType::IntegerOr(word), DeValue::String(text)) if text == word => {
                return Some(Ok(word.to_owned()));
            }
            (KeyType::Boolean, DeValue::Boolean(value)) => return Some(Ok(value.to_string())),
            (KeyType::Integer | KeyType::IntegerOr(_), DeValue::Integer(integer)) => {
                // One that does not fit is out of every range, which the reader of the option reports.
                let number = i64::from_str_radix(integer.as_str(), integer.radix());
                return Some(Ok(number.unwrap_or(i64::MAX).to_string()));
            }
            _ => {}
        }
        self.wrong_type(option, value, location);
        None
    }

    /// Returns the string in an array or a table of strings.
    pub(super) fn text(
        &mut self,
        option: &'static OptionSpec,
        value: &DeValue<'_>,
        location: &Arc<KeyLocation>,
    ) -> Option<Entry> {
        let DeValue::String(text) = value else {
            self.wrong_type(option, value, location);
            return None;
        };
        Some(Entry { option, value: Ok(text.to_string()), location: Arc::clone(location) })
    }

    /// Refuses a table with none or several of the keys of which it has one.
    pub(super) fn check_one_of(
        &mut self,
        table: TableKind,
        keys: &DeTable<'_>,
        location: &KeyLocation,
    ) {
        let all = table.one_of();
        let found = all.iter().filter(|row| keys.contains_key(row.id())).count();
        if !all.is_empty() && found != 1 {
            self.add(location, MistakeKind::OneOf { table, found });
        }
    }

    /// Adds the mistake of a value that a key does not take. The value is not repeated.
    pub(super) fn wrong_type(
        &mut self,
        option: &'static OptionSpec,
        value: &DeValue<'_>,
        location: &KeyLocation,
    ) {
        let (expected, found) = (KeyType::of(option).expected(), type_name(value));
        let key = option.id().into();
        self.add(location, MistakeKind::Type { key, expected, found });
    }

    fn unknown(&mut self, table: TableKind, key: &str, offset: usize, tables: &[&'static str]) {
        let words = table.keys().map(OptionSpec::id).chain(tables.iter().copied());
        let similar = nearest(key, words);
        let other = TableKind::ALL.iter().find_map(|kind| Some((*kind, kind.key(key)?.id())));
        let (key, kind) = match (PASSWORDS.iter().find(|password| **password == key), other) {
            (Some(key), _) => (Some(*key), MistakeKind::InlinePassword { key }),
            (None, Some((table, key))) => (Some(key), MistakeKind::Misplaced { key, table }),
            (None, None) => {
                let key = (similar.is_some() && is_bare(key) || is_word(key)).then_some(key);
                let shown = key.map(Into::into);
                (key, MistakeKind::UnknownKey { key: shown, table, nearest: similar })
            }
        };
        let name = key.map(Into::into);
        let is_heading = self.lines.line(offset).trim_start().starts_with('[');
        let excerpt = match table == TableKind::Root && is_heading {
            true => Excerpt::Heading { before: "[", name },
            false => Excerpt::Key(name),
        };
        self.add_at(offset, excerpt, kind);
    }
}

/// Returns whether an unknown key may be shown: passwords usually have digits or capitals.
fn is_word(key: &str) -> bool {
    (2..=32).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_lowercase() || b"-_".contains(&b))
}

/// Returns whether a key is written without quotes.
fn is_bare(key: &str) -> bool {
    key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

/// Returns whether the URL of a proxy has a password. Its other mistakes are those of any value.
fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

/// Returns the type of a value.
pub(super) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
