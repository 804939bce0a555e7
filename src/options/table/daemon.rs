//! The options of the commands that keep running.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{Heading, OptionSpec, ValueType};

/// The options of the commands that keep running.
pub static DAEMON: &[&OptionSpec] = &[&FAIL_FAST, &LOG_FORMAT];

pub static FAIL_FAST: OptionSpec = OptionSpec::switch("--fail-fast")
    .under(Heading::Daemon)
    .help("Exit if the first attempt fails")
    .details("Exit if the first attempt to get credentials fails, instead of retrying.");

pub static LOG_FORMAT: OptionSpec = OptionSpec::new("--log-format", "FORMAT", ValueType::Text)
    .default_value("text")
    .under(Heading::Daemon)
    .choices(&[("text", "One line for each event"), ("json", "One JSON object for each event")])
    .help("Log format: text or json")
    .details("Format of the log, which is written to standard error.");
