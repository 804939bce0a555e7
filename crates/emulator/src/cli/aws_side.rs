//! Options for what exists in AWS.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::aws_files::AwsFiles;

/// What exists in AWS.
#[derive(Debug, Args)]
#[command(next_help_heading = "AWS side")]
pub struct AwsSide {
    /// The files that describe it.
    #[command(flatten)]
    pub files: ResourceFiles,
    /// Add secrets from a JSON object of names and values
    ///
    /// A value is a string, an object (stored as its JSON text) or
    /// {"SecretBinary": BASE64}.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub secrets: Option<PathBuf>,
}

/// The files that describe the AWS side.
#[derive(Debug, Args)]
pub struct ResourceFiles {
    /// Read the AWS side from a TOML file, instead of what is built in
    ///
    /// The file has trust anchors, profiles, roles, users and secrets. `schema` prints its JSON Schema,
    /// and `show` what is in it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Add a trust anchor: a PEM file with a CA certificate (repeatable)
    ///
    /// Its ARN is exported as ROLES_ANYWHERE_TRUST_ANCHOR_ARN. The certificate and key to use are
    /// yours: pass `--certificate` and `--private-key`, or set ROLES_ANYWHERE_CERTIFICATE and
    /// ROLES_ANYWHERE_PRIVATE_KEY.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub trust_anchor: Vec<PathBuf>,
}

impl ResourceFiles {
    /// Returns the files.
    pub(crate) fn aws_files(&self) -> AwsFiles {
        AwsFiles { config: self.config.clone(), trust_anchors: self.trust_anchor.clone() }
    }
}
