//! `completion`: prints a completion script for a shell.

mod bash;

use clap_complete::Shell;

use crate::app::App;
use crate::command::{self, Command, CommandEntry, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::help;
use crate::options::settings::Settings;
use crate::options::table::{OptionSpec, Syntax, ValueType};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::usage::UsageError;
use roles_anywhere_client::secret::SecretBytes;

static SHELL: OptionSpec = OptionSpec::positional("shell", "SHELL", ValueType::Text)
    .choices(&[("bash", ""), ("elvish", ""), ("fish", ""), ("powershell", ""), ("zsh", "")])
    .help("bash, elvish, fish, powershell or zsh")
    .details("Shell that the script is for.");

/// The plan of `completion`.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The shell.
    pub shell: Shell,
    /// The name that the command is called by.
    pub program: String,
}

impl Command for Completion {
    const NAME: &'static [Word] = &[("completion", "Print a completion script for a shell")];
    const DETAILS: &'static str = "\
The script is for the name that the command is called by: call it through a link named aws_signing_helper for a script for that name.";
    const EXAMPLES: &'static str =
        "roles-anywhere completion bash > /etc/bash_completion.d/roles-anywhere";
    const REQUIRED: &'static [&'static OptionSpec] = &[&SHELL];
    const OPTIONS: &'static OptionGroups = &[&[&SHELL]];

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let shell = settings.required(&SHELL)?;
        let shell = shell.value.parse().map_err(|_| shell.refuse("a shell"))?;
        Ok(Self { shell, program: settings.program.to_owned() })
    }
}

impl Plan for Completion {
    fn run(&self, _app: &App) -> Result<Outcome, Error> {
        let mut command = help::describe(&command::specs(command::ALL), &self.program);
        let script = match self.shell {
            Shell::Bash => bash::script(&mut command, &self.program, &only_joined()).into_bytes(),
            shell => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut command, &*self.program, &mut script);
                script
            }
        };
        Ok(SecretBytes::new(script).into())
    }
}

/// Returns the options whose value must follow `=`.
fn only_joined() -> Vec<&'static str> {
    let rows = command::ALL.iter().flat_map(CommandEntry::options);
    let rows = rows.filter(|row| {
        matches!(row.syntax, Syntax::OptionalValue { .. }) && row.value_type != ValueType::Boolean
    });
    rows.map(|row| row.name).collect()
}
