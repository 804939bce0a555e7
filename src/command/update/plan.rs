//! The options of `update`.

use std::path::PathBuf;

use crate::command::update::ProfilePlan;
use crate::credentials_file::ProfileName;
use crate::daemon::{Daemon, Role};
use crate::options::daemon::daemon;
use crate::options::session_plan;
use crate::options::settings::{Setting, Settings};
use crate::options::table::config_file::ROLE_AWS_PROFILE;
use crate::options::table::shared_credentials::{AWS_PROFILE, AWS_SHARED_CREDENTIALS_FILE, HOME};
use crate::options::table::{Heading, OptionSpec, Origin, ValueType};
use crate::output::usage::UsageError;
use crate::secrets::access_key::AccessKeySecret;
use roles_anywhere_client::text::path;

/// The options of `update` alone.
pub(super) static UPDATE: &[&OptionSpec] = &[&PROFILE, &CREDENTIALS_FILE, &ONCE, &FORCE, &QUIET];

pub(super) static PROFILE: OptionSpec = OptionSpec::new("--profile", "NAME", ValueType::Text)
    .default_value("default")
    .under(Heading::Profile)
    .help("Profile to write")
    .details("Profile to write; the one of a role is `aws-profile` by default.");

pub(super) static CREDENTIALS_FILE: OptionSpec =
    OptionSpec::new("--credentials-file", "FILE", ValueType::File)
        .described_default("~/.aws/credentials")
        .fallbacks(&[&AWS_SHARED_CREDENTIALS_FILE])
        .under(Heading::Profile)
        .help("Shared credentials file");

static ONCE: OptionSpec = OptionSpec::switch("--once")
    .under(Heading::Profile)
    .help("Write the profile once and exit")
    .details("Write the profile once and exit, for a timer.");

static FORCE: OptionSpec = OptionSpec::switch("--force")
    .under(Heading::Profile)
    .help("Replace a long-lived access key")
    .details(
        "Replace a long-lived access key in the profile. By default, such a profile is refused, \
         unless the key is one that `--from-secret` of the same secret wrote.",
    );

static QUIET: OptionSpec = OptionSpec::switch("--quiet")
    .under(Heading::Output)
    .help("Print nothing on success (with --once)")
    .details("Print nothing on success, with `--once`. Warnings and errors are still printed.");

/// What `update` writes, and how.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Update {
    /// The profile.
    pub profile: ProfileName,
    /// The secret whose access key is written instead of the session.
    pub from_secret: Option<AccessKeySecret>,
    /// The shared credentials file.
    pub file: PathBuf,
    /// The origin of its path.
    pub origin: Origin,
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

/// Returns how long `update` runs.
pub(super) fn mode(settings: &Settings<'_>) -> Result<Mode, UsageError> {
    Ok(if settings.is_on(&ONCE)? { Mode::Once } else { Mode::Continuous })
}

/// Returns the name of the profile: the one of the option, else of the role, else `default`.
pub(super) fn profile<'a>(settings: &Settings<'a>) -> Result<Setting<'a>, UsageError> {
    if let Some(given) = settings.text(&PROFILE)? {
        return Ok(given);
    }
    settings.in_file(&ROLE_AWS_PROFILE)?.map_or_else(|| settings.default(&PROFILE), Ok)
}

/// Returns the roles without the profile that AWS_PROFILE selects, if one of them has it.
pub(super) fn with_selected_profile(mut roles: Vec<Role<ProfilePlan>>) -> Vec<Role<ProfilePlan>> {
    if roles.iter().any(|role| role.plan.update.selected.is_none()) {
        roles.iter_mut().for_each(|role| role.plan.update.selected = None);
    }
    roles
}

/// Returns what `update` writes, and how.
pub(super) fn update(
    settings: &Settings<'_>,
    from_secret: Option<AccessKeySecret>,
) -> Result<Update, UsageError> {
    let profile = session_plan::profile(profile(settings)?)?;
    let selected = settings.environment.get(AWS_PROFILE.name);
    let selected = selected.filter(|selected| *selected != profile.to_string());
    let (file, origin) = credentials_file(settings)?;
    Ok(Update {
        force: settings.is_on(&FORCE)?,
        quiet: settings.is_on(&QUIET)?,
        selected: selected.map(str::to_owned),
        profile,
        from_secret,
        file,
        origin,
        daemon: daemon(settings)?,
    })
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
    let needs_home = setting.as_ref().is_none_or(|setting| setting.value.starts_with("~/"));
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
