//! What a run reports on standard error outside a daemon's log: as text, or as a line in the log
//! format that the user chose.

use roles_anywhere::command::update::{Update, UpdateOutcome};
use roles_anywhere::credentials_file::port::WriteMethod;
use roles_anywhere::options::resolve::{Command, Purpose};
use roles_anywhere::os::stdio;
use roles_anywhere::output::error::{Error, one_line};
use roles_anywhere::output::log::{Field, Level, LogFormat};
use roles_anywhere_client::text::disclosure::{field, path_name, profile_field, profile_name};
use roles_anywhere_client::time::{Clock, Timestamp};

/// Why a run failed, and the format to report it in.
pub(crate) struct RunFailure {
    pub(crate) error: Error,
    pub(crate) format: LogFormat,
}

/// An error before the command is known is reported as text.
impl From<Error> for RunFailure {
    fn from(error: Error) -> Self {
        Self { error, format: LogFormat::Text }
    }
}

impl RunFailure {
    /// Writes the error to standard error.
    pub(crate) fn report(&self, clock: &dyn Clock) {
        match self.format {
            LogFormat::Text => stdio::write_stderr(&self.error.to_string()),
            LogFormat::Json => {
                let reason = self.error.text();
                let code = self.error.kind().exit_code();
                let fields: [Field<'_>; 2] = [("reason", &reason), ("exit_code", &code)];
                write_json(clock.now(), Level::Error, "ended by an error", &fields);
            }
        }
    }
}

/// Reports what `update --once` wrote, and its warnings.
pub(crate) fn updated(plan: &Update, outcome: &UpdateOutcome, clock: &dyn Clock) {
    let format = plan.daemon.log_format;
    let warn = |words: &str| match format {
        LogFormat::Text => stdio::write_stderr(&one_line(&format!("warning: {words}"))),
        LogFormat::Json => write_json(clock.now(), Level::Warning, words, &[]),
    };
    let file = path_name(&plan.file, true);
    let profile = plan.profile.to_string();
    if let WriteMethod::InPlace(obstacle) = outcome.written {
        warn(&format!("{file} was written in place: {obstacle}"));
    }
    outcome.warnings.iter().for_each(|warning| warn(&warning.to_string()));
    let expiration = outcome.expiration;
    match format {
        _ if plan.quiet => {}
        LogFormat::Text => {
            let selected = plan.selected.as_ref().map_or_else(String::new, |selected| {
                format!("; AWS_PROFILE selects another profile, {}", profile_name(selected))
            });
            let profile = profile_name(&profile);
            let words =
                format!("wrote profile {profile} to {file}, valid until {expiration}{selected}");
            stdio::write_stderr(&one_line(&words));
        }
        LogFormat::Json => {
            let file = field(&plan.file.to_string_lossy(), true);
            let profile = profile_field(&profile);
            let fields: [Field<'_>; 3] =
                [("file", &file), ("profile", &profile), ("valid_until", &expiration)];
            let selected = plan.selected.as_ref().map(|selected| profile_field(selected));
            let selected = selected.as_ref().map(|name| -> Field<'_> { ("aws_profile", name) });
            let fields: Vec<_> = fields.into_iter().chain(selected).collect();
            write_json(clock.now(), Level::Info, "profile written", &fields);
        }
    }
}

/// Returns the log format of a command; text if it has none.
pub(crate) fn log_format(command: &Command) -> LogFormat {
    let Command::Exchange(exchange) = command else { return LogFormat::Text };
    match &exchange.purpose {
        Purpose::Update(plan) => plan.daemon.log_format,
        Purpose::Serve(plan) => plan.daemon.log_format,
        Purpose::CredentialProcess | Purpose::SecretGet(_) => LogFormat::Text,
    }
}

fn write_json(now: Timestamp, level: Level, what: &str, fields: &[Field<'_>]) {
    let line = LogFormat::Json.render(&now.to_string(), level, what, fields);
    stdio::write_stderr(line.trim_end());
}
