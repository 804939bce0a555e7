//! `completion`: prints a completion script for a shell.

use clap_complete::Shell;

use crate::app::App;
use crate::command::{self, Command, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::{self, Word};
use crate::options::settings::Settings;
use crate::options::table::{OptionSpec, ValueType};
use crate::output::error::Error;
use crate::output::usage::UsageError;
use roles_anywhere_client::secret::SecretBytes;

static SHELL: OptionSpec = OptionSpec::positional("shell", "SHELL", ValueType::Text)
    .choices(&["bash", "elvish", "fish", "powershell", "zsh"])
    .help("The shell");

/// The plan of `completion`.
#[derive(Clone, Copy, Debug)]
pub struct Completion {
    /// The shell.
    pub shell: Shell,
}

impl Command for Completion {
    const NAME: &'static [Word] = &[("completion", "Print a completion script")];
    const AFTER_HELP: &'static str = "\
Example:
  roles-anywhere completion bash > /etc/bash_completion.d/roles-anywhere";
    const OPTIONS: &'static OptionGroups = &[&[&SHELL]];

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let shell = settings.required(&SHELL)?;
        let shell = shell.value.parse().map_err(|_| shell.refuse("a shell"))?;
        Ok(Self { shell })
    }
}

impl Plan for Completion {
    fn run(&self, _app: &App) -> Result<SecretBytes, Error> {
        let mut script = Vec::new();
        let mut command = command_line::describe(&command::specs(command::ALL));
        clap_complete::generate(self.shell, &mut command, "roles-anywhere", &mut script);
        Ok(SecretBytes::new(script))
    }
}
