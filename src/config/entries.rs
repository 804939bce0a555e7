//! The values of one table of the file.

use std::fmt;
use std::sync::Arc;

use super::paths::PathReason;
use crate::options::table::{KeyLocation, OptionSpec};

/// A value of the file.
#[derive(Clone, Copy)]
pub struct FileValue<'a> {
    /// As the flag would take it; paths are expanded, and relative ones begin with the directory of
    /// the file.
    pub value: &'a str,
    /// Its location.
    pub location: &'a Arc<KeyLocation>,
}

/// Its location, without the value, which may be a secret.
impl fmt::Debug for FileValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.location)
    }
}

/// The values of a table.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) all: Vec<Entry>,
}

/// A key and its value.
pub(super) struct Entry {
    pub(super) option: &'static OptionSpec,
    pub(super) value: Result<String, PathReason>,
    pub(super) location: Arc<KeyLocation>,
}

impl Entries {
    /// Returns the entry of a key.
    pub(super) fn entry(&self, option: &'static OptionSpec) -> Option<&Entry> {
        self.all.iter().find(|entry| entry.option == option)
    }

    /// Returns the value of a key.
    pub(super) fn value(&self, option: &'static OptionSpec) -> Option<FileValue<'_>> {
        self.entry(option).and_then(Entry::file_value)
    }
}

impl Entry {
    /// Returns the value, unless it is a path that cannot be expanded.
    pub(super) fn file_value(&self) -> Option<FileValue<'_>> {
        let value = self.value.as_ref().ok()?;
        Some(FileValue { value, location: &self.location })
    }
}

/// An element of `assume` or `fallback`.
pub struct ArrayTable {
    pub(super) location: Arc<KeyLocation>,
    pub(super) entries: Entries,
}

impl ArrayTable {
    /// Returns the value of a key. A required key is always there.
    pub fn value(&self, option: &'static OptionSpec) -> Option<FileValue<'_>> {
        self.entries.value(option)
    }
}

impl fmt::Debug for ArrayTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.location)
    }
}

/// One hop of `assume`.
pub struct HopTable {
    pub(super) table: ArrayTable,
    pub(super) tags: Vec<(String, Entry)>,
    pub(super) transitive_tags: Vec<Entry>,
}

impl HopTable {
    /// Returns the values that are not tags.
    pub fn table(&self) -> &ArrayTable {
        &self.table
    }

    /// Returns the names of the tags and their values, in the order of the file.
    pub fn tags(&self) -> impl Iterator<Item = (&str, FileValue<'_>)> {
        self.tags.iter().filter_map(|(name, entry)| Some((name.as_str(), entry.file_value()?)))
    }

    /// Returns the names of the tags that further sessions inherit.
    pub fn transitive_tags(&self) -> impl Iterator<Item = FileValue<'_>> {
        self.transitive_tags.iter().filter_map(Entry::file_value)
    }
}

impl fmt::Debug for HopTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table.fmt(f)
    }
}
