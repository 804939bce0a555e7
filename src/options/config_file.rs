//! The configuration file that a command line uses.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::files::{ConfigFileError, ConfigFiles};
use crate::config::{Config, ConfigText, Mistakes};
use crate::options::roles::{FileChoice, RoleChoice, RoleNames};
use crate::options::settings::Settings;
use crate::options::table::Origin;
use crate::options::table::config_file::XDG_CONFIG_HOME;
use crate::options::table::shared_credentials::HOME;
use crate::output::error::Error;
use crate::output::usage::{RoleError, UsageError};
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::path;

/// The file, below the directory for configuration files.
const NAME: &str = "roles-anywhere/config.toml";
/// The file of the machine.
const OF_MACHINE: &str = "/etc/roles-anywhere/config.toml";

/// Why no configuration can be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The choice of the roles is wrong.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] ConfigFileError),
    /// The file has mistakes.
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Usage(error) => error.into(),
            ConfigError::File(error) => error.into(),
            ConfigError::Mistakes(mistakes) => mistakes.into(),
        }
    }
}

/// Reads the file that is chosen; `None` if there is none, and no role is named.
pub fn load(
    choice: &RoleChoice<'_>,
    settings: &Settings<'_>,
    files: &dyn ConfigFiles,
) -> Result<Option<Config>, ConfigError> {
    let (environment, paths) = (settings.environment, settings.paths);
    let usual = match &choice.file {
        FileChoice::Given(setting) => vec![path::path(setting.value)],
        FileChoice::Usual => usual(environment),
    };
    for file in &usual {
        if let Some(text) = files.read(file)? {
            let file = &Arc::from(file.as_path());
            let text = &text;
            return Ok(Some(Config::parse(&ConfigText { file, text, environment, paths })?));
        }
    }
    match (&choice.file, &choice.roles) {
        (FileChoice::Given(setting), _) => {
            let error =
                RoleError::NoSuchFile { origin: setting.origin.clone(), path: setting.shown() };
            Err(UsageError::Role(Box::new(error)).into())
        }
        (FileChoice::Usual, RoleNames::Named(names)) => {
            Err(no_file(environment, Some(names[0].origin.clone())).into())
        }
        (FileChoice::Usual, RoleNames::Unnamed) => Ok(None),
    }
}

/// Returns the error if a command needs a file, and none of the usual ones exists. `role` is where a
/// role is named, if one is.
pub fn no_file(environment: &Environment, role: Option<Origin>) -> UsageError {
    let usual: Vec<Arc<Path>> = usual(environment).into_iter().map(Into::into).collect();
    UsageError::Role(Box::new(RoleError::NoFile { role, usual }))
}

/// Returns the files of which the first that exists is used.
pub fn usual(environment: &Environment) -> Vec<PathBuf> {
    let absolute = |row: &str| {
        let path = path::path(environment.get(row)?);
        path.is_absolute().then_some(path)
    };
    let home = || absolute(HOME.name).map(|home| home.join(".config"));
    let own = absolute(XDG_CONFIG_HOME.name).or_else(home);
    own.map(|dir| dir.join(NAME)).into_iter().chain([PathBuf::from(OF_MACHINE)]).collect()
}
