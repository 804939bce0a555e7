//! The program: what a person types, runs and reads.
//!
//! [`roles_anywhere_client`] does the exchange. ARCHITECTURE.md says which file to open.

use roles_anywhere_pow as _;

pub mod app;
pub mod command;
pub mod config;
pub mod credentials_file;
pub mod daemon;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod error_texts;
pub mod follow;
pub mod offline_copy;
pub mod options;
pub mod os;
pub mod output;
pub mod private_dir;
pub mod rotation;
pub mod secrets;
pub mod secrets_cache;
pub mod server;
pub mod session_cache;
#[cfg(test)]
mod test_support;
