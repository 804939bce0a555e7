//! `completion`.

use clap::Args;
use clap_complete::Shell;

/// The options of `completion`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Completion {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

const AFTER_HELP: &str = "\
Example:
  roles-anywhere-emulator completion bash \\
      > /etc/bash_completion.d/roles-anywhere-emulator";
