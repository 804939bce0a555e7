//! What is done when what a program gets has changed.

use std::time::Duration;

use crate::follow::program_action::ProgramAction;
use crate::follow::schedule::Timing;
use crate::options::follow::{freshness, time, timing};
use crate::options::settings::Settings;
use crate::options::table::OptionSpec;
use crate::options::table::follow::{FRESHNESS, TIMING};
use crate::options::table::on_rotate::{GRACE, GRACE_EXPECTED, ON_ROTATE, ON_ROTATE_EXPECTED};
use crate::output::usage::UsageError;
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
}

/// Returns what `--on-rotate` and the options beside it say; `None` without it.
pub fn on_rotate(settings: &Settings<'_>) -> Result<Option<OnRotate>, UsageError> {
    let Some(action) = settings.text(&ON_ROTATE)? else {
        let others = [&[&GRACE as &'static OptionSpec][..], TIMING, FRESHNESS].concat();
        for option in others {
            if settings.flag(option)?.is_some() {
                return Err(settings.missing(&[&ON_ROTATE]));
            }
        }
        return Ok(None);
    };
    let refused = || action.refuse(ON_ROTATE_EXPECTED);
    Ok(Some(OnRotate {
        action: ProgramAction::parse(action.value).ok_or_else(refused)?,
        timing: timing(settings, true)?,
        grace: time(&settings.required(&GRACE)?, Duration::ZERO..=HOUR, GRACE_EXPECTED)?,
        freshness: freshness(settings)?,
    }))
}
