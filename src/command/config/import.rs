//! `config import`: makes a configuration file from that of the AWS CLI or of AWS's agent for secrets.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::app::App;
use crate::command::{CONFIG, Command, Plan};
use crate::config::import::{from_agent_config, from_aws_config};
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
use roles_anywhere_client::text::disclosure::{Sensitivity, quoted};
use roles_anywhere_client::text::path;

static FROM: OptionSpec = OptionSpec::new("--from", "SOURCE", ValueType::Text)
    .without_variable()
    .default_value("aws")
    .under(Heading::Options)
    .choices(&[
        ("aws", "The `credential_process` lines of ~/.aws/config, or of AWS_CONFIG_FILE"),
        ("agent", "The configuration of AWS's agent for secrets"),
    ])
    .help("What to read: aws or agent")
    .details("What to read.");

static FILE: OptionSpec = OptionSpec::new("--file", "FILE", ValueType::File)
    .without_variable()
    .described_default(
        "that of the program: ~/.aws/config, /etc/aws-workload-credentials-provider/config.toml",
    )
    .fallbacks(&[&AWS_CONFIG_FILE])
    .under(Heading::Options)
    .help("Configuration file of the other program")
    .details("The configuration file of the other program.");

/// The configuration file of AWS's agent.
const AGENT_FILE: &str = "/etc/aws-workload-credentials-provider/config.toml";

/// The plan of `config import`.
#[derive(Clone, Debug)]
pub struct ConfigImport {
    from: ImportedProgram,
    /// Its configuration file.
    path: PathBuf,
    /// The same, as errors name it.
    file: InputSource,
}

/// The program whose configuration is read.
#[derive(Clone, Copy, Debug)]
enum ImportedProgram {
    AwsCli,
    Agent,
}

impl Command for ConfigImport {
    const NAME: &'static [Word] =
        &[CONFIG, ("import", "Make a configuration file from that of another program")];
    const DETAILS: &'static str = "\
`--from aws` reads each `credential_process` line of ~/.aws/config that runs this program or aws_signing_helper, \
and prints a configuration file with a role for each profile. Equal identities are merged. Passwords \
are not printed: fill in the placeholders. What is not imported is named in comments and on standard \
error.

`--from agent` reads the configuration of AWS's agent for secrets (aws_secretsmanager_agent, \
aws-workload-credentials-provider), and prints `[secrets]`. A key without a counterpart is an error.";
    const EXAMPLES: &'static str =
        "(umask 077; roles-anywhere config import --from aws > config.toml)";
    const DOCS: &'static [&'static str] = &["configuration.md"];
    const OPTIONS: &'static OptionGroups = &[&[&FROM, &FILE], ERRORS];

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let given = settings.flag_or_default(&FROM)?;
        let (from, (path, origin)) = match given.value {
            "aws" => (ImportedProgram::AwsCli, aws_config_file(settings)?),
            "agent" => (ImportedProgram::Agent, agent_config_file(settings)?),
            _ => return Err(given.refuse("`aws` or `agent`")),
        };
        let file = InputSource::file(path.clone()).named_by(origin.name(), Sensitivity::Public);
        Ok(Self { from, path, file })
    }
}

impl Plan for ConfigImport {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let bytes = app.files().read(&self.file)?;
        let text = String::from_utf8_lossy(bytes.expose());
        match self.from {
            ImportedProgram::AwsCli => Ok(of_aws_cli(app, &text)),
            ImportedProgram::Agent => of_agent(app, &Arc::from(self.path.as_path()), &text),
        }
    }
}

fn of_aws_cli(app: &App, text: &str) -> Outcome {
    let import = from_aws_config(text);
    for note in &import.notes {
        app.report(&format!("warning: {note}"));
    }
    if import.roles == 0 {
        app.report("warning: no `credential_process` line runs this program or aws_signing_helper");
    }
    import.toml.into()
}

fn of_agent(app: &App, file: &Arc<Path>, text: &str) -> Result<Outcome, Error> {
    let import = from_agent_config(file, text).map_err(|it| Error::from(it).unabridged())?;
    if !import.roles.is_empty() {
        let shown = |arn: &String| quoted(arn, Sensitivity::Public, "a role");
        let roles: Vec<String> = import.roles.iter().map(shown).collect();
        app.report(&format!(
            "warning: the configuration file needs a `[role.NAME]` for {}",
            roles.join(", ")
        ));
    }
    Ok(import.toml.into())
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

/// Returns the configuration file of AWS's agent.
fn agent_config_file(settings: &Settings<'_>) -> Result<(PathBuf, Origin), UsageError> {
    Ok(match settings.text(&FILE)? {
        Some(setting) => (path::path(setting.value), setting.origin),
        None => (PathBuf::from(AGENT_FILE), Origin::Default(&FILE)),
    })
}
