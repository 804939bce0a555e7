//! The options of `update`.

use std::path::PathBuf;

use crate::credentials_file::ProfileName;
use crate::daemon::Daemon;
use crate::options::daemon::daemon;
use crate::options::settings::{Setting, Settings};
use crate::options::table::shared_credentials::{AWS_PROFILE, AWS_SHARED_CREDENTIALS_FILE, HOME};
use crate::options::table::{OptionSpec, Origin, ValueType};
use crate::output::usage::UsageError;
use roles_anywhere_client::text::path;

/// The options of `update` alone.
pub(super) static UPDATE: &[&OptionSpec] = &[&PROFILE, &ONCE, &FORCE, &QUIET, &CREDENTIALS_FILE];

static PROFILE: OptionSpec = OptionSpec::new("--profile", "NAME", ValueType::Text)
    .default_value("default")
    .help("The profile to write");

static ONCE: OptionSpec = OptionSpec::switch("--once").help("Write it once, and exit");

static FORCE: OptionSpec =
    OptionSpec::switch("--force").help("Replace a long-lived access key in the profile");

static QUIET: OptionSpec =
    OptionSpec::switch("--quiet").help("Print nothing on success (with `--once`)");

pub(super) static CREDENTIALS_FILE: OptionSpec =
    OptionSpec::new("--credentials-file", "FILE", ValueType::File)
        .described_default("~/.aws/credentials; also AWS_SHARED_CREDENTIALS_FILE")
        .help("The shared credentials file");

/// What `update` writes, and how.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Update {
    /// The profile.
    pub profile: ProfileName,
    /// The shared credentials file.
    pub file: PathBuf,
    /// The origin of its path.
    pub origin: Origin,
    /// Once, or for as long as it runs.
    pub mode: Mode,
    /// Whether a long-lived key in the profile is replaced.
    pub force: bool,
    /// Whether to report only errors and warnings.
    pub quiet: bool,
    /// The profile that AWS_PROFILE selects, if it is another one.
    pub selected: Option<String>,
    /// How it runs.
    pub daemon: Daemon,
}

/// How long `update` runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Until the profile was written.
    Once,
    /// Until it is stopped.
    Continuous,
}

/// Returns what `update` writes, and how.
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

fn profile(setting: Setting<'_>) -> Result<ProfileName, UsageError> {
    let origin = setting.origin;
    setting.value.parse().map_err(|source| UsageError::Profile { origin, source })
}

/// Returns the credentials file, and the origin of its path.
fn credentials_file(settings: &Settings<'_>) -> Result<(PathBuf, Origin), UsageError> {
    let from = |setting: Setting<'_>| {
        let setting = setting.creatable_file()?;
        Ok((path::path(setting.value), setting.origin))
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
            let origin = Origin::Default(&CREDENTIALS_FILE);
            Ok((path::path(home.value).join(".aws/credentials"), origin))
        }
        (None, None) => Err(settings.missing(&[&CREDENTIALS_FILE])),
    }
}
