//! The option for the errors of the commands that do not keep running.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{Heading, OptionSpec, ValueType};

/// The option for the errors of a command.
pub static ERRORS: &[&OptionSpec] = &[&ERROR_FORMAT];

pub static ERROR_FORMAT: OptionSpec = OptionSpec::new("--error-format", "FORMAT", ValueType::Text)
    .default_value("text")
    .under(Heading::Output)
    .choices(&[("text", "Text for people"), ("json", "One JSON object on one line")])
    .help("Format of errors: text or json")
    .details("Format of an error, which is written to standard error.");
