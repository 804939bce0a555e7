//! The variables, files and arguments that a program is given.

use std::ffi::OsString;

use crate::app::App;
use crate::app::credentials_endpoint::ProgramDir;
use crate::command::exec::environment::{ProgramVariables, os_string};
use crate::config::ExecTable;
use crate::options::program_variables::exec_sources;
use crate::options::settings::Settings;
use crate::options::table::program_variables::ALLOW_ARGS;
use crate::options::table::secrets::{PARAMETERS_ENDPOINT, SECRETS_ENDPOINT};
use crate::output::error::Error;
use crate::output::usage::UsageError;
use crate::secrets::variables::{AssignedVariables, VariableSources, WantedVariables};

/// What a program is given.
#[derive(Clone, Debug)]
pub struct ProgramValues {
    sources: VariableSources,
    resolves_arguments: bool,
}

impl ProgramValues {
    /// Returns what the command line gives, and the table of the configuration file that it uses.
    pub(super) fn plan(
        settings: &Settings<'_>,
        table: Option<&ExecTable>,
    ) -> Result<Self, UsageError> {
        let sources = exec_sources(settings, table)?;
        Ok(Self { sources, resolves_arguments: settings.is_on(&ALLOW_ARGS)? })
    }

    /// Returns whether something can refer to a secret or a parameter. An endpoint of theirs that is given is
    /// checked in any case.
    pub(super) fn can_refer(&self, settings: &Settings<'_>) -> Result<bool, UsageError> {
        let endpoints = [settings.text(&SECRETS_ENDPOINT)?, settings.text(&PARAMETERS_ENDPOINT)?];
        let has_endpoint = endpoints.iter().any(Option::is_some);
        Ok(!self.sources.is_empty() || self.resolves_arguments || has_endpoint)
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

/// Sets the variables of a program as [`assign`] does, after other values were set, which are `before` with what the
/// caller has in their place. `directory` has its files, or gets them later.
pub(super) fn set_again(
    assigned: &AssignedVariables,
    (before, caller): (&AssignedVariables, &ProgramVariables),
    variables: &mut ProgramVariables,
    directory: Option<&ProgramDir>,
) -> Result<(), Error> {
    for name in before.names() {
        variables.put_back(name.as_str(), caller);
    }
    let values = AssignedVariables { files: Vec::new(), ..assigned.clone() };
    assign(&values, variables, None)?;
    for ((name, _), directory) in assigned.files.iter().zip(directory.into_iter().cycle()) {
        variables.set(name.as_str(), directory.path_of(name.as_str()));
    }
    Ok(())
}
