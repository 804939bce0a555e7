//! The roles that references are read with: that of the command, and any other of the configuration file.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Config, RoleTable, TableName};
use crate::options::cache::cache;
use crate::options::roles::refuse_flags_for_several;
use crate::options::secrets_endpoint::OfflineSetup;
use crate::options::services;
use crate::options::session::SessionOptions;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::{OwnedSettings, Settings};
use crate::options::suggestion::nearest;
use crate::options::table::{self, OptionSpec};
use crate::output::references::ResolveErrors;
use crate::output::usage::{ReferenceRoleError, UnusableRole, UsageError};
use crate::secrets::endpoints::ServiceEndpoints;
use crate::secrets::lookup::{LookupPlan, Scope};
use crate::secrets::reference::{NamedReference, Reference};
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::text::disclosure::{PathExists, may_be_repeated};

/// The roles that references can be read with. Those beside the command's own are planned when a reference
/// names them: a file can have hundreds.
#[derive(Clone, Debug)]
pub struct ReferenceRoles {
    own: ReferenceRole,
    /// The name of the command's role, if it is one of the configuration file.
    own_name: Option<TableName>,
    /// What the others are planned with; `None` without a configuration file.
    settings: Option<OwnedSettings>,
    /// The copies on disk that may stand in for what cannot be read.
    offline: Option<OfflineSetup>,
}

/// The roles that references name.
#[derive(Debug)]
pub struct NamedRoles<'a> {
    roles: &'a ReferenceRoles,
    others: BTreeMap<&'a str, Result<ReferenceRole, ReferenceRoleError>>,
}

/// A role that references are read with.
#[derive(Clone, Debug)]
pub struct ReferenceRole {
    /// How its session is made.
    pub session: SessionPlan,
    /// The Region of references without one.
    pub region: Region,
    /// Where the services are.
    pub endpoints: ServiceEndpoints,
}

/// The options of one role, which are refused if several are used.
const OF_ONE_ROLE: &[&[&OptionSpec]] = &[
    table::identity::IDENTITY,
    table::session::CHAIN,
    table::identity::KEY_ACCESS,
    table::session::SESSION,
    table::session::ASSUME,
];

impl ReferenceRoles {
    /// Returns the roles of a command that uses one role.
    pub fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        Self::of_session(settings, SessionOptions::resolve(settings)?)
    }

    /// Returns the roles of a command that makes `session` with its own.
    pub fn of_session(
        settings: &Settings<'_>,
        session: SessionOptions,
    ) -> Result<Self, UsageError> {
        let own = ReferenceRole::plan(settings, session)?;
        let own_name = settings.layers.map(|layers| layers.role().name().clone());
        Ok(Self { own, own_name, settings: OwnedSettings::of(settings), offline: None })
    }

    /// Lets copies on disk stand in for what cannot be read.
    #[must_use]
    pub fn with_offline_copies(self, offline: Option<OfflineSetup>) -> Self {
        Self { offline, ..self }
    }

    /// Returns the copies on disk that may stand in for what cannot be read.
    pub fn offline(&self) -> Option<&OfflineSetup> {
        self.offline.as_ref()
    }

    /// Returns the command's own role.
    pub fn own(&self) -> &ReferenceRole {
        &self.own
    }

    /// Plans the roles that `references` name.
    pub fn named<'a>(
        &'a self,
        references: &'a [NamedReference],
        environment: &Environment,
        paths: PathExists<'_>,
    ) -> NamedRoles<'a> {
        let names = references.iter().filter_map(|named| named.reference.role());
        let names: BTreeSet<&str> = names.filter(|name| !self.is_own(name)).collect();
        let plan = |name| (name, self.other(name, environment, paths));
        NamedRoles { roles: self, others: names.into_iter().map(plan).collect() }
    }

    fn is_own(&self, name: &str) -> bool {
        self.own_name.as_ref().is_some_and(|own| own.as_str() == name)
    }

    /// Returns another role of the file.
    fn other(
        &self,
        name: &str,
        environment: &Environment,
        paths: PathExists<'_>,
    ) -> Result<ReferenceRole, ReferenceRoleError> {
        let shown = || if may_be_repeated(name) { name.to_owned() } else { "…".to_owned() };
        let Some(settings) = self.settings.as_ref().filter(|_| self.own_name.is_some()) else {
            return Err(ReferenceRoleError::NoFile { name: shown() });
        };
        let config = settings.config();
        let Some(role) = config.role(name) else {
            let names = config.roles().map(|role| role.name().as_str());
            let nearest = nearest(name, names.filter(|name| may_be_repeated(name)));
            let nearest = nearest.map(str::to_owned);
            return Err(ReferenceRoleError::Unknown { name: shown(), nearest });
        };
        settings
            .with(environment, paths, |settings| planned(settings, config, role))
            .map_err(|reason| ReferenceRoleError::Unusable { name: shown(), reason })
    }
}

