//! The options of `update`, `serve` and the cache.

use std::path::PathBuf;

use super::serve;
use super::session::SessionOptions;
use super::setting::{Setting, Settings, boolean};
use crate::command::serve::Serve;
use crate::command::update::{Mode, Update};
use crate::credentials_file::ProfileName;
use crate::daemon::{Daemon, OnStartupFailure};
use crate::options::{CacheArgs, CacheDirArgs, DaemonArgs, ServeArgs, UpdateArgs};
use crate::output::log::LogFormat;
use crate::output::usage::UsageError;
use crate::private_dir::{ConfiguredDir, ParentOwner};
use crate::server::{Offer, RemoteAccess, ServePolicy};
use crate::session_cache::CacheLocation;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::path;

/// Returns the plan of `update`.
pub(super) fn update(args: &UpdateArgs, settings: &Settings<'_>) -> Result<Update, UsageError> {
    let once = settings.switch("once", &args.once)?;
    let profile = profile(settings.given("profile", &args.profile)?)?;
    let selected = settings.environment.get("AWS_PROFILE");
    let selected = selected.filter(|selected| *selected != profile.to_string());
    let (file, origin) = credentials_file(args, settings)?;
    Ok(Update {
        force: settings.switch("force", &args.force)?,
        quiet: settings.switch("quiet", &args.quiet)?,
        selected: selected.map(str::to_owned),
        profile,
        file,
        origin,
        mode: if once { Mode::Once } else { Mode::Continuous },
        daemon: daemon(&args.daemon, settings)?,
    })
}

/// Returns the plan of `serve`.
pub(super) fn serve(
    args: &ServeArgs,
    settings: &Settings<'_>,
    session: &SessionOptions,
) -> Result<Serve, UsageError> {
    let remote = serve::remote(settings.given("allow-remote", &args.allow_remote)?)?;
    let listen = serve::listen(args, settings)?;
    if let Some(address) = listen.iter().find(|address| !address.ip().is_loopback())
        && remote == RemoteAccess::Refused
    {
        let setting = settings.setting("--listen", &address.to_string())?;
        return Err(
            setting.refuse("an address of this machine alone, or `--allow-remote` with it,")
        );
    }
    let hop_limit = settings.given("hop-limit", &args.hop_limit)?;
    let hop_limit = hop_limit.map(|setting| match setting.value.parse() {
        Ok(hops @ 1..=255_u8) => Ok(hops),
        _ => Err(setting.refuse("1 to 255")),
    });
    let offer = serve::offer(args, settings)?;
    if offer == Offer::Container && remote == RemoteAccess::Imds {
        return Err(UsageError::Conflict {
            first: "--allow-remote=imds".to_owned(),
            second: "--no-imds".to_owned(),
            why: "leave one of them out",
        });
    }
    Ok(Serve {
        listen,
        remote,
        hop_limit: hop_limit.transpose()?,
        token_file: serve::token_file(args, settings, remote, offer)?,
        policy: ServePolicy {
            offer,
            hosts: serve::hosts(args, settings)?,
            audit: serve::audit(args, settings)?,
        },
        print_env: settings.switch("print-env", &args.print_env)?,
        region: session.request.region.clone(),
        role: session.request.role.clone(),
        daemon: daemon(&args.daemon, settings)?,
    })
}

/// Returns where sessions are cached: in the given directory, else in a private one in memory.
pub(super) fn cache(
    args: &CacheArgs,
    settings: &Settings<'_>,
) -> Result<CacheLocation, UsageError> {
    let off = settings.given("no-cache", &args.no_cache)?;
    let setting = settings.given("cache-dir", &args.place.cache_dir)?;
    let setting = setting.map(Setting::creatable).transpose()?;
    let off = off.map(|setting| Ok((setting.origin.clone(), boolean(setting)?))).transpose()?;
    match (off, setting) {
        (Some((first, true)), Some(setting))
            if first.starts_with("--") == setting.origin.starts_with("--") =>
        {
            Err(UsageError::Conflict {
                first,
                second: setting.origin,
                why: "leave one of them out",
            })
        }
        (Some((first, true)), Some(setting))
            if setting.origin.starts_with("--") && !first.starts_with("--") =>
        {
            Ok(place(Some(setting), settings.environment))
        }
        (Some((_, true)), _) => Ok(CacheLocation::Disabled),
        (_, setting) => Ok(place(setting, settings.environment)),
    }
}

