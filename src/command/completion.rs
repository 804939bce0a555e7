//! `completion`: prints a completion script for a shell.

use clap_complete::Shell;

use crate::app::App;
use crate::command::Plan;
use crate::output::error::Error;
use roles_anywhere_client::secret::SecretBytes;

/// The plan of `completion`.
#[derive(Clone, Copy, Debug)]
pub struct Completion {
    /// The shell.
    pub shell: Shell,
    /// Returns the description of the command line.
    pub describe: fn() -> clap::Command,
}

impl Plan for Completion {
    fn run(&self, _app: &App) -> Result<SecretBytes, Error> {
        let mut script = Vec::new();
        let mut command = (self.describe)();
        clap_complete::generate(self.shell, &mut command, "roles-anywhere", &mut script);
        Ok(SecretBytes::new(script))
    }
}
