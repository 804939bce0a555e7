//! The AWS APIs that this tool calls: endpoints, request builders and response parsers, no I/O.

pub mod assume_role;
pub mod create_session;
pub mod endpoint;
pub mod error_response;
pub mod get_secret_value;
mod issued_credentials;
mod query_protocol;
pub mod retry;
