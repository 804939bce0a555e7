//! What a run reports on standard error outside a daemon's log: as text over several lines, as JSON,
//! or as a line in the log format that the user chose.

use serde::Serialize;

use crate::output::error::{Error, Kind};
use crate::output::log::events::{FAILED, LogEvent};
use crate::output::log::{Field, LogFormat};
use roles_anywhere_client::time::Timestamp;

/// How the error of a run is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ErrorFormat {
    /// Text for people, in several lines.
    #[default]
    Text,
    /// One JSON object on one line.
    Json,
}

/// Why a run failed, as it is reported.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The report, for standard error.
    pub report: String,
    /// Who can fix it.
    pub kind: Kind,
}

impl Failure {
    /// Returns the report of an error.
    pub fn new(error: &Error, format: ErrorFormat) -> Self {
        let report = match format {
            ErrorFormat::Text => error.to_string(),
            ErrorFormat::Json => ErrorDocument::new(error).to_json(),
        };
        Self { report, kind: error.kind() }
    }

    /// Returns the report of an error that occurred at `now`, as in a log.
    pub fn logged(error: &Error, format: LogFormat, now: Timestamp) -> Self {
        let kind = error.kind();
        let report = match format {
            LogFormat::Terminal => error.to_string(),
            LogFormat::Text | LogFormat::Json => {
                let (reason, hint) = error.log_fields();
                let code = kind.exit_code();
                let fields: [Field<'_>; 3] =
                    [("reason", &reason), ("hint", &hint), ("exit_code", &code)];
                line(format, now, &FAILED, &fields)
            }
        };
        Self { report, kind }
    }
}

/// An error as JSON. It holds what the text holds.
#[derive(Debug, Serialize)]
struct ErrorDocument {
    kind: &'static str,
    exit_code: u8,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    request_id: Option<String>,
}

impl ErrorDocument {
    fn new(error: &Error) -> Self {
        let (kind, mut reasons) = (error.kind(), error.reasons().into_iter());
        Self {
            kind: kind.name(),
            exit_code: kind.exit_code(),
            message: reasons.next().unwrap_or_default(),
            causes: reasons.collect(),
            hints: error.printed_hints(),
            request_id: error.request_id().map(str::to_owned),
        }
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and a number serialize")
    }
}

/// Returns one event as a line of JSON, without its newline.
pub fn json(now: Timestamp, event: &LogEvent, fields: &[Field<'_>]) -> String {
    line(LogFormat::Json, now, event, fields)
}

fn line(format: LogFormat, now: Timestamp, event: &LogEvent, fields: &[Field<'_>]) -> String {
    let mut line = format.render(&now.to_string(), event, fields);
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::run::RunError;

    #[test]
    fn a_defect_is_one_object_on_one_line() {
        let defect = Error::from(RunError::Defect { at: " at a.rs:1\n".to_owned() });
        assert_eq!(
            Failure::new(&defect, ErrorFormat::Json).report,
            r#"{"kind":"internal","exit_code":70,"message":"internal error: roles-anywhere panicked at a.rs:1\\n","causes":[],"hints":["report this message and the command line as a bug, without secrets"],"request_id":null}"#
        );
    }
}
