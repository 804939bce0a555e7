//! The options of `update`, `serve` and the cache.

use std::path::PathBuf;

use super::serve;
use super::session::SessionOptions;
use crate::command::serve::Serve;
use crate::command::update::{Mode, Update};
use crate::credentials_file::ProfileName;
use crate::daemon::{Daemon, OnStartupFailure};
use crate::options::settings::{Setting, Settings};
use crate::options::table::Origin;
use crate::options::table::cache::{CACHE_DIR, NO_CACHE, RUNTIME_DIRECTORY, XDG_RUNTIME_DIR};
use crate::options::table::daemon::{FAIL_FAST, LOG_FORMAT};
use crate::options::table::serve::{ALLOW_REMOTE, HOP_LIMIT, LISTEN, NO_IMDS, PRINT_ENV};
use crate::options::table::update::{
    AWS_PROFILE, AWS_SHARED_CREDENTIALS_FILE, CREDENTIALS_FILE, FORCE, HOME, ONCE, PROFILE, QUIET,
};
use crate::output::log::LogFormat;
use crate::output::usage::{NamedValue, UsageError};
use crate::private_dir::{ConfiguredDir, ParentOwner};
use crate::server::{Offer, RemoteAccess, ServePolicy};
use crate::session_cache::CacheLocation;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::path;

/// Returns the plan of `update`.
pub(super) fn update(settings: &Settings<'_>) -> Result<Update, UsageError> {
    let once = settings.is_on(&ONCE)?;
    let profile = profile(settings.required(&PROFILE)?)?;
    let selected = settings.environment.get(AWS_PROFILE.name);
    let selected = selected.filter(|selected| *selected != profile.to_string());
    let (file, origin) = credentials_file(settings)?;
    Ok(Update {
        force: settings.is_on(&FORCE)?,
        quiet: settings.is_on(&QUIET)?,
        selected: selected.map(str::to_owned),
        profile,
        file,
        origin,
        mode: if once { Mode::Once } else { Mode::Continuous },
        daemon: daemon(settings)?,
    })
}

/// Returns the plan of `serve`.
pub(super) fn serve(
    settings: &Settings<'_>,
    session: &SessionOptions,
) -> Result<Serve, UsageError> {
    let remote = serve::remote(settings)?;
    let listen = serve::listen(settings)?;
    if let Some(address) = listen.iter().find(|address| !address.ip().is_loopback())
        && remote == RemoteAccess::Refused
    {
        let address = address.to_string();
        let setting = settings.setting(Origin::Flag(&LISTEN), &address)?;
        return Err(
            setting.refuse("an address of this machine alone, or `--allow-remote` with it,")
        );
    }
    let hop_limit = settings.text(&HOP_LIMIT)?;
    let hop_limit = hop_limit.map(|setting| match setting.value.parse() {
        Ok(hops @ 1..=255_u8) => Ok(hops),
        _ => Err(setting.refuse("1 to 255")),
    });
    let offer = serve::offer(settings)?;
    if offer == Offer::Container && remote == RemoteAccess::Imds {
        return Err(UsageError::Conflict {
            first: NamedValue::new(Origin::Flag(&ALLOW_REMOTE), "imds"),
            second: Origin::Flag(&NO_IMDS).into(),
            why: "leave one of them out",
        });
    }
    Ok(Serve {
        listen,
        remote,
        hop_limit: hop_limit.transpose()?,
        token_file: serve::token_file(settings, remote, offer)?,
        policy: ServePolicy {
            offer,
            hosts: serve::hosts(settings)?,
            audit: serve::audit(settings)?,
        },
        print_env: settings.is_on(&PRINT_ENV)?,
        region: session.request.region.clone(),
        role: session.request.role.clone(),
        daemon: daemon(settings)?,
    })
}

