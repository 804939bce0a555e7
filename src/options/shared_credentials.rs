//! Where the AWS files of the user are.

use std::path::PathBuf;

use crate::options::settings::Settings;
use crate::options::table::Origin;
use crate::options::table::shared_credentials::{AWS_CONFIG_FILE, HOME};
use crate::output::usage::UsageError;
use roles_anywhere_client::text::path;

/// Returns the configuration file of the AWS CLI, as the AWS CLI finds it; `None` without a home directory.
pub fn config_file(settings: &Settings<'_>) -> Result<Option<(PathBuf, Origin)>, UsageError> {
    let home = settings.environment.get(HOME.name).map(path::path);
    if let Some(setting) = settings.variable(&AWS_CONFIG_FILE)? {
        let path = match (setting.value.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => home.join(path::path(rest)),
            _ => path::path(setting.value),
        };
        return Ok(Some((path, setting.origin)));
    }
    Ok(home.map(|home| (home.join(".aws/config"), Origin::variable(&HOME))))
}
