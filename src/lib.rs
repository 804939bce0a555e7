//! Trades an X.509 identity for short-lived AWS credentials.
//!
//! Read [`provider::RolesAnywhere::fetch`] first: the five steps from certificate to credentials.
//! Everything else is a step made precise, or a way out. ARCHITECTURE.md says which file to open.

pub mod arn;
pub mod aws;
pub mod command;
pub mod credentials;
pub mod credentials_file;
pub mod daemon;
pub mod diagnosis;
pub mod encoding;
pub mod http;
pub mod identity;
pub mod input_source;
pub mod key;
pub mod options;
pub mod os;
pub mod output;
pub mod password;
pub mod ports;
pub mod provider;
pub mod refresh;
pub mod region;
pub mod secret;
pub mod server;
pub mod session_cache;
pub mod sigv4;
pub mod text;
pub mod time;
pub mod x509;
