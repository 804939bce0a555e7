//! The variables, files and arguments that a program is given, and how their references are resolved.

use std::ffi::OsString;

use crate::app::App;
use crate::app::credentials_endpoint::ProgramDir;
use crate::command::exec::environment::{ProgramVariables, os_string};
use crate::config::ExecTable;
use crate::options::program_variables::exec_sources;
use crate::options::reference_roles::ReferenceRoles;
use crate::options::settings::Settings;
use crate::options::table::program_variables::ALLOW_ARGS;
use crate::options::table::secrets::{PARAMETERS_ENDPOINT, SECRETS_ENDPOINT};
use crate::output::error::Error;
use crate::output::usage::UsageError;
use crate::secrets::variables::{
    AssignedVariables, VariableLimits, VariableSources, WantedVariables,
};

/// What a program is given, and the roles that read its references.
#[derive(Clone, Debug)]
pub struct ProgramValues {
    sources: VariableSources,
    resolves_arguments: bool,
    /// `None` if nothing can hold a reference.
    roles: Option<Box<ReferenceRoles>>,
}

impl ProgramValues {
    /// Returns what the command line gives, and the table of the configuration file that it uses.
    pub(super) fn plan(
        settings: &Settings<'_>,
        table: Option<&ExecTable>,
    ) -> Result<Self, UsageError> {
        let sources = exec_sources(settings, table)?;
        let resolves_arguments = settings.is_on(&ALLOW_ARGS)?;
        // Their values are checked in any case.
        let endpoints = [settings.text(&SECRETS_ENDPOINT)?, settings.text(&PARAMETERS_ENDPOINT)?];
        let has_endpoint = endpoints.iter().any(Option::is_some);
        let roles = match sources.is_empty() && !resolves_arguments && !has_endpoint {
            true => None,
            false => Some(Box::new(ReferenceRoles::plan(settings)?)),
        };
        Ok(Self { sources, resolves_arguments, roles })
    }

    /// Reads the files of variables, and returns what the program gets, or all mistakes. `arguments` are
    /// those behind its name.
    pub(super) fn read(&self, app: &App, arguments: &[OsString]) -> Result<WantedVariables, Error> {
        let mut given = self.sources.read(&**app.files(), app.environment())?;
        if self.resolves_arguments {
            // What is not UTF-8 holds no reference, and counts as an argument all the same.
            let texts = arguments.iter().map(|text| text.to_str().unwrap_or_default());
            given.add_arguments(texts);
        }
        Ok(given.wanted()?)
    }

    /// Returns the values. `reserved` are the variables that stand beside credentials.
    pub(super) fn resolve(
        &self,
        app: &App,
        wanted: WantedVariables,
        reserved: Vec<&'static str>,
    ) -> Result<AssignedVariables, Error> {
        let references = wanted.references();
        let values = match &self.roles {
            Some(roles) => app.resolve_references(roles, &references)?,
            None => Vec::new(),
        };
        let limits = VariableLimits { length: app.longest_variable(), reserved };
        Ok(wanted.assigned(values.into_iter().map(|resolved| resolved.value), &limits)?)
    }
}

/// Sets the variables of a program, and writes its files to its directory.
pub(super) fn assign(
    assigned: &AssignedVariables,
    variables: &mut ProgramVariables,
    directory: Option<&ProgramDir>,
) -> Result<(), Error> {
    for (name, value) in &assigned.set {
        variables.set(name.as_str(), os_string(value));
    }
    for name in &assigned.removed {
        variables.remove(name.as_str());
    }
    for ((name, contents), directory) in assigned.files.iter().zip(directory.into_iter().cycle()) {
        variables.set(name.as_str(), directory.write(name.as_str(), contents.expose())?);
    }
    Ok(())
}
