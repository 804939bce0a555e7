//! Options for what is printed.

use clap::Args;

/// What is printed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Print a line for each request to standard error
    ///
    /// Time (UTC), operation, HTTP status, verdict, role and session, and the reason of a refusal.
    #[arg(long, short)]
    pub verbose: bool,
}
