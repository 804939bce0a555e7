//! The command line: its commands, and the options of each in groups.

mod aws_side;
mod behaviour;
mod completion;
mod network;
mod output;
mod pki;
mod run;
mod serve;
mod show;
mod usage_error;

use clap::{Parser, Subcommand};

pub use aws_side::{AwsSide, ResourceFiles};
pub use behaviour::Behaviour;
pub use completion::Completion;
pub use network::NetworkOptions;
pub use output::Output;
pub use pki::WritePki;
pub use run::{Exec, Run};
pub use serve::Serve;
pub use show::{OutputFormat, Show};
pub use usage_error::usage_error;

/// A local emulator of the AWS side of IAM Roles Anywhere.
#[derive(Debug, Parser)]
#[command(
    name = "roles-anywhere-emulator",
    version,
    about = "Emulates IAM Roles Anywhere, STS, Secrets Manager and Parameter Store, and verifies \
             every signature",
    after_help = "\
Examples:
  roles-anywhere-emulator run -- aws sts get-caller-identity
  roles-anywhere-emulator serve --port 8443
  roles-anywhere-emulator pki ./certs"
)]
pub struct Arguments {
    /// The command.
    #[command(subcommand)]
    pub command: Commands,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Commands {
    /// Run a command with the emulator in place of AWS
    #[command(long_about = run::LONG_ABOUT)]
    Run(Run),
    /// Serve until SIGINT or SIGTERM, and print the variables to export
    #[command(long_about = serve::LONG_ABOUT)]
    Serve(Serve),
    /// Write the test certificates and keys to a directory
    #[command(long_about = pki::LONG_ABOUT)]
    Pki(WritePki),
    /// Show what AWS holds: trust anchors, profiles, roles, users, secrets and certificates
    Show(Show),
    /// Print the JSON Schema of the file for `--config`
    #[command(after_help = show::SCHEMA_AFTER_HELP)]
    Schema,
    /// Print a completion script
    Completion(Completion),
    /// Print the version
    Version,
    /// Start the command of `run` so that it ends when `run` ends (for internal use)
    #[command(hide = true)]
    Exec(Exec),
}
