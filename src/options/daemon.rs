//! The options of daemons.

use crate::daemon::{Daemon, OnStartupFailure};
use crate::options::settings::{Setting, Settings};
use crate::options::table::daemon::{FAIL_FAST, LOG_FORMAT};
use crate::output::log::LogFormat;
use crate::output::usage::UsageError;

/// Returns how a daemon runs.
pub fn daemon(settings: &Settings<'_>) -> Result<Daemon, UsageError> {
    let fail_fast = settings.is_on(&FAIL_FAST)?;
    let log_format = log_format(&settings.required(&LOG_FORMAT)?)?;
    let on_startup_failure =
        if fail_fast { OnStartupFailure::Exit } else { OnStartupFailure::KeepTrying };
    Ok(Daemon { on_startup_failure, log_format })
}

/// Reads the format of a log.
pub fn log_format(setting: &Setting<'_>) -> Result<LogFormat, UsageError> {
    match setting.value {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(setting.refuse("`text` or `json`")),
    }
}
