//! Trades an X.509 identity for short-lived AWS credentials.
//!
//! Read [`provider::RolesAnywhere::fetch`] first: the five steps from certificate to credentials.
//! Everything else is a step made precise, or a way out. ARCHITECTURE.md says which file to open.

pub mod arn;
pub mod aws;
pub mod ber;
pub mod board;
pub mod bundle;
pub mod cache;
pub mod call;
pub mod certificate;
pub mod cli;
pub mod command;
pub mod credentials;
pub mod diagnosis;
mod encoding;
pub mod engine;
pub mod error;
pub mod files;
pub mod generation;
pub mod http;
pub mod identity;
pub mod key;
pub mod legible;
pub mod log;
pub mod native;
pub mod os;
pub mod password;
pub mod pem;
pub mod pkcs12;
pub mod pkcs7;
pub mod profile;
pub mod provider;
pub mod redact;
pub mod refresh;
pub mod region;
pub mod reveal;
pub mod secret;
pub mod serve;
pub mod signer;
pub mod sigv4;
pub mod time;
pub mod usage;
pub mod world;
