//! `[exec.NAME]`: a program with its variables and files.

use std::fmt;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::TableName;
use super::entries::{Entries, Entry, FileValue};
use super::keys::{KeyType, TableKind};
use super::mistake::{Excerpt, MistakeKind};
use super::read::{NamedTable, named_tables, resolve_name};
use super::table_reader::{Compound, ReadTable, TableReader, type_name};
use crate::options::table::{KeyLocation, config_file};
use roles_anywhere_client::text::disclosure::may_be_repeated;

/// `[exec.NAME]`.
pub struct ExecTable {
    name: TableName,
    location: Arc<KeyLocation>,
    entries: Entries,
    command: Vec<Entry>,
    env: Vec<(Box<str>, Entry)>,
    files: Vec<(Box<str>, Entry)>,
}

/// An entry of `env` or `files`.
#[derive(Clone, Copy)]
pub struct FileVariable<'a> {
    /// The variable.
    pub name: &'a str,
    /// Its value, with the location of the variable. It may be a secret.
    pub value: FileValue<'a>,
}

impl ExecTable {
    /// Returns its name.
    pub fn name(&self) -> &TableName {
        &self.name
    }

    /// Returns its location.
    pub fn location(&self) -> &Arc<KeyLocation> {
        &self.location
    }

    /// Returns the name of the role that it uses, which exists.
    pub fn role(&self) -> Option<FileValue<'_>> {
        self.entries.value(&config_file::EXEC_ROLE)
    }

    /// Returns the program and its arguments.
    pub fn command(&self) -> impl Iterator<Item = FileValue<'_>> {
        self.command.iter().filter_map(Entry::file_value)
    }

    /// Returns the variables, in the order of the file.
    pub fn env(&self) -> impl Iterator<Item = FileVariable<'_>> {
        variables(&self.env)
    }

    /// Returns the files by their variables, in the order of the file.
    pub fn files(&self) -> impl Iterator<Item = FileVariable<'_>> {
        variables(&self.files)
    }
}

impl fmt::Debug for ExecTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.location)
    }
}

/// Its location, without the name and the value, which may be secrets.
impl fmt::Debug for FileVariable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

fn variables(entries: &[(Box<str>, Entry)]) -> impl Iterator<Item = FileVariable<'_>> {
    let all = entries.iter();
    all.filter_map(|(name, entry)| Some(FileVariable { name, value: entry.file_value()? }))
}

/// Reads the tables `[exec.NAME]`; `roles` are the roles of the file.
pub(super) fn read(
    reader: &mut TableReader<'_>,
    root: &DeTable<'_>,
    roles: &[TableName],
) -> Vec<ExecTable> {
    let kind = TableKind::Exec;
    let mut execs = Vec::new();
    for NamedTable { name, heading, offset, table } in named_tables(reader, root, kind.name(), kind)
    {
        let ReadTable { entries, compounds } = reader.table(kind, &heading, table, &[]);
        if let Some(role) = entries.entry(&config_file::EXEC_ROLE) {
            resolve_name(reader, role, TableKind::Role, roles);
        }
        let location = reader.location(&heading, "", offset);
        let (command, env, files) = (Vec::new(), Vec::new(), Vec::new());
        let mut exec = ExecTable { name, location, entries, command, env, files };
        for compound in &compounds {
            match compound.option {
                option if *option == config_file::EXEC_COMMAND => {
                    exec.command = texts(reader, compound);
                }
                option if *option == config_file::EXEC_ENV => {
                    exec.env = text_table(reader, compound);
                }
                _ => exec.files = text_table(reader, compound),
            }
        }
        execs.push(exec);
    }
    execs
}

/// Returns the texts of an array, which must have one.
pub(super) fn texts(reader: &mut TableReader<'_>, compound: &Compound<'_, '_>) -> Vec<Entry> {
    let Compound { option, value, location } = compound;
    let DeValue::Array(array) = value.get_ref() else {
        reader.wrong_type(option, value.get_ref(), location);
        return Vec::new();
    };
    if array.is_empty() {
        reader.add(location, MistakeKind::Empty { key: option.id() });
    }
    array.iter().filter_map(|text| reader.text(option, text.get_ref(), location)).collect()
}

/// Returns the texts of a table by their names, each with its own location, in the order of the file.
fn text_table(reader: &mut TableReader<'_>, compound: &Compound<'_, '_>) -> Vec<(Box<str>, Entry)> {
    let Compound { option, value, location } = compound;
    let DeValue::Table(table) = value.get_ref() else {
        reader.wrong_type(option, value.get_ref(), location);
        return Vec::new();
    };
    let mut texts = Vec::new();
    for (name, value) in table {
        let offset = name.span().start;
        let name: &str = name.get_ref();
        if !matches!(value.get_ref(), DeValue::String(_)) {
            let shown: Option<Box<str>> = may_be_repeated(name).then(|| name.into());
            let key = shown.clone().unwrap_or_else(|| option.id().into());
            let found = type_name(value.get_ref());
            let kind = MistakeKind::Type { key, expected: KeyType::Text.expected(), found };
            reader.add_at(offset, Excerpt::Key(shown), kind);
            continue;
        }
        let location = reader.location(&location.table, location.key, offset);
        let entry = reader.text(option, value.get_ref(), &location);
        texts.extend(entry.map(|entry| (offset, name.into(), entry)));
    }
    texts.sort_by_key(|(offset, ..)| *offset);
    texts.into_iter().map(|(_, name, entry)| (name, entry)).collect()
}
