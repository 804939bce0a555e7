//! `config schema`: prints the JSON Schema of the configuration file.

use crate::app::App;
use crate::command::{CONFIG, Command, Plan};
use crate::config::schema::schema;
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::settings::Settings;
use crate::options::table::errors::ERRORS;
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::usage::UsageError;

/// The plan of `config schema`.
#[derive(Clone, Copy, Debug)]
pub struct ConfigSchema;

impl Command for ConfigSchema {
    const NAME: &'static [Word] =
        &[CONFIG, ("schema", "Print the JSON Schema of the configuration file")];
    const DETAILS: &'static str = "\
Prints the JSON Schema of the configuration file, with which an editor checks and completes it.";
    const EXAMPLES: &'static str = "roles-anywhere config schema > roles-anywhere.schema.json";
    const DOCS: &'static [&'static str] = &["configuration.md"];
    const OPTIONS: &'static OptionGroups = &[ERRORS];

    fn plan(_settings: &Settings<'_>) -> Result<Self, UsageError> {
        Ok(Self)
    }
}

impl Plan for ConfigSchema {
    fn run(&self, _app: &App) -> Result<Outcome, Error> {
        Ok(format!("{:#}\n", schema()).into())
    }
}
