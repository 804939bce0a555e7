//! `config check`: reports all mistakes in the configuration file.

use crate::app::App;
use crate::command::{ALL, CONFIG, Command, Plan, specs};
use crate::config::Config;
use crate::options::arguments::OptionGroups;
use crate::options::command_line::{PROGRAM, Word, parse};
use crate::options::config_check::{COMMAND, check};
use crate::options::config_file::{ConfigError, load, no_file};
use crate::options::roles::{FileChoice, RoleChoice, RoleNames};
use crate::options::settings::Settings;
use crate::options::table::errors::ERRORS;
use crate::options::table::{self, Origin};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::usage::UsageError;

/// The plan of `config check`.
#[derive(Clone, Debug)]
pub struct ConfigCheck {
    /// The file of `--config` and its origin; `None` for the usual ones.
    file: Option<(String, Origin)>,
}

impl Command for ConfigCheck {
    const NAME: &'static [Word] =
        &[CONFIG, ("check", "Report all mistakes in the configuration file")];
    const DETAILS: &'static str = "\
Reads the configuration file and the values of all its roles, and reports every mistake with its line. \
No certificate or key is opened, and nothing is sent.

The exit code is 0 if there is no mistake, and 2 otherwise.";
    const DOCS: &'static [&'static str] = &["configuration.md"];
    const OPTIONS: &'static OptionGroups = &[&[&table::roles::CONFIG], ERRORS];

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let given = settings.text(&table::roles::CONFIG)?;
        Ok(Self { file: given.map(|setting| (setting.value.to_owned(), setting.origin)) })
    }
}

impl Plan for ConfigCheck {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let config = self.checked(app).map_err(|error| Error::from(error).unabridged())?;
        let counted = |count: usize, noun: &str, plural: &str| match count {
            1 => format!("1 {noun}"),
            count => format!("{count} {plural}"),
        };
        let text = format!(
            "{}: {}, {}, no mistakes\n",
            table::FileName(config.file()),
            counted(config.roles().count(), "role", "roles"),
            counted(config.identities().count(), "identity", "identities"),
        );
        Ok(text.into())
    }
}

impl ConfigCheck {
    fn checked(&self, app: &App) -> Result<Config, ConfigError> {
        let specs = specs(ALL);
        let words = [PROGRAM, COMMAND].map(str::to_owned);
        let (_, typed) = parse(&specs, &words).expect("the command has no required argument");
        let settings = Settings {
            program: PROGRAM,
            typed: &typed,
            environment: app.environment(),
            commands: &specs,
            stdout: app.stdout(),
            paths: app.paths(),
            ignored: &[],
            layers: None,
            roles: &[],
            are_roles_named: false,
            default_role: None,
            config: None,
        };
        let file = match &self.file {
            Some((value, origin)) => FileChoice::Given(settings.setting(origin.clone(), value)?),
            None => FileChoice::Usual,
        };
        let choice = RoleChoice { file, roles: RoleNames::Unnamed };
        let config = load(&choice, &settings, app.config_files())?;
        let config = config.ok_or_else(|| no_file(settings.environment, None))?;
        check(&config, &settings)?;
        Ok(config)
    }
}
