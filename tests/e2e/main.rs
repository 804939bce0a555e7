//! The end-to-end tests, in one binary: one link, and one place to look.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests may panic, read files and start programs"
)]

mod access_keys;
mod architecture;
mod audit;
mod cache;
mod certificate_data;
mod certificate_files;
mod chains;
mod client;
mod command_lines;
mod completions;
mod configuration;
mod connect_ahead;
mod credential_process;
mod daemon;
mod diagnostic;
mod edited_files;
mod environment;
mod error_format;
mod exec;
mod exec_endpoint;
mod exec_rotation;
mod exec_values;
mod export;
mod fault;
mod file_errors;
mod help;
mod hints;
mod identity_files;
mod key_files;
mod key_read_once;
mod leak;
mod machine;
mod manual;
mod mask;
mod offline_copies;
mod parameters;
mod refusals;
mod region_fallback;
mod registered;
mod render;
mod render_watch;
mod resolve;
mod responses;
mod reveal;
mod role_chain;
mod roles;
mod rotation;
mod script_steps;
mod scripts;
mod secrecy;
mod secret_get;
mod secrets;
mod secrets_cache;
mod secrets_race;
mod serve;
mod serve_roles;
mod serve_secrets;
mod serve_secrets_reload;
mod several_secrets;
mod slow_identity;
mod sources;
mod terminal;
mod through_serve;
mod time_travel;
mod transport;
mod unknown_variables;
mod update;
mod update_roles;
mod usage;
mod watch;
mod wording;
