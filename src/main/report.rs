//! What a run says of itself on standard error where it is no daemon's log: for a reader, or as a
//! line of the log that was asked for.

use roles_anywhere::cli::resolve::{Command, Purpose};
use roles_anywhere::error::Error;
use roles_anywhere::log::{Fact, Level, LogFormat};
use roles_anywhere::os::terminal;
use roles_anywhere::time::{Clock, Timestamp};

/// Why a run failed, and in what form that is said.
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) format: LogFormat,
}

/// An error of before there is a log is for a reader.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, format: LogFormat::Text }
    }
}

impl Failure {
    /// Says so.
    pub(crate) fn report(&self, clock: &dyn Clock) {
        match self.format {
            LogFormat::Text => terminal::write_stderr(&self.error.to_string()),
            LogFormat::Json => {
                let reason = self.error.words();
                let code = self.error.kind().exit_code();
                let facts: [Fact<'_>; 2] = [("reason", &reason), ("exit_code", &code)];
                write_json(clock.now(), Level::Error, "ended by an error", &facts);
            }
        }
    }
}

/// Says that something was done, and is not as it should be.
pub(crate) fn warn(words: &str, format: LogFormat, clock: &dyn Clock) {
    match format {
        LogFormat::Text => terminal::write_stderr(&format!("warning: {words}")),
        LogFormat::Json => write_json(clock.now(), Level::Warning, words, &[]),
    }
}

/// Returns how the log of a command is written; those that have none speak to a reader.
pub(crate) fn log_format(command: &Command) -> LogFormat {
    let Command::Exchange(exchange) = command else { return LogFormat::Text };
    match &exchange.purpose {
        Purpose::Update(plan) => plan.daemon.log_format,
        Purpose::Serve(plan) => plan.daemon.log_format,
        Purpose::CredentialProcess | Purpose::SecretGet(_) => LogFormat::Text,
    }
}

fn write_json(now: Timestamp, level: Level, what: &str, facts: &[Fact<'_>]) {
    let line = LogFormat::Json.render(&now.to_string(), level, what, facts);
    terminal::write_stderr(line.trim_end());
}
