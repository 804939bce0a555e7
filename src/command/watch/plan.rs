//! The options of `watch`.

use crate::command::watch::WatchPlan;
use crate::daemon::Daemon;
use crate::options::daemon::log_format;
use crate::options::follow;
use crate::options::reference_reader::ReferenceReader;
use crate::options::references::references;
use crate::options::settings::Settings;
use crate::options::table::daemon::LOG_FORMAT;
use crate::options::table::follow::FRESHNESS;
use crate::options::table::secrets::{PARAMETERS_ENDPOINT, REFERENCE, SECRETS_ENDPOINT};
use crate::options::table::{Heading, OptionSpec, ValueType};
use crate::output::usage::UsageError;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::text::disclosure::Sensitivity;

/// The options of `watch` alone. None has a variable: one would change another command line.
pub(super) static WATCH: &[&OptionSpec] =
    &[&REFERENCE, &EXEC, &ON_START, &LOG_FORMAT, &SECRETS_ENDPOINT, &PARAMETERS_ENDPOINT];

static EXEC: OptionSpec = OptionSpec::new("--exec", "CMD", ValueType::Text)
    .without_variable()
    .refuse_empty("a command")
    .sensitivity(Sensitivity::Sensitive)
    .under(Heading::Changes)
    .help("Command that is run for changes")
    .details(
        "Command for `sh` that is run once for the changes of a quiet period. It gets a line of JSON for \
         each on standard input. Without it, the lines are printed.",
    );

static ON_START: OptionSpec = OptionSpec::switch("--on-start")
    .without_variable()
    .under(Heading::Changes)
    .help("Report the initial values too")
    .details("Report all references at the start, as if they had changed.");

pub(super) fn plan(settings: &Settings<'_>) -> Result<WatchPlan, UsageError> {
    let references = references(settings)?;
    let command = settings.flag(&EXEC)?.map(|setting| match setting.value.trim().is_empty() {
        false => Ok(Secret::new(setting.value.to_owned())),
        true => Err(setting.refuse("a command")),
    });
    let command = command.transpose()?;
    let tells_first = settings.is_on(&ON_START)?;
    let timing = follow::timing(settings, command.is_some())?;
    let cache = follow::freshness(settings)?;
    let log_format = log_format(&settings.required(&LOG_FORMAT)?)?;
    let daemon = Daemon { log_format, ..Daemon::default() };
    let reader = ReferenceReader::plan(settings, FRESHNESS)?;
    Ok(WatchPlan { references, reader, command, tells_first, timing, cache, daemon })
}
