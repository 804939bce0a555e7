//! `config …`: check, describe and make the configuration file.

pub mod import;
pub mod schema;