/// Returns the cache of `cache show` and `cache clear`.
pub(super) fn cache_location(
    args: &CacheDirArgs,
    settings: &Settings<'_>,
) -> Result<CacheLocation, UsageError> {
    let setting = settings.given("cache-dir", &args.cache_dir)?;
    Ok(place(setting.map(Setting::expanded).transpose()?, settings.environment))
}

/// Systemd makes its directory for others to enter, if not told otherwise: the cache is one in it.
pub(super) fn place(setting: Option<Setting<'_>>, environment: &Environment) -> CacheLocation {
    if let Some(setting) = setting {
        let path = path::path(&setting.value);
        let origin = setting.origin.into();
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
    absolute("RUNTIME_DIRECTORY", environment.get("RUNTIME_DIRECTORY")?.split(':').next()?)
}

/// Returns the place in memory that was made for the programs of this user, and the variable that
/// names it.
fn login_directory(environment: &Environment) -> Option<(PathBuf, &'static str)> {
    absolute("XDG_RUNTIME_DIR", environment.get("XDG_RUNTIME_DIR")?)
}

fn absolute(variable: &'static str, path: &str) -> Option<(PathBuf, &'static str)> {
    Some((path::path(path), variable)).filter(|(path, _)| path.is_absolute())
}

fn daemon(args: &DaemonArgs, settings: &Settings<'_>) -> Result<Daemon, UsageError> {
    let fail_fast = settings.switch("fail-fast", &args.fail_fast)?;
    let log_format = match settings.given("log-format", &args.log_format)? {
        None => LogFormat::Text,
        Some(setting) => match setting.value.as_str() {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            _ => return Err(setting.refuse("`text` or `json`")),
        },
    };
    let on_startup_failure =
        if fail_fast { OnStartupFailure::Exit } else { OnStartupFailure::KeepTrying };
    Ok(Daemon { on_startup_failure, log_format })
}

fn profile(setting: Option<Setting<'_>>) -> Result<ProfileName, UsageError> {
    let (origin, name) = match setting {
        Some(setting) => (setting.origin, setting.value),
        None => ("--profile".to_owned(), "default".to_owned()),
    };
    name.parse().map_err(|source| UsageError::Profile { origin, source })
}

/// Returns the credentials file, and the origin of its path for messages.
fn credentials_file(
    args: &UpdateArgs,
    settings: &Settings<'_>,
) -> Result<(PathBuf, String), UsageError> {
    let from = |setting: &Setting<'_>| format!("from {}", setting.origin);
    let setting = settings.given("credentials-file", &args.credentials_file)?;
    if let Some(setting) = setting {
        let setting = setting.creatable_file()?;
        return Ok((path::path(&setting.value), from(&setting)));
    }
    let setting = settings.variable("AWS_SHARED_CREDENTIALS_FILE")?;
    let needs_home = setting.as_ref().is_none_or(|setting| setting.value.starts_with("~/"));
    let home = if needs_home { settings.variable("HOME")? } else { None };
    let home = home.map(Setting::creatable).transpose()?;
    match (setting, home) {
        (Some(mut setting), Some(home)) => {
            setting.value = home.value + &setting.value["~".len()..];
            let setting = setting.creatable_file()?;
            Ok((path::path(&setting.value), from(&setting)))
        }
        (Some(setting), None) => {
            let setting = setting.creatable_file()?;
            Ok((path::path(&setting.value), from(&setting)))
        }
        (None, Some(home)) => {
            let origin = "the default of --credentials-file".to_owned();
            Ok((path::path(&home.value).join(".aws/credentials"), origin))
        }
        (None, None) => Err(UsageError::Missing {
            flag: "--credentials-file",
            variable: "AWS_SHARED_CREDENTIALS_FILE".to_owned(),
        }),
    }
}
