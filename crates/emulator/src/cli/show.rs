//! `show` and `schema`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::aws_files::AwsFiles;

/// The options of `show`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Show {
    /// Show what this configuration describes, instead of what is built in
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Add a trust anchor, as `run` and `serve` do (repeatable)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub trust_anchor: Vec<PathBuf>,
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

impl Show {
    /// Returns the files that say what AWS holds.
    pub(crate) fn files(&self) -> AwsFiles {
        AwsFiles { config: self.config.clone(), trust_anchors: self.trust_anchor.clone() }
    }
}

const AFTER_HELP: &str = "\
Examples:
  roles-anywhere-emulator show
  roles-anywhere-emulator show --config emulator.toml --output json";

pub(super) const SCHEMA_AFTER_HELP: &str = "\
Example:
  roles-anywhere-emulator schema > emulator-config.schema.json";
