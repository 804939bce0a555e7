//! The subcommands. Each is a straight line from a provider to the outside.

pub mod cache;
pub mod credential_process;
pub mod read_certificate_data;
pub mod secret_get;
pub mod serve;
pub mod sign_string;
pub mod update;
