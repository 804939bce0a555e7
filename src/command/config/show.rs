//! `config show`: prints the values that a role or a program uses, and where each comes from.

mod document;
mod text;

use std::path::Path;
use std::sync::Arc;

use crate::app::App;
use crate::command::{CONFIG, Command, Plan};
use crate::config::TableName;
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::exec_table_values::ExecTableValues;
use crate::options::role_values::RoleValues;
use crate::options::roles::RoleUse;
use crate::options::secrets_table_values::SecretsTableValues;
use crate::options::settings::Settings;
use crate::options::table::{self, Heading, OptionSpec, ValueType};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::usage::UsageError;

static OUTPUT: OptionSpec = OptionSpec::new("--output", "FORMAT", ValueType::Text)
    .without_variable()
    .default_value("text")
    .under(Heading::Output)
    .choices(&[("text", "A table"), ("json", "JSON, with the types of the configuration file")])
    .help("Format: text or json")
    .details("What to print.");

/// The plan of `config show`.
#[derive(Clone, Debug)]
pub struct ConfigShow {
    /// The configuration file; `None` if nothing of one applies.
    pub file: Option<Arc<Path>>,
    /// The role that is used if none is named.
    pub default_role: Option<TableName>,
    /// The values of the roles.
    pub roles: Vec<RoleValues>,
    /// The values of the programs of the configuration file.
    pub programs: Vec<ExecTableValues>,
    /// The values of `[secrets]`.
    pub secrets: Option<SecretsTableValues>,
    /// The output format.
    pub output: ValuesFormat,
}

/// The output format of values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ValuesFormat {
    /// A table for people.
    Text,
    /// JSON for programs.
    Json,
}

impl Command for ConfigShow {
    const NAME: &'static [Word] =
        &[CONFIG, ("show", "Show the values of a role, and where each comes from")];
    const DETAILS: &'static str = "\
Shows the values that a command uses with the same options, variables and configuration file: those of \
the roles of `--role`, else of all roles. For each value, it shows the option, the variable, or the \
file and line that it comes from. After the roles come the programs `[exec.NAME]` that use them, then `[secrets]`.

Passwords are not shown, nor is what may be one: of the variables of a program, references to secrets \
and parameters are shown, and no other texts. What the values mean is not checked: see `config \
check`.";
    const EXAMPLES: &'static str = "roles-anywhere config show --role backup";
    const DOCS: &'static [&'static str] = &["configuration.md"];
    const OPTIONS: &'static OptionGroups = &[
        table::roles::SEVERAL,
        table::identity::IDENTITY,
        table::session::CHAIN,
        table::identity::KEY_ACCESS,
        table::session::SESSION,
        table::session::ASSUME,
        table::transport::NETWORK,
        &[&OUTPUT],
        table::errors::ERRORS,
    ];
    const ROLES: RoleUse = RoleUse::Every;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let output = settings.flag_or_default(&OUTPUT)?;
        let output = match output.value {
            "text" => ValuesFormat::Text,
            "json" => ValuesFormat::Json,
            _ => return Err(output.refuse("`text` or `json`")),
        };
        let roles = RoleValues::of_all(settings)?;
        let file = roles.iter().find_map(|values| values.role.as_ref());
        let file = file.map(|(_, location)| Arc::clone(&location.file));
        let default_role = settings.default_role.cloned();
        let programs = ExecTableValues::of_all(settings);
        let secrets = SecretsTableValues::of(settings)?;
        Ok(Self { file, default_role, roles, programs, secrets, output })
    }
}

impl Plan for ConfigShow {
    fn run(&self, _app: &App) -> Result<Outcome, Error> {
        let output = match self.output {
            ValuesFormat::Text => text::render(self),
            ValuesFormat::Json => document::render(self),
        };
        Ok(output.into())
    }
}

#[cfg(test)]
mod tests;
