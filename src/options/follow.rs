//! The options of the commands that follow secrets and parameters.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::follow::schedule::Timing;
use crate::options::duration;
use crate::options::secrets_endpoint::cache_policy_in_file;
use crate::options::settings::{Setting, Settings};
use crate::options::table::OptionSpec;
use crate::options::table::follow::{
    FRESHNESS, QUIET_PERIOD, QUIET_PERIOD_EXPECTED, SECRETS_MAX_STALE, SECRETS_MAX_STALE_EXPECTED,
    SECRETS_TTL, SECRETS_TTL_EXPECTED, SPLAY, SPLAY_EXPECTED, TIMING,
};
use crate::output::usage::UsageError;
use crate::secrets_cache::CachePolicy;

const HOUR: Duration = Duration::from_secs(3_600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Returns when to act on a change. Without an action, the default is no random delay.
pub fn timing(settings: &Settings<'_>, has_action: bool) -> Result<Timing, UsageError> {
    let quiet_period = settings.required(&QUIET_PERIOD)?;
    let shortest = Duration::from_secs(1);
    let quiet_period = time(&quiet_period, shortest..=HOUR, QUIET_PERIOD_EXPECTED)?;
    let splay = match settings.text(&SPLAY)? {
        Some(setting) => time(&setting, Duration::ZERO..=HOUR, SPLAY_EXPECTED)?,
        None if has_action => Timing::SPLAY,
        None => Duration::ZERO,
    };
    Ok(Timing { quiet_period, splay })
}

/// Returns how long values that are followed are used without AWS.
pub fn freshness(settings: &Settings<'_>) -> Result<CachePolicy, UsageError> {
    let policy = cache_policy_in_file(settings)?;
    let shortest = Duration::from_secs(1);
    let ttl = match settings.text(&SECRETS_TTL)? {
        Some(setting) => time(&setting, shortest..=HOUR, SECRETS_TTL_EXPECTED)?,
        // With 0, each request of a client is a call of AWS. There are none here.
        None => policy.ttl.max(shortest),
    };
    let max_stale = match settings.text(&SECRETS_MAX_STALE)? {
        Some(setting) => time(&setting, Duration::ZERO..=WEEK, SECRETS_MAX_STALE_EXPECTED)?,
        None => policy.max_stale,
    };
    Ok(CachePolicy { ttl, max_stale, ..policy })
}

/// Refuses the options of when to act, and `others`, if `required` is not given, without which they mean nothing.
pub fn refuse_without(
    settings: &Settings<'_>,
    required: &'static OptionSpec,
    others: &[&'static OptionSpec],
) -> Result<(), UsageError> {
    for option in others.iter().chain(TIMING).chain(FRESHNESS) {
        if settings.flag(option)?.is_some() {
            return Err(UsageError::Dependent { option, required });
        }
    }
    Ok(())
}

/// Reads a time within limits.
pub fn time(
    setting: &Setting<'_>,
    limits: RangeInclusive<Duration>,
    expected: &'static str,
) -> Result<Duration, UsageError> {
    let time = duration::parse(setting.value).filter(|time| limits.contains(time));
    time.ok_or_else(|| setting.refuse(expected))
}
