//! What a user reads: errors with their hints and exit codes, and the log.

pub mod error;
pub mod log;
pub mod usage;
