//! `[secrets]`: the secrets endpoint, its tokens, what it reads at the start, and what it keeps on disk.

use std::fmt;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::TableName;
use super::entries::{ArrayTable, Entries, Entry, FileValue};
use super::exec_table::texts;
use super::keys::TableKind;
use super::mistake::{Mistake, MistakeKind};
use super::read::{NamedTable, SECRETS, elements, named_tables, not_a_table, resolve_name};
use super::roles::path_mistake;
use super::table_reader::{Compound, ReadTable, TableReader};
use crate::options::table::{KeyLocation, OptionSpec, offline, secrets_endpoint};

/// `[secrets]`.
pub struct SecretsTable {
    location: Arc<KeyLocation>,
    values: TableValues,
    prefetch: Vec<ArrayTable>,
    tokens: Vec<SecretsTokenTable>,
    offline: Option<SecretsOfflineTable>,
}

/// `[secrets.offline]`.
pub struct SecretsOfflineTable {
    location: Arc<KeyLocation>,
    values: TableValues,
}

/// `[secrets.token.NAME]`.
pub struct SecretsTokenTable {
    name: TableName,
    location: Arc<KeyLocation>,
    values: TableValues,
}

/// The values of a table with arrays of strings.
#[derive(Default)]
pub struct TableValues {
    entries: Entries,
    lists: Vec<ListOfTexts>,
}

/// The strings of a key.
struct ListOfTexts {
    option: &'static OptionSpec,
    location: Arc<KeyLocation>,
    texts: Vec<Entry>,
}

impl TableValues {
    /// Returns the value of a key.
    pub fn value(&self, option: &'static OptionSpec) -> Option<FileValue<'_>> {
        self.entries.value(option)
    }

    /// Returns the strings of a key; `None` if the key is not there.
    pub fn texts(
        &self,
        option: &'static OptionSpec,
    ) -> Option<impl Iterator<Item = FileValue<'_>>> {
        Some(self.list(option)?.texts.iter().filter_map(Entry::file_value))
    }

    /// Returns the location of a key with strings.
    pub fn location_of_texts(&self, option: &'static OptionSpec) -> Option<&Arc<KeyLocation>> {
        self.list(option).map(|list| &list.location)
    }

    fn list(&self, option: &'static OptionSpec) -> Option<&ListOfTexts> {
        self.lists.iter().find(|list| list.option == option)
    }

    fn new(reader: &mut TableReader<'_>, read: ReadTable<'_, '_>) -> Self {
        let mut lists = Vec::new();
        for compound in &read.compounds {
            let option = compound.option;
            if option != &secrets_endpoint::PREFETCH {
                let texts = match compound.value.get_ref() {
                    // No request may name a role, or nothing is kept.
                    DeValue::Array(array)
                        if array.is_empty()
                            && (option == &secrets_endpoint::ALLOWED_ROLES
                                || option == &offline::KEEP) =>
                    {
                        Vec::new()
                    }
                    _ => texts(reader, compound),
                };
                let location = Arc::clone(&compound.location);
                lists.push(ListOfTexts { option, location, texts });
            }
        }
        Self { entries: read.entries, lists }
    }

    fn path_mistakes(&self) -> impl Iterator<Item = Mistake> {
        self.entries.all.iter().filter_map(path_mistake)
    }
}

impl SecretsTable {
    /// Returns its location.
    pub fn location(&self) -> &Arc<KeyLocation> {
        &self.location
    }

    /// Returns its values.
    pub fn values(&self) -> &TableValues {
        &self.values
    }

    /// Returns what is read at the start, in the order of the file.
    pub fn prefetch(&self) -> &[ArrayTable] {
        &self.prefetch
    }

    /// Returns the tokens, in the order of the file.
    pub fn tokens(&self) -> &[SecretsTokenTable] {
        &self.tokens
    }

    /// Returns `[secrets.offline]`, if it is there.
    pub fn offline(&self) -> Option<&SecretsOfflineTable> {
        self.offline.as_ref()
    }

    /// Returns the paths that cannot be expanded.
    pub fn path_mistakes(&self) -> Vec<Mistake> {
        let of_tokens = self.tokens.iter().flat_map(|token| token.values.path_mistakes());
        let of_offline = self.offline.iter().flat_map(|offline| offline.values.path_mistakes());
        self.values.path_mistakes().chain(of_tokens).chain(of_offline).collect()
    }
}

impl SecretsTokenTable {
    /// Returns its name.
    pub fn name(&self) -> &TableName {
        &self.name
    }

    /// Returns its location.
    pub fn location(&self) -> &Arc<KeyLocation> {
        &self.location
    }

    /// Returns its values.
    pub fn values(&self) -> &TableValues {
        &self.values
    }
}

