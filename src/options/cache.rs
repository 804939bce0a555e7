//! The options of the session cache.

use crate::options::runtime_dir::runtime_dir;
use crate::options::settings::{Setting, Settings};
use crate::options::table::cache::{CACHE_DIR, NO_CACHE};
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
    let off = off.map(|setting| Ok((setting.boolean()?, setting.origin))).transpose()?;
    match (off, setting) {
        (Some((true, first)), Some(setting)) if first.is_flag() == setting.origin.is_flag() => {
            Err(UsageError::Conflict {
                first: first.into(),
                second: setting.origin.into(),
                why: "remove one of them",
            })
        }
        (Some((true, first)), Some(setting)) if setting.origin.is_flag() && !first.is_flag() => {
            Ok(location(Some(setting), settings.environment))
        }
        (Some((true, _)), _) => Ok(CacheLocation::Disabled),
        (_, setting) => Ok(location(setting, settings.environment)),
    }
}

/// Returns the cache of `cache show` and `cache clear`.
pub fn cache_location(settings: &Settings<'_>) -> Result<CacheLocation, UsageError> {
    let setting = settings.text(&CACHE_DIR)?;
    Ok(location(setting.map(Setting::expanded).transpose()?, settings.environment))
}

/// Returns the cache in the given directory, else in that for runtime files.
fn location(setting: Option<Setting<'_>>, environment: &Environment) -> CacheLocation {
    let dir = match setting {
        Some(setting) => Some(ConfiguredDir {
            path: path::path(setting.value),
            origin: setting.origin,
            parent_owner: ParentOwner::AnyUser,
        }),
        None => runtime_dir(environment),
    };
    dir.map_or(CacheLocation::Disabled, CacheLocation::Dir)
}
