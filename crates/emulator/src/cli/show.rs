//! `show` and `schema`.

use clap::{Args, ValueEnum};

use super::ResourceFiles;

/// The options of `show`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Show {
    /// The files that describe the AWS side.
    #[command(flatten)]
    pub files: ResourceFiles,
    /// The format of the output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub output: OutputFormat,
}

/// How `show` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

const AFTER_HELP: &str = "\
Examples:
  roles-anywhere-emulator show
  roles-anywhere-emulator show --config emulator.toml --output json";

pub(super) const SCHEMA_AFTER_HELP: &str = "\
Example:
  roles-anywhere-emulator schema > emulator-config.schema.json";
