//! The options of the session cache.

use std::path::PathBuf;

use crate::options::settings::{Setting, Settings};
use crate::options::table::cache::{CACHE_DIR, NO_CACHE, RUNTIME_DIRECTORY, XDG_RUNTIME_DIR};
use crate::options::table::{OptionSpec, Origin};
use crate::output::usage::UsageError;
use crate::private_dir::{ConfiguredDir, ParentOwner};
use crate::session_cache::CacheLocation;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::path;

/// Returns where sessions are cached: in the given directory, else in a private one in memory.
pub fn cache(settings: &Settings<'_>) -> Result<CacheLocation, UsageError> {
    let off = settings.text(&NO_CACHE)?;
    let setting = settings.text(&CACHE_DIR)?;
    let setting = setting.map(Setting::creatable).transpose()?;
    let off = off.map(|setting| Ok((setting.origin, setting.boolean()?))).transpose()?;
    match (off, setting) {
        (Some((first, true)), Some(setting)) if first.is_flag() == setting.origin.is_flag() => {
            Err(UsageError::Conflict {
                first: first.into(),
                second: setting.origin.into(),
                why: "leave one of them out",
            })
        }
        (Some((first, true)), Some(setting)) if setting.origin.is_flag() && !first.is_flag() => {
            Ok(place(Some(setting), settings.environment))
        }
        (Some((_, true)), _) => Ok(CacheLocation::Disabled),
        (_, setting) => Ok(place(setting, settings.environment)),
    }
}

/// Returns the cache of `cache show` and `cache clear`.
pub fn cache_location(settings: &Settings<'_>) -> Result<CacheLocation, UsageError> {
    let setting = settings.text(&CACHE_DIR)?;
    Ok(place(setting.map(Setting::expanded).transpose()?, settings.environment))
}

/// Systemd makes its directory for others to enter, if not told otherwise: the cache is one in it.
pub fn place(setting: Option<Setting<'_>>, environment: &Environment) -> CacheLocation {
    if let Some(setting) = setting {
        let path = path::path(setting.value);
        let (origin, parent_owner) = (setting.origin, ParentOwner::AnyUser);
        return CacheLocation::Dir(ConfiguredDir { path, origin, parent_owner });
    }
    match service_directory(environment).or_else(|| login_directory(environment)) {
        Some((above, origin)) => {
            let path = above.join(OWN);
            CacheLocation::Dir(ConfiguredDir { path, origin, parent_owner: ParentOwner::ThisUser })
        }
        None => CacheLocation::Disabled,
    }
}

const OWN: &str = "roles-anywhere";

/// Returns the place in memory that systemd made for this service, and the variable that names it.
fn service_directory(environment: &Environment) -> Option<(PathBuf, Origin)> {
    // It lists several separated by colons.
    absolute(&RUNTIME_DIRECTORY, environment.get(RUNTIME_DIRECTORY.name)?.split(':').next()?)
}

/// Returns the place in memory that was made for the programs of this user, and the variable that
/// names it.
fn login_directory(environment: &Environment) -> Option<(PathBuf, Origin)> {
    absolute(&XDG_RUNTIME_DIR, environment.get(XDG_RUNTIME_DIR.name)?)
}

fn absolute(variable: &'static OptionSpec, path: &str) -> Option<(PathBuf, Origin)> {
    Some((path::path(path), Origin::variable(variable))).filter(|(path, _)| path.is_absolute())
}
