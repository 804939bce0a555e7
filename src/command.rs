//! The subcommands. Each is a straight line from a provider to the outside.

pub mod credential_process;
pub mod secret_get;