/// Returns where sessions are cached: in the given directory, else in a private one in memory.
pub(super) fn cache(settings: &Settings<'_>) -> Result<CacheLocation, UsageError> {
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
pub(super) fn cache_location(settings: &Settings<'_>) -> Result<CacheLocation, UsageError> {
    let setting = settings.text(&CACHE_DIR)?;
    Ok(place(setting.map(Setting::expanded).transpose()?, settings.environment))
}

/// Systemd makes its directory for others to enter, if not told otherwise: the cache is one in it.
pub(super) fn place(setting: Option<Setting<'_>>, environment: &Environment) -> CacheLocation {
    if let Some(setting) = setting {
        let path = path::path(setting.value);
        let origin = setting.origin.name().into();
        return CacheLocation::Dir(ConfiguredDir {
            path,
            origin,
            parent_owner: ParentOwner::AnyUser,
        });
    }
    match service_directory(environment).or_else(|| login_directory(environment)) {
        Some((above, variable)) => {
            let (path, origin) = (above.join(OWN), variable.into());
            CacheLocation::Dir(ConfiguredDir { path, origin, parent_owner: ParentOwner::ThisUser })
        }
        None => CacheLocation::Disabled,
    }
}

const OWN: &str = "roles-anywhere";

/// Returns the place in memory that systemd made for this service, and the variable that names it.
fn service_directory(environment: &Environment) -> Option<(PathBuf, &'static str)> {
    // It lists several separated by colons.
    absolute(RUNTIME_DIRECTORY.name, environment.get(RUNTIME_DIRECTORY.name)?.split(':').next()?)
}

/// Returns the place in memory that was made for the programs of this user, and the variable that
/// names it.
fn login_directory(environment: &Environment) -> Option<(PathBuf, &'static str)> {
    absolute(XDG_RUNTIME_DIR.name, environment.get(XDG_RUNTIME_DIR.name)?)
}

fn absolute(variable: &'static str, path: &str) -> Option<(PathBuf, &'static str)> {
    Some((path::path(path), variable)).filter(|(path, _)| path.is_absolute())
}

fn daemon(settings: &Settings<'_>) -> Result<Daemon, UsageError> {
    let fail_fast = settings.is_on(&FAIL_FAST)?;
    let log_format = settings.required(&LOG_FORMAT)?;
    let log_format = match log_format.value {
        "text" => LogFormat::Text,
        "json" => LogFormat::Json,
        _ => return Err(log_format.refuse("`text` or `json`")),
    };
    let on_startup_failure =
        if fail_fast { OnStartupFailure::Exit } else { OnStartupFailure::KeepTrying };
    Ok(Daemon { on_startup_failure, log_format })
}

fn profile(setting: Setting<'_>) -> Result<ProfileName, UsageError> {
    let origin = setting.origin;
    setting.value.parse().map_err(|source| UsageError::Profile { origin, source })
}

/// Returns the credentials file, and the origin of its path for messages.
fn credentials_file(settings: &Settings<'_>) -> Result<(PathBuf, String), UsageError> {
    let from = |setting: Setting<'_>| {
        let setting = setting.creatable_file()?;
        Ok((path::path(setting.value), format!("from {}", setting.origin)))
    };
    if let Some(setting) = settings.text(&CREDENTIALS_FILE)? {
        return from(setting);
    }
    let setting = settings.variable(&AWS_SHARED_CREDENTIALS_FILE)?;
    let needs_home = setting.is_none_or(|setting| setting.value.starts_with("~/"));
    let home = if needs_home { settings.variable(&HOME)? } else { None };
    let home = home.map(Setting::creatable).transpose()?;
    match (setting, home) {
        (Some(setting), Some(home)) => {
            let value = format!("{}{}", home.value, &setting.value["~".len()..]);
            from(setting.with_value(&value))
        }
        (Some(setting), None) => from(setting),
        (None, Some(home)) => {
            let origin = Origin::Default(&CREDENTIALS_FILE).to_string();
            Ok((path::path(home.value).join(".aws/credentials"), origin))
        }
        (None, None) => Err(UsageError::Missing {
            option: &CREDENTIALS_FILE,
            variable: AWS_SHARED_CREDENTIALS_FILE.name,
        }),
    }
}
