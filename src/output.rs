//! What a user reads: errors with their hints and exit codes, and the log.

pub mod error;
pub mod log;
pub mod report;
pub mod run;
pub mod table;
pub mod usage;
pub mod waiting;

/// The kind of standard output.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stdout {
    /// A terminal: a newline is added to a text.
    Terminal,
    /// A pipe or a file: nothing is added.
    Stream,
}
