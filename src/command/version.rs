//! `version`: prints the version.

use crate::app::App;
use crate::command::{Command, Plan};
use crate::options::command_line::Word;
use crate::options::settings::Settings;
use crate::output::error::Error;
use crate::output::usage::UsageError;
use roles_anywhere_client::secret::SecretBytes;

/// The plan of `version`, which has no options.
#[derive(Clone, Copy, Debug)]
pub struct Version;

impl Command for Version {
    const NAME: &'static [Word] = &[("version", "Print the version")];

    fn plan(_settings: &Settings<'_>) -> Result<Self, UsageError> {
        Ok(Self)
    }
}

impl Plan for Version {
    fn run(&self, _app: &App) -> Result<SecretBytes, Error> {
        Ok(SecretBytes::new(format!("{}\n", env!("CARGO_PKG_VERSION")).into_bytes()))
    }
}
