//! The options of the commands that keep running.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{OptionSpec, ValueType};

/// The options of the commands that keep running.
pub static DAEMON: &[&OptionSpec] = &[&FAIL_FAST, &LOG_FORMAT];

pub static FAIL_FAST: OptionSpec =
    OptionSpec::switch("--fail-fast").help("Exit if the first try fails, instead of retrying");

pub static LOG_FORMAT: OptionSpec = OptionSpec::new("--log-format", "FORMAT", ValueType::Text)
    .default_value("text")
    .help("`text` or `json`, to stderr");
