//! What a user reads: errors with their hints and exit codes, and the log.

pub mod access_key;
pub mod aws_document;
pub mod empty_list;
pub mod error;
pub mod follow;
pub mod formats;
pub mod json;
pub mod log;
pub mod masking;
pub mod program;
pub mod references;
pub mod report;
pub mod rotation;
pub mod run;
pub mod served;
pub mod table;
pub mod usage;
pub mod waiting;

use roles_anywhere_client::secret::SecretBytes;

/// What a run ends with that did not fail.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What to print on standard output.
    pub output: SecretBytes,
    /// The exit code of the program.
    pub exit_code: u8,
}

impl From<SecretBytes> for Outcome {
    fn from(output: SecretBytes) -> Self {
        Self { output, exit_code: 0 }
    }
}

impl From<String> for Outcome {
    fn from(output: String) -> Self {
        SecretBytes::new(output.into_bytes()).into()
    }
}

/// The kind of standard output.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stdout {
    /// A terminal: a newline is added to a text.
    Terminal,
    /// A pipe or a file: nothing is added.
    Stream,
}