impl SecretsOfflineTable {
    /// Returns its location.
    pub fn location(&self) -> &Arc<KeyLocation> {
        &self.location
    }

    /// Returns its values.
    pub fn values(&self) -> &TableValues {
        &self.values
    }
}

impl fmt::Debug for SecretsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.location)
    }
}

impl fmt::Debug for SecretsOfflineTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.location)
    }
}

impl fmt::Debug for SecretsTokenTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.location)
    }
}

/// How many values there are, without them.
impl fmt::Debug for TableValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} values>", self.entries.all.len() + self.lists.len())
    }
}

/// Reads `[secrets]`; `roles` are the roles of the file.
pub(super) fn read(
    reader: &mut TableReader<'_>,
    root: &DeTable<'_>,
    roles: &[TableName],
) -> Option<SecretsTable> {
    let (key, value) = root.get_key_value(SECRETS)?;
    let DeValue::Table(table) = value.get_ref() else {
        not_a_table(reader, key, TableKind::Secrets, value);
        return None;
    };
    let heading = Arc::from(SECRETS);
    let location = reader.location(&heading, "", key.span().start);
    let tables = [TableKind::SecretsToken.name(), TableKind::SecretsOffline.name()];
    let read = reader.table(TableKind::Secrets, &heading, table, &tables);
    let prefetch = read.compounds.iter().find(|it| it.option == &secrets_endpoint::PREFETCH);
    let prefetch = prefetch.map(|compound| read_prefetch(reader, compound, roles));
    let values = TableValues::new(reader, read);
    let allowed = values.list(&secrets_endpoint::ALLOWED_ROLES);
    for role in allowed.iter().flat_map(|list| &list.texts) {
        resolve_role(reader, role, roles);
    }
    let (tokens, offline) = (read_tokens(reader, table), read_offline(reader, table));
    let prefetch = prefetch.unwrap_or_default();
    Some(SecretsTable { location, values, prefetch, tokens, offline })
}

fn read_offline(
    reader: &mut TableReader<'_>,
    secrets: &DeTable<'_>,
) -> Option<SecretsOfflineTable> {
    let kind = TableKind::SecretsOffline;
    let (key, value) = secrets.get_key_value(kind.name())?;
    let DeValue::Table(table) = value.get_ref() else {
        not_a_table(reader, key, kind, value);
        return None;
    };
    let heading = Arc::from(format!("{SECRETS}.{}", kind.name()));
    let location = reader.location(&heading, "", key.span().start);
    let read = reader.table(kind, &heading, table, &[]);
    for key in kind.required().iter().map(|row| row.id()) {
        if !table.contains_key(key) {
            reader.add(&location, MistakeKind::Missing { key, table: kind, names: Vec::new() });
        }
    }
    Some(SecretsOfflineTable { location, values: TableValues::new(reader, read) })
}

fn read_prefetch(
    reader: &mut TableReader<'_>,
    compound: &Compound<'_, '_>,
    roles: &[TableName],
) -> Vec<ArrayTable> {
    let mut all = Vec::new();
    for (location, ReadTable { entries, .. }) in elements(reader, compound, TableKind::Prefetch) {
        if let Some(role) = entries.entry(&secrets_endpoint::PREFETCH_ROLE) {
            resolve_role(reader, role, roles);
        }
        let has = |option: &'static OptionSpec| entries.entry(option).is_some();
        if has(&secrets_endpoint::PREFETCHED_TAG_VALUE) && !has(&secrets_endpoint::PREFETCHED_TAG) {
            let (key, table) = (secrets_endpoint::PREFETCHED_TAG.id(), TableKind::Prefetch);
            reader.add(&location, MistakeKind::Missing { key, table, names: Vec::new() });
        }
        all.push(ArrayTable { location, entries });
    }
    all
}

fn read_tokens(reader: &mut TableReader<'_>, secrets: &DeTable<'_>) -> Vec<SecretsTokenTable> {
    let kind = TableKind::SecretsToken;
    let mut tokens = Vec::new();
    for NamedTable { name, heading, offset, table } in
        named_tables(reader, secrets, kind.name(), kind)
    {
        let read = reader.table(kind, &heading, table, &[]);
        let values = TableValues::new(reader, read);
        let location = reader.location(&heading, "", offset);
        reader.check_one_of(kind, table, &location);
        tokens.push(SecretsTokenTable { name, location, values });
    }
    tokens
}

/// Refuses the name of a role that does not exist. An ARN may be that of a role that another one assumes.
fn resolve_role(reader: &mut TableReader<'_>, role: &Entry, roles: &[TableName]) {
    if role.value.as_ref().is_ok_and(|value| !value.starts_with("arn:")) {
        resolve_name(reader, role, TableKind::Role, roles);
    }
}
