//! The real clock, file system, network and terminal. Only `main` imports this module.

mod access;
pub mod clock;
pub mod credentials_file;
mod descriptor;
pub mod environment;
#[cfg(unix)]
pub mod events;
pub mod files;
pub mod listener;
pub mod log;
pub mod password;
mod path;
pub mod private_dir;
pub mod process;
pub mod random;
mod secret_file;
pub mod stdio;
#[cfg(unix)]
pub mod supervisor;
pub mod token_file;
