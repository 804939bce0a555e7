//! Options for what exists in AWS.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// What exists in AWS.
#[derive(Debug, Args)]
#[command(next_help_heading = "AWS side")]
pub struct AwsSide {
    /// Add secrets from a JSON object of names and values
    ///
    /// A value is a string, an object (stored as its JSON text) or
    /// {"SecretBinary": BASE64}.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub secrets: Option<PathBuf>,
}
