//! What a run reports on standard error outside a daemon's log: as text, or as a line in the log
//! format that the user chose.

use crate::output::error::{Error, Kind};
use crate::output::log::events::{FAILED, LogEvent};
use crate::output::log::{Field, LogFormat};
use roles_anywhere_client::time::Timestamp;

/// Why a run failed, as it is reported.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The report, for standard error.
    pub report: String,
    /// Who can fix it.
    pub kind: Kind,
}

impl Failure {
    /// Returns the report of an error that occurred at `now`.
    pub fn new(error: &Error, format: LogFormat, now: Timestamp) -> Self {
        let kind = error.kind();
        let report = match format {
            LogFormat::Text | LogFormat::Terminal => error.to_string(),
            LogFormat::Json => {
                let (reason, hint) = error.log_fields();
                let code = kind.exit_code();
                let fields: [Field<'_>; 3] =
                    [("reason", &reason), ("hint", &hint), ("exit_code", &code)];
                json(now, &FAILED, &fields)
            }
        };
        Self { report, kind }
    }
}

/// Returns one event as a line of JSON, without its newline.
pub fn json(now: Timestamp, event: &LogEvent, fields: &[Field<'_>]) -> String {
    let mut line = LogFormat::Json.render(&now.to_string(), event, fields);
    line.truncate(line.trim_end().len());
    line
}
