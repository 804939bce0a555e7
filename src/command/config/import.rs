//! `config import`: makes a configuration file from `~/.aws/config`.

use std::path::PathBuf;

use crate::app::App;
use crate::command::{CONFIG, Command, Plan};
use crate::config::import::from_aws_config;
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::settings::Settings;
use crate::options::shared_credentials::config_file;
use crate::options::table::errors::ERRORS;
use crate::options::table::shared_credentials::AWS_CONFIG_FILE;
use crate::options::table::{Heading, OptionSpec, Origin, ValueType};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::usage::UsageError;
use roles_anywhere_client::input_source::{Files as _, InputSource};
use roles_anywhere_client::text::disclosure::Sensitivity;
use roles_anywhere_client::text::path;

static FROM: OptionSpec = OptionSpec::new("--from", "SOURCE", ValueType::Text)
    .without_variable()
    .default_value("aws")
    .under(Heading::Options)
    .choices(&[("aws", "The `credential_process` lines of ~/.aws/config, or of AWS_CONFIG_FILE")])
    .help("What to read: aws")
    .details("What to read.");

static FILE: OptionSpec = OptionSpec::new("--file", "FILE", ValueType::File)
    .without_variable()
    .described_default("~/.aws/config")
    .fallbacks(&[&AWS_CONFIG_FILE])
    .under(Heading::Options)
    .help("Configuration file of the AWS CLI")
    .details("The configuration file of the AWS CLI.");

/// The plan of `config import`.
#[derive(Clone, Debug)]
pub struct ConfigImport {
    /// The configuration file of the AWS CLI.
    file: InputSource,
}

impl Command for ConfigImport {
    const NAME: &'static [Word] =
        &[CONFIG, ("import", "Make a configuration file from ~/.aws/config")];
    const DETAILS: &'static str = "\
Reads each `credential_process` line of ~/.aws/config that runs this program or aws_signing_helper, \
and prints a configuration file with a role for each profile. Equal identities are merged. Passwords \
are not printed: fill in the placeholders. What is not imported is named in comments and on standard \
error.";
    const EXAMPLES: &'static str =
        "(umask 077; roles-anywhere config import --from aws > config.toml)";
    const DOCS: &'static [&'static str] = &["configuration.md"];
    const OPTIONS: &'static OptionGroups = &[&[&FROM, &FILE], ERRORS];

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let from = settings.flag_or_default(&FROM)?;
        if from.value != "aws" {
            return Err(from.refuse("`aws`"));
        }
        let (path, origin) = aws_config_file(settings)?;
        let file = InputSource::file(path).named_by(origin.name(), Sensitivity::Public);
        Ok(Self { file })
    }
}

impl Plan for ConfigImport {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let bytes = app.files().read(&self.file)?;
        let text = String::from_utf8_lossy(bytes.expose());
        let import = from_aws_config(&text);
        for note in &import.notes {
            app.report(&format!("warning: {note}"));
        }
        if import.roles == 0 {
            app.report(
                "warning: no `credential_process` line runs this program or aws_signing_helper",
            );
        }
        Ok(import.toml.into())
    }
}

/// Returns the configuration file of the AWS CLI.
fn aws_config_file(settings: &Settings<'_>) -> Result<(PathBuf, Origin), UsageError> {
    if let Some(setting) = settings.text(&FILE)? {
        return Ok((path::path(setting.value), setting.origin));
    }
    match config_file(settings)? {
        Some((path, origin @ Origin::Variable(option, _))) if *option == AWS_CONFIG_FILE => {
            Ok((path, origin))
        }
        Some((path, _)) => Ok((path, Origin::Default(&FILE))),
        None => Err(settings.missing(&[&FILE])),
    }
}
