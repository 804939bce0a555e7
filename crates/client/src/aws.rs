//! The AWS APIs that this tool calls: endpoints, request builders and response parsers, no I/O.

pub mod assume_role;
pub mod batch_get_secret_value;
pub mod create_access_key;
pub mod create_session;
pub mod delete_access_key;
pub mod describe_secret;
pub mod endpoint;
pub mod error_response;
pub mod get_access_key_last_used;
pub mod get_caller_identity;
pub mod get_parameter;
pub mod get_parameters;
pub mod get_parameters_by_path;
pub mod get_random_password;
pub mod get_secret_value;
mod issued_credentials;
pub mod json_protocol;
pub mod list_access_keys;
pub mod list_secrets;
pub mod parameter;
pub mod put_secret_value;
pub mod query_protocol;
pub mod retry;
pub mod secret_description;
pub mod update_access_key;
pub mod update_secret_version_stage;