impl NamedRoles<'_> {
    /// Returns the copies on disk that may stand in for what cannot be read.
    pub fn offline(&self) -> Option<&OfflineSetup> {
        self.roles.offline()
    }

    /// Returns the command's own role.
    pub fn own(&self) -> &ReferenceRole {
        &self.roles.own
    }

    /// Returns a role by its name, or that of the command.
    pub fn role(&self, name: Option<&str>) -> Result<&ReferenceRole, ReferenceRoleError> {
        match name.and_then(|name| self.others.get(name)) {
            Some(role) => role.as_ref().map_err(Clone::clone),
            None => Ok(&self.roles.own),
        }
    }

    /// Returns the calls for references. The error names all that no role can read.
    pub fn lookups(&self, references: &[NamedReference]) -> Result<LookupPlan, ResolveErrors> {
        let mut errors = ResolveErrors::of(references.len());
        for (index, named) in references.iter().enumerate() {
            let role = self.role(named.reference.role());
            if let Err(error) = role.and_then(|role| role.check(&named.reference)) {
                errors.add((index, named), error.into());
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let own = &self.roles.own;
        let is_other = |name: &&str| !self.roles.is_own(name);
        Ok(LookupPlan::new(references.iter().map(|named| &named.reference), |name| {
            let region = self.role(name).unwrap_or(own).region.clone();
            Scope { role: name.filter(is_other).map(Into::into), region }
        }))
    }
}

impl ReferenceRole {
    fn plan(settings: &Settings<'_>, session: SessionOptions) -> Result<Self, UsageError> {
        let region = services::default_region(settings, &session)?;
        let endpoints = services::endpoints(settings, &session)?;
        let services = endpoints.in_region(&region);
        let session = SessionPlan::before_calls(settings, session, &services, cache(settings)?)?;
        let session = session.with_waiting_line(settings)?;
        Ok(Self { session, region, endpoints })
    }

    /// Refuses a reference in a Region of another partition.
    fn check(&self, reference: &Reference) -> Result<(), ReferenceRoleError> {
        let region = reference.region().unwrap_or(&self.region);
        let of_role = self.session.provider.session.role.partition();
        match region.partition() {
            partition if partition == of_role => Ok(()),
            partition => Err(ReferenceRoleError::Partition {
                region: region.to_string(),
                partition: partition.as_str(),
                of_role: of_role.as_str(),
            }),
        }
    }
}

/// Returns the plan of a role, or why it cannot be used. `settings` are of no role.
fn planned(
    settings: &Settings<'_>,
    config: &Config,
    role: &RoleTable,
) -> Result<ReferenceRole, UnusableRole> {
    let layers = config.layers(role).map_err(|_| UnusableRole::Tables)?;
    let options: Vec<_> = OF_ONE_ROLE.iter().copied().flatten().copied().collect();
    let plan = || {
        refuse_flags_for_several(settings, &options)?;
        let settings = settings.of_role(layers);
        ReferenceRole::plan(&settings, SessionOptions::resolve(&settings)?)
    };
    plan().map_err(|error| UnusableRole::Options(Box::new(error)))
}

#[cfg(test)]
mod tests;
