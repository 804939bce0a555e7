//! Options for how AWS behaves.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// How AWS behaves.
#[derive(Debug, Args)]
#[command(next_help_heading = "Behaviour")]
pub struct Behaviour {
    /// Accept what AWS accepts in production although its documentation forbids it
    ///
    /// What was accepted is listed as `tolerated` in the request log.
    #[arg(long)]
    pub lenient: bool,
    /// Inject the faults of a JSON array from the start
    ///
    /// Each element is what POST /faults of the control API takes.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub faults: Option<PathBuf>,
    /// End every session N seconds after it was issued
    #[arg(long, value_name = "N", value_parser = seconds)]
    pub session_seconds: Option<u64>,
}

fn seconds(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "expected a whole number of seconds")
}
