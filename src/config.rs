//! The configuration file: identities and roles by name, programs, and what of secrets is served.
//!
//! [`Config::parse`] makes the model of a text, or reports all that is wrong with its structure: what
//! is not TOML, unknown keys, wrong types, names of tables that do not exist. What the values mean is
//! checked where those of flags are, when a role is used. So a wrong value of a role does not stop
//! another.

mod entries;
mod exec_table;
pub mod files;
pub mod import;
mod keys;
mod line_index;
mod mistake;
mod name;
mod paths;
mod read;
mod roles;
pub mod schema;
mod secrets_table;
mod syntax;
mod table_reader;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use entries::{ArrayTable, FileValue, HopTable};
pub use exec_table::{ExecTable, FileVariable};
pub use keys::{KeyType, TableKind, with_keys};
pub use mistake::{Excerpt, Mistake, MistakeKind, Mistakes};
pub use name::TableName;
pub use paths::PathReason;
pub use roles::{IdentityTable, RoleLayers, RoleTable, UnusedTables};
pub use secrets_table::{SecretsOfflineTable, SecretsTable, SecretsTokenTable, TableValues};
pub use syntax::SyntaxReason;

use entries::Entries;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::disclosure::PathExists;

/// The text of a configuration file, and what its paths depend on.
#[derive(Clone, Copy)]
pub struct ConfigText<'a> {
    /// The file; relative paths in it are relative to its directory.
    pub file: &'a Arc<Path>,
    /// Its contents.
    pub text: &'a str,
    /// The variables that may be in paths.
    pub environment: &'a Environment,
    /// Tells whether a path exists: what may be a secret and does not exist is not taken for a path.
    pub paths: PathExists<'a>,
}

/// A configuration file.
pub struct Config {
    file: Arc<Path>,
    default_role: Option<usize>,
    defaults: Entries,
    /// The fallbacks of the defaults.
    fallbacks: Arc<[ArrayTable]>,
    identities: Vec<IdentityTable>,
    roles: Vec<RoleTable>,
    execs: Vec<ExecTable>,
    secrets: Option<SecretsTable>,
}

impl Config {
    /// Reads a configuration, or returns all mistakes in its structure.
    pub fn parse(source: &ConfigText<'_>) -> Result<Self, Mistakes> {
        read::config(source)
    }

    /// Returns the file.
    pub fn file(&self) -> &Arc<Path> {
        &self.file
    }

    /// Returns the role that is used if none is named.
    pub fn default_role(&self) -> Option<&RoleTable> {
        self.default_role.and_then(|at| self.roles.get(at))
    }

    /// Returns the roles, in the order of the file.
    pub fn roles(&self) -> impl Iterator<Item = &RoleTable> {
        self.roles.iter()
    }

    /// Returns the role of that name.
    pub fn role(&self, name: &str) -> Option<&RoleTable> {
        self.roles.iter().find(|role| role.name().as_str() == name)
    }

    /// Returns the identities, in the order of the file.
    pub fn identities(&self) -> impl Iterator<Item = &IdentityTable> {
        self.identities.iter()
    }

    /// Returns the tables `[exec.NAME]`, in the order of the file.
    pub fn execs(&self) -> impl Iterator<Item = &ExecTable> {
        self.execs.iter()
    }

    /// Returns `[secrets]`.
    pub fn secrets(&self) -> Option<&SecretsTable> {
        self.secrets.as_ref()
    }

    /// Refuses paths of `[secrets]` that cannot be expanded: only its command needs them.
    pub fn check_secrets_paths(&self) -> Result<(), Mistakes> {
        let faults = self.secrets.as_ref().map(SecretsTable::path_mistakes).unwrap_or_default();
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Mistakes::new(Arc::clone(&self.file), faults)),
        }
    }

    /// Returns the identity of a role: the one that it names, else the one of the defaults, else the
    /// only one.
    pub fn identity(&self, role: &RoleTable) -> Option<&IdentityTable> {
        role.identity.and_then(|at| self.identities.get(at))
    }

    /// Returns the values of a role: its own, then those of its identity, then the defaults. Refuses
    /// paths that cannot be expanded, which are not refused before, as they may be of another role.
    pub fn layers<'a>(&'a self, role: &'a RoleTable) -> Result<RoleLayers<'a>, Mistakes> {
        match RoleLayers::new(self, role) {
            (layers, faults) if faults.is_empty() => Ok(layers),
            (_, faults) => Err(Mistakes::new(Arc::clone(&self.file), faults)),
        }
    }

    /// As [`Config::layers`]; returns the mistakes of paths beside the other values.
    pub fn layers_for_check<'a>(&'a self, role: &'a RoleTable) -> (RoleLayers<'a>, Vec<Mistake>) {
        RoleLayers::new(self, role)
    }

    /// Returns the identities that no role uses, and the defaults, for a check of all values.
    pub fn unused_tables(&self) -> Vec<UnusedTables> {
        UnusedTables::of(self)
    }
}

/// Nothing of a file but how much it holds: values and names may be secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (roles, identities) = (self.roles.len(), self.identities.len());
        write!(f, "<{roles} roles, {identities} identities>")
    }
}

#[cfg(test)]
mod tests;
