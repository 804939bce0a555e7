//! What a run reports on standard error outside a daemon's log: as text, or as a line in the log
//! format that the user chose.

use crate::output::error::Error;
use crate::output::log::{Field, Level, LogFormat};
use roles_anywhere_client::time::Timestamp;

/// Returns the report of the error that ended a run.
pub fn failure(error: &Error, format: LogFormat, now: Timestamp) -> String {
    match format {
        LogFormat::Text => error.to_string(),
        LogFormat::Json => {
            let reason = error.text();
            let code = error.kind().exit_code();
            json(
                now,
                Level::Error,
                "ended by an error",
                &[("reason", &reason), ("exit_code", &code)],
            )
        }
    }
}

/// Returns one event as a line of JSON, without its newline.
pub fn json(now: Timestamp, level: Level, what: &str, fields: &[Field<'_>]) -> String {
    let mut line = LogFormat::Json.render(&now.to_string(), level, what, fields);
    line.truncate(line.trim_end().len());
    line
}
