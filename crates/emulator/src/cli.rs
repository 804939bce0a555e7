//! What was typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A local stand-in for the AWS side of IAM Roles Anywhere.
#[derive(Debug, Parser)]
#[command(
    name = "roles-anywhere-emulator",
    version,
    about = "Stands in for IAM Roles Anywhere, STS and Secrets Manager, and verifies every signature",
    after_help = "Examples:
  roles-anywhere-emulator run -- aws sts get-caller-identity
  roles-anywhere-emulator serve --port 8443
  roles-anywhere-emulator pki ./certs"
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Subcommands,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Subcommands {
    /// Runs a command in a clean world where AWS is the emulator
    ///
    /// Starts on free loopback ports with a fresh PKI in a private temporary directory, takes
    /// every inherited AWS_*, ROLES_ANYWHERE_* and proxy variable out of the environment, sets
    /// what the AWS CLI, the SDKs and the tool need, puts the tool first on PATH and runs CMD.
    /// Signals are passed on to it; the directory is gone afterwards.
    #[command(after_help = "Exit codes:
  CMD's own; 128+N if signal N ended it; 127 if there is no CMD, 126 if it cannot be run;
  125 if the emulator itself fails

Examples:
  roles-anywhere-emulator run -- aws sts get-caller-identity
  roles-anywhere-emulator run -- aws --profile rsa secretsmanager get-secret-value --secret-id prod/db-credentials
  roles-anywhere-emulator run -- sh -c 'roles-anywhere credential-process; curl -s $EMULATOR_CONTROL/requests'")]
    Run(Run),
    /// Serves in the foreground and prints what to export
    ///
    /// Prints lines of `export NAME='value'` to stdout, then serves until SIGINT or SIGTERM.
    #[command(after_help = "Control API, at $EMULATOR_CONTROL:
  GET    /requests       the latest 10,000: operation, verdict, reason, session, headers, body
  DELETE /requests       forgets it
  POST   /faults         one fault or an array; GET those left; DELETE all
  POST   /clock          {\"advance_seconds\": N}; GET
  POST   /sessions       {\"end_after_seconds\": N | null}
  POST   /revoke         {\"serial\": DECIMAL} | {\"certificate\": PEM}
  POST   /profiles       {\"arn\": ARN, \"enabled\": BOOL}
  POST   /trust-anchors  {\"arn\": ARN, \"enabled\": BOOL, \"certificate\": PEM}, one of them or both

Faults: {\"operation\": \"CreateSession\" | … | \"*\", \"times\": N (0: for ever), then any of
  \"status\", \"code\", \"message\", \"headers\": {}, \"body\", \"delay_ms\", \"cut\": true,
  \"cut_after\": BYTES, \"skew_seconds\"}

Example:
  roles-anywhere-emulator serve > exports &
  until grep -q EMULATOR_DIR exports; do sleep 1; done; . ./exports
  curl -d '{\"operation\": \"CreateSession\", \"status\": 503}' $EMULATOR_CONTROL/faults
  aws sts get-caller-identity")]
    Serve(Serve),
    /// Writes the PKI alone
    ///
    /// Trust anchors, leaves of every kind of key, leaves that are broken in one way each, and
    /// the certificate of the emulator's TLS. Takes a while: one of the keys is RSA-8192, which
    /// --no-rsa8192 leaves out.
    #[command(after_help = "Example:
  roles-anywhere-emulator pki ./certs && openssl x509 -in ./certs/leaf/p256.pem -noout -text")]
    Pki(PkiArguments),
    /// Becomes a command that ends with `run`; `run` starts it, and no person
    #[command(hide = true)]
    Exec(Exec),
}

/// What `run` and `serve` have in common.
#[derive(Debug, Args)]
pub struct AwsArguments {
    /// The tool that the AWS configuration names; the one beside this program by default
    #[arg(long, value_name = "PATH")]
    pub tool: Option<PathBuf>,
    /// Adds secrets: a JSON object of names and values
    ///
    /// A value is a string, an object (kept as its JSON text) or {"SecretBinary": BASE64}.
    #[arg(long, value_name = "FILE")]
    pub secrets: Option<PathBuf>,
    /// Begins with these faults: a JSON array of what POST /faults takes
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Is as lenient as production, and notes in the log what the documentation forbids
    #[arg(long)]
    pub lenient: bool,
    /// Ends every session N seconds after it is vended
    #[arg(long, value_name = "N")]
    pub session_seconds: Option<u64>,
}

/// `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// How the emulator behaves.
    #[command(flatten)]
    pub aws: AwsArguments,
    /// The command and its arguments
    #[arg(
        value_name = "CMD",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub command: Vec<OsString>,
}

/// `exec`.
#[derive(Debug, Args)]
pub struct Exec {
    /// The process id of `run`
    #[arg(long, value_name = "PID")]
    pub parent: i32,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<OsString>,
}

/// `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// How the emulator behaves.
    #[command(flatten)]
    pub aws: AwsArguments,
    /// Writes everything here and leaves it; a private temporary directory by default
    ///
    /// DIR is empty or not there yet, or what `serve` wrote before.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The port of AWS; any free one by default
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub port: u16,
    /// The port of the control API; any free one by default
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub control_port: u16,
}

/// `pki`.
#[derive(Debug, Args)]
pub struct PkiArguments {
    /// Where to write it
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Writes into a directory that has files in it, over those of the same names
    #[arg(long)]
    pub force: bool,
    /// Leaves out the RSA-8192 leaf, whose key is slow to make
    #[arg(long)]
    pub no_rsa8192: bool,
}
