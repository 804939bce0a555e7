//! Makes the model of a file.

use std::borrow::Cow;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::entries::{ArrayTable, Entries, Entry, HopTable};
use super::exec_table;
use super::keys::TableKind;
use super::mistake::{Excerpt, MistakeKind, Mistakes};
use super::roles::{IdentityTable, RoleTable};
use super::table_reader::{Compound, ReadTable, TableReader, type_name};
use super::{Config, ConfigText, TableName, secrets_table, syntax};
use crate::options::suggestion::nearest;
use crate::options::table::{KeyLocation, OptionSpec, config_file, session};

/// The tables of the file.
const DEFAULTS: &str = TableKind::Defaults.name();
const IDENTITY: &str = TableKind::Identity.name();
const ROLE: &str = TableKind::Role.name();
const EXEC: &str = TableKind::Exec.name();
pub(super) const SECRETS: &str = TableKind::Secrets.name();

/// What a fallback takes the place of.
const SOURCE: &[&OptionSpec] = &[&session::TRUST_ANCHOR_ARN, &session::PROFILE_ARN];

/// Reads a file.
pub(super) fn config(source: &ConfigText<'_>) -> Result<Config, Mistakes> {
    let file = || Arc::clone(source.file);
    let mut reader = TableReader::new(*source);
    let (document, errors) = DeTable::parse_recoverable(source.text);
    if !errors.is_empty() {
        // What else is wrong may follow from it.
        return Err(Mistakes::new(file(), syntax::mistakes(source, reader.lines(), &errors)));
    }
    let root = document.get_ref();
    let tables = &[DEFAULTS, IDENTITY, ROLE, EXEC, SECRETS];
    let above = reader.table(TableKind::Root, &Arc::from(""), root, tables).entries;
    let (defaults, fallbacks) = read_defaults(&mut reader, root);
    let identities = read_identities(&mut reader, root);
    let roles = read_roles(&mut reader, root, &defaults, &fallbacks, &identities);
    let names: Vec<TableName> = roles.iter().map(|role| role.name.clone()).collect();
    let default_role = above
        .entry(&config_file::DEFAULT_ROLE)
        .and_then(|entry| resolve_name(&mut reader, entry, TableKind::Role, &names));
    let execs = exec_table::read(&mut reader, root, &names);
    let secrets = secrets_table::read(&mut reader, root, &names);
    match reader.mistakes.is_empty() {
        true => Ok(Config {
            file: file(),
            default_role,
            defaults,
            fallbacks,
            identities,
            roles,
            execs,
            secrets,
        }),
        false => Err(Mistakes::new(file(), reader.mistakes)),
    }
}

fn read_defaults(reader: &mut TableReader<'_>, root: &DeTable<'_>) -> (Entries, Arc<[ArrayTable]>) {
    let Some((key, value)) = root.get_key_value(DEFAULTS) else {
        return (Entries::default(), Arc::from([]));
    };
    let DeValue::Table(table) = value.get_ref() else {
        not_a_table(reader, key, TableKind::Defaults, value);
        return (Entries::default(), Arc::from([]));
    };
    let name = Arc::from(DEFAULTS);
    let ReadTable { entries, compounds } = reader.table(TableKind::Defaults, &name, table, &[]);
    let fallbacks = compounds.iter().flat_map(|compound| read_fallbacks(reader, compound));
    let fallbacks: Vec<ArrayTable> = fallbacks.collect();
    (entries, fallbacks.into())
}

fn read_identities(reader: &mut TableReader<'_>, root: &DeTable<'_>) -> Vec<IdentityTable> {
    let named = named_tables(reader, root, IDENTITY, TableKind::Identity);
    let read = named.into_iter().map(|NamedTable { name, heading, offset, table }| {
        let entries = reader.table(TableKind::Identity, &heading, table, &[]).entries;
        let location = reader.location(&heading, "", offset);
        IdentityTable { name, location, entries }
    });
    read.collect()
}

