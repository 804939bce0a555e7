//! `serve`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{AwsSide, Behaviour, NetworkOptions, Output};

/// The options of `serve`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Serve {
    /// What exists in AWS.
    #[command(flatten)]
    pub aws: AwsSide,
    /// How AWS behaves.
    #[command(flatten)]
    pub behaviour: Behaviour,
    /// Where it listens.
    #[command(flatten)]
    pub network: NetworkOptions,
    /// What is printed.
    #[command(flatten)]
    pub output: Output,
    /// Write the variables to FILE once the emulator listens; remove it at the end
    ///
    /// FILE appears complete. It is a JSON object if its name ends in .json, and otherwise lines
    /// of `export NAME='value'`.
    #[arg(long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    pub ready_file: Option<PathBuf>,
    /// Write certificates, keys and the AWS configuration to DIR, and leave them there
    ///
    /// DIR must be empty, not exist, or be from an earlier `serve`.
    ///
    /// [default: a temporary directory, removed at the end]
    #[arg(long, value_name = "DIR", help_heading = "Output", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
    /// The roles-anywhere program that the AWS configuration names
    ///
    /// [default: the one in the directory of this program]
    #[arg(long, value_name = "PATH", help_heading = "Client", value_hint = ValueHint::ExecutablePath)]
    pub tool: Option<PathBuf>,
}

pub(super) const LONG_ABOUT: &str = "\
Serve until SIGINT or SIGTERM, and print the variables to export

Prints lines of `export NAME='value'` to standard output once it listens.";

const AFTER_HELP: &str = "\
Control API, at $EMULATOR_CONTROL (docs/emulator.md has every field):
  GET    /requests         the latest 10,000 requests, each with its verdict
                           ?operation=…&verdict=…&reason=…&status=…&count=N
                           &wait=SECONDS
  GET    /requests/assert  the same and &exactly=N; 409 if they do not come
  DELETE /requests         delete them
  POST   /faults           add one fault or an array; GET, DELETE: those left
  POST   /clock            {\"advance_seconds\": N}; also GET
  POST   /sessions         {\"end_after_seconds\": N | null}; also GET
  POST   /revoke           {\"serial\": DECIMAL} or {\"certificate\": PEM}
  POST   /profiles         {\"arn\": ARN, \"enabled\": BOOL}
  POST   /trust-anchors    {\"arn\": ARN, \"enabled\": BOOL,
                           \"certificate\": PEM}; one of the last two or both
  POST   /secrets          {\"name\": NAME, \"value\": TEXT | OBJECT |
                           {\"SecretBinary\": BASE64}}
  GET    /state            what there is, and the settings above

Faults:
  {\"operation\": \"CreateSession\" | … | \"*\", \"times\": N (0: without end)} and
  any of \"status\", \"code\", \"message\", \"headers\": {}, \"body\",
  \"delay_ms\", \"cut\": true, \"cut_after\": BYTES, \"skew_seconds\"

Example:
  roles-anywhere-emulator serve --ready-file ./aws.env > /dev/null &
  until [ -e ./aws.env ]; do sleep 1; done; . ./aws.env
  curl -d '{\"operation\": \"CreateSession\", \"status\": 503}' \\
      $EMULATOR_CONTROL/faults
  aws sts get-caller-identity";
