//! The roles that references are read with: that of the command, and any other of the configuration file.

use std::collections::BTreeMap;

use crate::config::{RoleTable, TableName};
use crate::options::cache::cache;
use crate::options::roles::refuse_flags_for_several;
use crate::options::services;
use crate::options::session::SessionOptions;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::suggestion::nearest;
use crate::options::table::{self, OptionSpec};
use crate::options::transport;
use crate::output::references::ResolveErrors;
use crate::output::usage::{ReferenceRoleError, UsageError};
use crate::secrets::endpoints::ServiceEndpoints;
use crate::secrets::lookup::{LookupPlan, Scope};
use crate::secrets::reference::{NamedReference, Reference};
use roles_anywhere_client::http::Endpoint;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::text::disclosure::may_be_repeated;

/// The roles that references can be read with.
#[derive(Clone, Debug)]
pub struct ReferenceRoles {
    own: ReferenceRole,
    /// The name of the command's role, if it is one of the configuration file.
    own_name: Option<TableName>,
    /// The other roles of the configuration file; why one cannot be used matters only if it is named.
    others: BTreeMap<TableName, Result<ReferenceRole, String>>,
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
        let own = ReferenceRole::plan(settings)?;
        let own_name = settings.layers.map(|layers| layers.role().name().clone());
        let roles = settings.config.into_iter().flat_map(|config| config.roles());
        let others = roles.filter(|role| own_name.as_ref() != Some(role.name()));
        let others = others.map(|role| (role.name().clone(), other(settings, role))).collect();
        Ok(Self { own, own_name, others })
    }

    /// Returns the command's own role.
    pub fn own(&self) -> &ReferenceRole {
        &self.own
    }

    /// Returns a role by its name, or that of the command.
    pub fn role(&self, name: Option<&str>) -> Result<&ReferenceRole, ReferenceRoleError> {
        let Some(name) = name else { return Ok(&self.own) };
        if self.own_name.as_ref().is_some_and(|own| own.as_str() == name) {
            return Ok(&self.own);
        }
        let shown = || if may_be_repeated(name) { name.to_owned() } else { "…".to_owned() };
        let known = self.others.iter().find(|(other, _)| other.as_str() == name);
        match known {
            Some((_, Ok(role))) => Ok(role),
            Some((_, Err(reason))) => {
                Err(ReferenceRoleError::Unusable { name: shown(), reason: reason.clone() })
            }
            None if self.own_name.is_none() => Err(ReferenceRoleError::NoFile { name: shown() }),
            None => {
                let names = self.others.keys().chain(&self.own_name).map(TableName::as_str);
                let nearest = nearest(name, names.filter(|name| may_be_repeated(name)));
                let nearest = nearest.map(str::to_owned);
                Err(ReferenceRoleError::Unknown { name: shown(), nearest })
            }
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
        let is_other = |name: &&str| self.own_name.as_ref().is_none_or(|own| own.as_str() != *name);
        Ok(LookupPlan::new(references.iter().map(|named| &named.reference), |name| {
            let region = self.role(name).unwrap_or(&self.own).region.clone();
            Scope { role: name.filter(is_other).map(Into::into), region }
        }))
    }
}

impl ReferenceRole {
    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let session = SessionOptions::resolve(settings)?;
        let region = services::default_region(settings, &session)?;
        let endpoints = services::endpoints(settings, &session)?;
        let cache = cache(settings)?;
        let mut session = SessionPlan::new(settings, session, None, cache)?;
        // A proxy of the environment is used if one of the services is reached through it.
        let services = endpoints.in_region(&region).into_iter();
        let called: Vec<Endpoint> = session.endpoints.iter().cloned().chain(services).collect();
        session.transport = transport::options(settings, &called)?;
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

/// Returns another role of the file, or why it cannot be used.
fn other(settings: &Settings<'_>, role: &RoleTable) -> Result<ReferenceRole, String> {
    let config = settings.config.filter(|_| settings.layers.is_some());
    let layers = config.map(|config| config.layers(role));
    let Some(Ok(layers)) = layers else {
        return Err("the configuration file has mistakes in its tables".to_owned());
    };
    let options: Vec<_> = OF_ONE_ROLE.iter().copied().flatten().copied().collect();
    refuse_flags_for_several(settings, &options)
        .and_then(|()| ReferenceRole::plan(&settings.of_role(layers)))
        .map_err(|error| error.to_string())
}
