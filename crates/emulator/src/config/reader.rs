//! Reads tables of TOML key by key: keeps where each value is, and goes on after a mistake.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problems;
use crate::nearest::{did_you_mean, nearest};

/// A value, and the part of the file that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A table that is read key by key; what is left at the end is not known.
pub(super) struct TableReader<'a, 'i> {
    table: &'a DeTable<'i>,
    problems: &'a Problems<'a>,
    known: Vec<&'static str>,
    misread: RefCell<Vec<&'static str>>,
}

/// The name of a table, and its keys that are there and were reported.
#[derive(Debug)]
pub(super) struct TableKey {
    pub(super) name: At<String>,
    pub(super) misread: Vec<&'static str>,
}

impl<'a, 'i> TableReader<'a, 'i> {
    pub(super) fn new(table: &'a DeTable<'i>, problems: &'a Problems<'a>) -> Self {
        let (known, misread) = Default::default();
        Self { table, problems, known, misread }
    }

    /// Reads a string.
    pub(super) fn text(&mut self, key: &'static str) -> Option<At<String>> {
        let value = self.value(key)?;
        self.as_text(key, value)
    }

    /// Reads `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<At<bool>> {
        let value = self.value(key)?;
        let DeValue::Boolean(flag) = *value.get_ref() else {
            return self.expected(key, "`true` or `false`", value);
        };
        Some(At { value: flag, span: value.span() })
    }

    /// Reads a number of seconds.
    pub(super) fn seconds(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
    ) -> Option<At<u32>> {
        self.number(key, range, "seconds")
    }

    /// Reads a number of days.
    pub(super) fn days(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
    ) -> Option<At<u32>> {
        self.number(key, range, "days")
    }

    fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
        unit: &str,
    ) -> Option<At<u32>> {
        let value = self.value(key)?;
        let expected = format!("{} to {} ({unit})", range.start(), range.end());
        let DeValue::Integer(integer) = value.get_ref() else {
            return self.expected(key, &expected, value);
        };
        let number = u32::from_str_radix(integer.as_str(), integer.radix()).ok();
        let Some(number) = number.filter(|number| range.contains(number)) else {
            let message = format!("invalid value `{integer}` for `{key}`: expected {expected}");
            return self.misread(key, &value.span(), message);
        };
        Some(At { value: number, span: value.span() })
    }

    /// Reads a date and time with an offset from UTC.
    pub(super) fn date(&mut self, key: &'static str) -> Option<At<OffsetDateTime>> {
        let value = self.value(key)?;
        let text = match value.get_ref() {
            DeValue::Datetime(date) => date.to_string(),
            _ => String::new(),
        };
        match OffsetDateTime::parse(&text, &Rfc3339) {
            Ok(date) => Some(At { value: date, span: value.span() }),
            Err(_) => self.expected(key, "a date such as 2026-12-01T00:00:00Z", value),
        }
    }

    /// Reads a table of strings.
    pub(super) fn texts_by_name(&mut self, key: &'static str) -> Vec<(At<String>, At<String>)> {
        let Some(reader) = self.table(key) else { return Vec::new() };
        let text = |(name, value): (&Spanned<Cow<'i, str>>, &'a Spanned<DeValue<'i>>)| {
            let name = At { value: name.get_ref().to_string(), span: name.span() };
            Some((name, self.as_text(key, value)?))
        };
        reader.table.iter().filter_map(text).collect()
    }

    /// Reads a table whose values are among several words.
    pub(super) fn choices_by_name<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Vec<(At<String>, At<T>)> {
        let texts = self.texts_by_name(key);
        let choice = |(name, text)| Some((name, self.choose(key, text, choices)?));
        texts.into_iter().filter_map(choice).collect()
    }

    /// Reads an array of strings.
    pub(super) fn texts(&mut self, key: &'static str) -> Vec<At<String>> {
        self.values(key, "an array of strings")
            .iter()
            .filter_map(|value| self.as_text(key, value))
            .collect()
    }

    /// Reads an array of strings; a missing one is not an empty one.
    pub(super) fn optional_texts(&mut self, key: &'static str) -> Option<Vec<At<String>>> {
        self.value(key)?;
        Some(self.texts(key))
    }

    /// Reads one of several words. A wrong one is not repeated: it may be a secret.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<At<T>> {
        let text = self.text(key)?;
        self.choose(key, text, choices)
    }

    fn choose<T: Copy>(
        &self,
        key: &'static str,
        At { value, span }: At<String>,
        choices: &[(&'static str, T)],
    ) -> Option<At<T>> {
        let Some((_, choice)) = choices.iter().find(|(name, _)| *name == value) else {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
            let message = format!("invalid value for `{key}`: expected {}", names.join(" or "));
            return self.misread(key, &span, message);
        };
        Some(At { value: *choice, span })
    }

    /// Reads an array.
    fn values(&mut self, key: &'static str, expected: &str) -> &'a [Spanned<DeValue<'i>>] {
        let Some(value) = self.value(key) else { return &[] };
        let DeValue::Array(values) = value.get_ref() else {
            self.expected::<()>(key, expected, value);
            return &[];
        };
        values
    }

    /// Returns where problems are reported.
    pub(super) fn problems(&self) -> &'a Problems<'a> {
        self.problems
    }

    /// Reads a table.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Self> {
        let value = self.value(key)?;
        let DeValue::Table(table) = value.get_ref() else {
            return self.expected(key, "a table", value);
        };
        Some(TableReader::new(table, self.problems))
    }

    /// Reads a table of tables, each by its name.
    pub(super) fn entries<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Self) -> T,
    ) -> Vec<(TableKey, T)> {
        let Some(reader) = self.table(key) else { return Vec::new() };
        let entry = |(name, value): (&Spanned<Cow<'i, str>>, &'a Spanned<DeValue<'i>>)| {
            let name = At { value: name.get_ref().to_string(), span: name.span() };
            let DeValue::Table(table) = value.get_ref() else {
                let message = format!("expected a table `[{key}.{}]`", quoted(&name.value));
                self.problems.add(&name.span, message);
                return None;
            };
            let mut reader = TableReader::new(table, self.problems);
            let entry = read(&mut reader);
            let misread = reader.finish();
            Some((TableKey { name, misread }, entry))
        };
        let mut entries: Vec<_> = reader.table.iter().filter_map(entry).collect();
        entries.sort_by_key(|(key, _)| key.name.span.start);
        entries
    }

    /// Returns the value of a key as it is.
    pub(super) fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.table.get(key)
    }

    /// Reports the keys that nothing has read, and returns those that were reported before.
    pub(super) fn finish(self) -> Vec<&'static str> {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !self.known.contains(&name) {
                let suggestion = did_you_mean(nearest(name, self.known.iter().copied()));
                self.problems.add(&key.span(), format!("unknown key `{name}`{suggestion}"));
            }
        }
        self.misread.into_inner()
    }

    /// Returns the keys that were asked for.
    #[cfg(test)]
    pub(super) fn known(&self) -> &[&'static str] {
        &self.known
    }

    fn as_text(&self, key: &'static str, value: &Spanned<DeValue<'_>>) -> Option<At<String>> {
        let DeValue::String(text) = value.get_ref() else {
            return self.expected(key, "a string", value);
        };
        Some(At { value: text.to_string(), span: value.span() })
    }

    /// Says what a value should be, without the value: it may be a secret.
    pub(super) fn expected<T>(
        &self,
        key: &'static str,
        expected: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<T> {
        let found = kind(value.get_ref());
        self.misread(key, &value.span(), format!("`{key}`: expected {expected}, not {found}"))
    }

    /// Reports what is wrong with the value of a key.
    fn misread<T>(&self, key: &'static str, span: &Range<usize>, message: String) -> Option<T> {
        self.problems.add(span, message);
        self.set_misread(key);
        None
    }

    /// Remembers a key whose value was reported.
    pub(super) fn set_misread(&self, key: &'static str) {
        self.misread.borrow_mut().push(key);
    }
}

/// Returns a name as it is written in the heading of a table.
pub(super) fn quoted(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { format!("\"{name}\"") }
}

fn kind(value: &DeValue<'_>) -> &'static str {
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
