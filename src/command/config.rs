//! `config …`: check, show, describe and make the configuration file.

pub mod check;
pub mod import;
pub mod schema;
pub mod show;
