//! What is done when what a program gets has changed.

use std::time::Duration;

use crate::follow::program_action::ProgramAction;
use crate::follow::schedule::Timing;
use crate::options::daemon::log_format;
use crate::options::follow::{freshness, refuse_without, time, timing};
use crate::options::settings::Settings;
use crate::options::table::Origin;
use crate::options::table::daemon::LOG_FORMAT;
use crate::options::table::on_rotate::{GRACE, GRACE_EXPECTED, ON_ROTATE, ON_ROTATE_EXPECTED};
use crate::output::log::LogFormat;
use crate::output::usage::{NamedValue, UsageError};
use crate::secrets_cache::CachePolicy;

const HOUR: Duration = Duration::from_secs(3_600);

/// What is done with a program when what it gets has changed, and when.
#[derive(Clone, Debug)]
pub struct OnRotate {
    /// What is done.
    pub action: ProgramAction,
    /// When.
    pub timing: Timing,
    /// How long the program may take to end.
    pub grace: Duration,
    /// How long values are used without AWS.
    pub freshness: CachePolicy,
    /// The format of the log.
    pub log_format: LogFormat,
}

/// Returns what `--on-rotate` and the options beside it say; `None` without it.
pub fn on_rotate(settings: &Settings<'_>) -> Result<Option<OnRotate>, UsageError> {
    let Some(action) = settings.text(&ON_ROTATE)? else {
        refuse_without(settings, &ON_ROTATE, &[&GRACE, &LOG_FORMAT])?;
        return Ok(None);
    };
    let refused = |expected: Option<_>| action.refuse(expected.unwrap_or(ON_ROTATE_EXPECTED));
    let action = ProgramAction::parse(action.value).map_err(refused)?;
    if action.keeps_program() && settings.flag(&GRACE)?.is_some() {
        let first = Origin::Flag(&GRACE).into();
        let second = NamedValue::new(Origin::Flag(&ON_ROTATE), action.to_string());
        let why = "remove `--grace`: only `restart` and `exit` end the program";
        return Err(UsageError::Conflict { first, second, why });
    }
    Ok(Some(OnRotate {
        action,
        timing: timing(settings, true)?,
        grace: time(&settings.required(&GRACE)?, Duration::ZERO..=HOUR, GRACE_EXPECTED)?,
        freshness: freshness(settings)?,
        log_format: log_format(&settings.required(&LOG_FORMAT)?)?,
    }))
}
