//! `version`: prints the version.

use crate::app::App;
use crate::command::Plan;
use crate::output::error::Error;
use roles_anywhere_client::secret::SecretBytes;

/// The plan of `version`, which has no options.
#[derive(Clone, Copy, Debug)]
pub struct Version;

impl Plan for Version {
    fn run(&self, _app: &App) -> Result<SecretBytes, Error> {
        Ok(SecretBytes::new(format!("{}\n", env!("CARGO_PKG_VERSION")).into_bytes()))
    }
}
