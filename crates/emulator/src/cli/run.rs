//! `run`, and `exec`, which it starts.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{AwsSide, Behaviour, NetworkOptions, Output};

/// The options of `run`.
#[derive(Debug, Args)]
#[command(
    after_help = AFTER_HELP
)]
pub struct Run {
    /// The command and its arguments
    #[arg(
        value_name = "CMD",
        required = true,
        trailing_var_arg = true,
        value_hint = ValueHint::CommandWithArguments
    )]
    pub command: Vec<OsString>,
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
    /// The roles-anywhere program to put on PATH and into the AWS configuration
    ///
    /// [default: the one in the directory of this program]
    #[arg(long, value_name = "PATH", help_heading = "Client", value_hint = ValueHint::ExecutablePath)]
    pub tool: Option<PathBuf>,
}

pub(super) const LONG_ABOUT: &str = "\
Run a command with the emulator in place of AWS

Starts the emulator on free loopback ports, with new test certificates in a private temporary \
directory, and runs CMD. CMD inherits the environment without AWS_*, ROLES_ANYWHERE_* and proxy \
variables; the variables that the AWS CLI, the SDKs and roles-anywhere need are added. If \
roles-anywhere is in the directory of this program, it is first on PATH. Signals are passed on to \
CMD. The directory is removed at the end.";

const AFTER_HELP: &str = "\
Exit codes:
  the exit code of CMD; 128+N if signal N ended it
  127  CMD was not found
  126  CMD cannot be run
  125  the emulator failed

Examples:
  roles-anywhere-emulator run -- aws sts get-caller-identity
  roles-anywhere-emulator run -- aws --profile rsa secretsmanager \\
      get-secret-value --secret-id prod/db-credentials
  roles-anywhere-emulator run -- sh -c \\
      'roles-anywhere credential-process; curl -s $EMULATOR_CONTROL/requests'";

/// The options of `exec`.
#[derive(Debug, Args)]
pub struct Exec {
    /// The process id of `run`
    #[arg(long, value_name = "PID")]
    pub parent: i32,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<OsString>,
}
