//! Where a secret or a parameter is written, and which part of it.

use std::path::PathBuf;

use crate::options::settings::{Setting, Settings};
use crate::options::table::secrets::{KEY, OUT};
use crate::options::table::{OptionSpec, Origin};
use crate::output::Stdout;
use crate::output::usage::{NamedValue, UsageError};
use roles_anywhere_client::text::path;

/// The part of a value to output.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ValueSelection {
    /// The value as it is.
    Value,
    /// One member of a value that is a JSON object.
    Member(String),
    /// The whole response, as the AWS CLI prints it.
    Document,
}

/// The format in which a command prints what it has read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OutputFormat {
    /// Text or a table for people.
    Text,
    /// JSON for programs.
    Json,
}

/// Where a value is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ValueDestination {
    /// Standard output.
    Stdout(Stdout),
    /// A file of mode 0600, replaced as a whole.
    File(PathBuf),
}

/// Returns the destination that `--out` gives.
pub fn destination(settings: &Settings<'_>) -> Result<ValueDestination, UsageError> {
    Ok(match settings.text(&OUT)? {
        // As everywhere: a file of that name is written `./-`.
        Some(path) if path.value != "-" => {
            ValueDestination::File(path::path(path.creatable_file()?.value))
        }
        _ => ValueDestination::Stdout(settings.stdout),
    })
}

/// Returns the part of a value that `--key` and the option `output` of a command select.
pub fn selection(
    settings: &Settings<'_>,
    output: &'static OptionSpec,
) -> Result<ValueSelection, UsageError> {
    let output = settings.required(output)?;
    let member = settings.text(&KEY)?;
    match (output_format(&output)?, member) {
        (OutputFormat::Json, Some(_)) => Err(UsageError::Conflict {
            first: Origin::Flag(&KEY).into(),
            second: NamedValue::new(output.origin, "json"),
            why: "remove one of them: `--key` prints one member as text",
        }),
        (OutputFormat::Json, None) => Ok(ValueSelection::Document),
        (OutputFormat::Text, Some(member)) => Ok(ValueSelection::Member(member.value.to_owned())),
        (OutputFormat::Text, None) => Ok(ValueSelection::Value),
    }
}

/// Reads an option that takes `text` and `json`.
pub fn output_format(output: &Setting<'_>) -> Result<OutputFormat, UsageError> {
    match output.value {
        "text" => Ok(OutputFormat::Text),
        "json" => Ok(OutputFormat::Json),
        _ => Err(output.refuse("`text` or `json`")),
    }
}