fn read_roles(
    reader: &mut TableReader<'_>,
    root: &DeTable<'_>,
    defaults: &Entries,
    fallbacks: &Arc<[ArrayTable]>,
    identities: &[IdentityTable],
) -> Vec<RoleTable> {
    let names: Vec<TableName> = identities.iter().map(|identity| identity.name.clone()).collect();
    let default = defaults.entry(&config_file::IDENTITY_NAME);
    let default =
        default.and_then(|entry| resolve_name(reader, entry, TableKind::Identity, &names));
    let mut roles = Vec::new();
    for NamedTable { name, heading, offset, table } in
        named_tables(reader, root, ROLE, TableKind::Role)
    {
        let ReadTable { entries, compounds } = reader.table(TableKind::Role, &heading, table, &[]);
        // The fallbacks of the defaults belong to the trust anchor and the profile there.
        let has_own = SOURCE.iter().any(|option| entries.entry(option).is_some());
        let inherited = if has_own { Arc::from([]) } else { Arc::clone(fallbacks) };
        let (mut hops, mut fallbacks) = (Vec::new(), inherited);
        for compound in &compounds {
            match compound.option == &config_file::ASSUME {
                true => hops = read_hops(reader, compound),
                false => fallbacks = read_fallbacks(reader, compound).into(),
            }
        }
        let location = reader.location(&heading, "", offset);
        let identity = match entries.entry(&config_file::IDENTITY_NAME) {
            Some(entry) => resolve_name(reader, entry, TableKind::Identity, &names),
            None if default.is_some() => default,
            None if names.len() > 1 => {
                let written = name.heading().into();
                let excerpt = Excerpt::Heading {
                    before: heading_start(TableKind::Role),
                    name: Some(written),
                };
                let (key, table) = (config_file::IDENTITY_NAME.id(), TableKind::Role);
                let names = shown_names(&names);
                reader.add_at(offset, excerpt, MistakeKind::Missing { key, table, names });
                None
            }
            None => (!names.is_empty()).then_some(0),
        };
        roles.push(RoleTable { name, location, entries, identity, hops, fallbacks });
    }
    roles
}

/// Returns the part of a heading before the name of the table.
fn heading_start(kind: TableKind) -> &'static str {
    match kind {
        TableKind::Identity => "[identity.",
        TableKind::Role => "[role.",
        TableKind::Exec => "[exec.",
        TableKind::SecretsToken => "[secrets.token.",
        _ => "[",
    }
}

/// A table that has a name.
pub(super) struct NamedTable<'t, 'i> {
    pub(super) name: TableName,
    /// `role.NAME`, as messages show it.
    pub(super) heading: Arc<str>,
    pub(super) offset: usize,
    pub(super) table: &'t DeTable<'i>,
}

/// Returns the tables `[key.NAME]` in the order of the file.
pub(super) fn named_tables<'t, 'i>(
    reader: &mut TableReader<'_>,
    root: &'t DeTable<'i>,
    key: &'static str,
    kind: TableKind,
) -> Vec<NamedTable<'t, 'i>> {
    let Some((heading, value)) = root.get_key_value(key) else { return Vec::new() };
    let DeValue::Table(tables) = value.get_ref() else {
        not_a_table(reader, heading, kind, value);
        return Vec::new();
    };
    let mut named = Vec::new();
    for (name, value) in tables {
        let offset = name.span().start;
        let DeValue::Table(table) = value.get_ref() else {
            // A key right below `[role]`.
            not_a_table(reader, name, kind, value);
            continue;
        };
        let Some(name) = TableName::parse(name.get_ref()) else {
            let excerpt = Excerpt::Heading { before: heading_start(kind), name: None };
            reader.add_at(offset, excerpt, MistakeKind::Name { table: kind });
            continue;
        };
        let heading = format!("{}{}", &heading_start(kind)[1..], name.heading()).into();
        named.push(NamedTable { name, heading, offset, table });
    }
    named.sort_by_key(|table| table.offset);
    named
}

