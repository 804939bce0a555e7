//! The options: their table, how they are typed, and the settings that are read from them.
//!
//! What several commands share is read here; a command reads its own options itself.

pub mod access_key;
pub mod arguments;
pub mod cache;
pub mod clap_error;
pub mod command_line;
pub mod config_check;
pub mod config_file;
pub mod daemon;
pub mod duration;
pub mod error_format;
pub mod exec_table_values;
pub mod fallback;
pub mod follow;
pub mod given_values;
pub mod help;
pub mod identity;
pub mod kubernetes_service;
pub mod on_rotate;
pub mod process_command;
pub mod program_variables;
pub mod reference_reader;
pub mod reference_roles;
pub mod references;
pub mod role_chain;
pub mod role_values;
pub mod roles;
pub mod runtime_dir;
pub mod secret_output;
pub mod secrets_endpoint;
pub mod secrets_table_values;
pub mod services;
pub mod session;
pub mod session_plan;
pub mod settings;
pub mod shared_credentials;
pub mod suggestion;
pub mod table;
pub mod transport;
pub mod variables;
