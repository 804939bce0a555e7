//! Roles, identities, and the layers of values of a role.

use std::fmt;
use std::sync::Arc;

use super::entries::{ArrayTable, Entries, Entry, FileValue, HopTable};
use super::keys::TableKind;
use super::mistake::{Mistake, MistakeKind};
use super::{Config, TableName};
use crate::options::table::{KeyLocation, OptionSpec, config_file};

/// `[identity.NAME]`.
pub struct IdentityTable {
    pub(super) name: TableName,
    pub(super) location: Arc<KeyLocation>,
    pub(super) entries: Entries,
}

impl IdentityTable {
    /// Returns its name.
    pub fn name(&self) -> &TableName {
        &self.name
    }

    /// Returns its location.
    pub fn location(&self) -> &Arc<KeyLocation> {
        &self.location
    }
}

impl fmt::Debug for IdentityTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.location)
    }
}

/// `[role.NAME]`.
pub struct RoleTable {
    pub(super) name: TableName,
    pub(super) location: Arc<KeyLocation>,
    pub(super) entries: Entries,
    /// Its identity in the list of all.
    pub(super) identity: Option<usize>,
    pub(super) hops: Vec<HopTable>,
    /// Its own, or those of the defaults if it has no trust anchor and no profile of its own.
    pub(super) fallbacks: Arc<[ArrayTable]>,
}

impl RoleTable {
    /// Returns its name.
    pub fn name(&self) -> &TableName {
        &self.name
    }

    /// Returns its location.
    pub fn location(&self) -> &Arc<KeyLocation> {
        &self.location
    }

    /// Returns the profile that `update` writes.
    pub fn aws_profile(&self) -> Option<FileValue<'_>> {
        self.entries.value(&config_file::ROLE_AWS_PROFILE)
    }

    /// Returns its hops, in order.
    pub fn hops(&self) -> &[HopTable] {
        &self.hops
    }

    /// Returns its fallbacks in order: its own, else those of the defaults, unless it has a trust anchor or
    /// a profile of its own.
    pub fn fallbacks(&self) -> &[ArrayTable] {
        &self.fallbacks
    }
}

impl fmt::Debug for RoleTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.location)
    }
}

/// Tables that may be of no role, as the layers of a role without values of its own.
#[derive(Debug)]
pub struct UnusedTables {
    /// The role that stands for them; it has no values and no hops.
    pub role: RoleTable,
    /// The identity; without one, it is the defaults only.
    pub identity: Option<Arc<KeyLocation>>,
}

impl UnusedTables {
    /// Returns the identities that no role uses, and the defaults, which all roles may override.
    pub(super) fn of(config: &Config) -> Vec<Self> {
        let is_used = |at: usize| config.roles.iter().any(|role| role.identity == Some(at));
        let unused = config.identities.iter().enumerate().filter(|(at, _)| !is_used(*at));
        let identities = unused.map(|(at, identity)| {
            let IdentityTable { name, location, .. } = identity;
            (name.clone(), Arc::clone(location), Some(at))
        });
        let location = KeyLocation {
            file: config.file.clone(),
            table: TableKind::Defaults.name().into(),
            key: "",
            line: 1,
            column: 1,
        };
        let defaults = TableName::parse(TableKind::Defaults.name())
            .map(|name| (name, Arc::new(location), None));
        let tables = identities.chain(defaults).map(|(name, location, identity)| Self {
            identity: identity.map(|_| Arc::clone(&location)),
            role: RoleTable {
                name,
                location,
                entries: Entries::default(),
                identity,
                hops: Vec::new(),
                fallbacks: Arc::clone(&config.fallbacks),
            },
        });
        tables.collect()
    }
}

/// The values of a role: its own, then those of its identity, then the defaults.
#[derive(Clone, Copy)]
pub struct RoleLayers<'a> {
    role: &'a RoleTable,
    identity: Option<&'a IdentityTable>,
    layers: [Option<&'a Entries>; 3],
}

impl<'a> RoleLayers<'a> {
    pub(super) fn new(config: &'a Config, role: &'a RoleTable) -> (Self, Vec<Mistake>) {
        let identity = config.identity(role);
        let of_identity = identity.map(|identity| &identity.entries);
        let layers = [Some(&role.entries), of_identity, Some(&config.defaults)];
        let layers = Self { role, identity, layers };
        let faults = layers.entries().filter_map(path_mistake).collect();
        (layers, faults)
    }

    /// Returns the role.
    pub fn role(&self) -> &'a RoleTable {
        self.role
    }

    /// Returns its identity.
    pub fn identity(&self) -> Option<&'a IdentityTable> {
        self.identity
    }

    /// Returns the value of an option.
    pub fn value(&self, option: &'static OptionSpec) -> Option<FileValue<'a>> {
        self.layers.iter().flatten().find_map(|entries| entries.value(option))
    }

    /// Returns the entries that no other one overrides.
    fn entries(&self) -> impl Iterator<Item = &'a Entry> {
        let own = self.layers;
        own.into_iter().enumerate().flat_map(move |(at, entries)| {
            let above = own[..at].iter().copied().flatten().collect::<Vec<_>>();
            let is_overridden =
                move |entry: &Entry| above.iter().any(|it| it.entry(entry.option).is_some());
            let all = entries.map_or(&[][..], |entries| &entries.all);
            all.iter().filter(move |entry| !is_overridden(entry))
        })
    }
}

/// Returns the mistake of a path that cannot be expanded.
pub(super) fn path_mistake(entry: &Entry) -> Option<Mistake> {
    let reason = entry.value.as_ref().err()?.clone();
    let key = entry.option.id();
    Some(Mistake::at_key(&entry.location, MistakeKind::Path { key, reason }))
}

/// Which role it is of.
impl fmt::Debug for RoleLayers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.role, f)
    }
}
