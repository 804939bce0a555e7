//! The program: what a person types, runs and reads.
//!
//! [`roles_anywhere_client`] does the exchange. ARCHITECTURE.md says which file to open.

pub mod app;
pub mod command;
pub mod credentials_file;
pub mod daemon;
pub mod options;
pub mod os;
pub mod output;
pub mod private_dir;
pub mod server;
pub mod session_cache;
#[cfg(test)]
mod test_support;