pub(super) fn not_a_table(
    reader: &mut TableReader<'_>,
    key: &Spanned<Cow<'_, str>>,
    kind: TableKind,
    value: &Spanned<DeValue<'_>>,
) {
    let (expected, found) = ("a table", type_name(value.get_ref()));
    let shown = matches!(&**key.get_ref(), DEFAULTS | IDENTITY | ROLE | EXEC | SECRETS)
        .then(|| key.get_ref().as_ref().into());
    let name = kind.as_str().trim_matches('`').into();
    let mistake = MistakeKind::Type { key: name, expected, found };
    reader.add_at(key.span().start, Excerpt::Key(shown), mistake);
}

fn read_hops(reader: &mut TableReader<'_>, compound: &Compound<'_, '_>) -> Vec<HopTable> {
    let tables = elements(reader, compound, TableKind::Hop);
    let read = tables.into_iter().map(|(location, ReadTable { entries, compounds })| {
        let table = ArrayTable { location, entries };
        let mut hop = HopTable { table, tags: Vec::new(), transitive_tags: Vec::new() };
        for compound in &compounds {
            let Compound { option, value, location } = compound;
            match value.get_ref() {
                DeValue::Table(tags) if *option == &config_file::HOP_TAGS => {
                    let tags = tags.iter().filter_map(|(name, value)| {
                        let entry = reader.text(option, value.get_ref(), location)?;
                        Some((name.get_ref().to_string(), entry))
                    });
                    hop.tags = tags.collect();
                }
                DeValue::Array(names) if *option == &config_file::HOP_TRANSITIVE_TAGS => {
                    let names = names.iter();
                    let names =
                        names.filter_map(|name| reader.text(option, name.get_ref(), location));
                    hop.transitive_tags = names.collect();
                }
                value => reader.wrong_type(option, value, location),
            }
        }
        hop
    });
    read.collect()
}

fn read_fallbacks(reader: &mut TableReader<'_>, compound: &Compound<'_, '_>) -> Vec<ArrayTable> {
    let tables = elements(reader, compound, TableKind::Fallback);
    let read = tables.into_iter();
    read.map(|(location, ReadTable { entries, .. })| ArrayTable { location, entries }).collect()
}

/// Returns the tables of an array and their locations.
pub(super) fn elements<'t, 'i>(
    reader: &mut TableReader<'_>,
    compound: &Compound<'t, 'i>,
    kind: TableKind,
) -> Vec<(Arc<KeyLocation>, ReadTable<'t, 'i>)> {
    let Compound { option, value, location } = compound;
    let DeValue::Array(array) = value.get_ref() else {
        reader.wrong_type(option, value.get_ref(), location);
        return Vec::new();
    };
    let mut tables = Vec::new();
    for (at, element) in array.iter().enumerate() {
        let DeValue::Table(table) = element.get_ref() else {
            reader.wrong_type(option, element.get_ref(), location);
            continue;
        };
        let offset = element.span().start;
        let name = format!("{}.{}[{at}]", location.table, location.key).into();
        let read = reader.table(kind, &name, table, &[]);
        let place = reader.location(&location.table, location.key, offset);
        for key in kind.required().iter().map(|row| row.id()) {
            if !table.contains_key(key) {
                let missing = MistakeKind::Missing { key, table: kind, names: Vec::new() };
                reader.add(&place, missing);
            }
        }
        reader.check_one_of(kind, table, &place);
        tables.push((place, read));
    }
    tables
}

/// Returns the index of the name that an entry holds.
pub(super) fn resolve_name(
    reader: &mut TableReader<'_>,
    entry: &Entry,
    table: TableKind,
    names: &[TableName],
) -> Option<usize> {
    let name = entry.value.as_ref().ok()?;
    let found = names.iter().position(|known| known.as_str() == name);
    if found.is_none() {
        let nearest = nearest(name, names.iter().map(TableName::as_str));
        let nearest = nearest.and_then(TableName::parse).map(|name| name.to_string().into());
        let (key, names) = (entry.option.id(), shown_names(names));
        reader.add(&entry.location, MistakeKind::Dangling { key, table, names, nearest });
    }
    found
}

fn shown_names(names: &[TableName]) -> Vec<Box<str>> {
    names.iter().map(|name| name.to_string().into()).collect()
}
