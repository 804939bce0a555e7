//! A local stand-in for the AWS side of IAM Roles Anywhere: CreateSession, STS, IAM, Secrets Manager
//! and Parameter Store on a loopback port, with a PKI of its own and every signature verified by other
//! code than the tool signs with. It never imports the tool.
//!
//! Read [`Emulator`] first. A request goes `server` → `service` → `create_session`, `sts`, `iam`,
//! `secrets` or `parameters`; what changes is in `state`; `control` is how tests and people reach it.

#![cfg_attr(not(unix), expect(dead_code, reason = "the program is for Unix, the library is not"))]

mod account;
mod arn;
mod authorization;
mod aws_files;
mod body;
mod caller;
mod canonical;
#[cfg(unix)]
pub mod cli;
mod clock;
#[cfg(unix)]
pub mod command;
mod config;
mod control;
mod create_session;
mod date;
#[cfg(test)]
mod documentation;
mod emulator;
mod environment;
mod error;
mod fault;
mod fields;
mod guard;
mod headers;
mod iam;
mod json;
mod json_call;
mod json_members;
mod kms;
#[cfg(unix)]
mod line_printer;
mod log;
mod message;
mod nearest;
mod network;
mod os;
mod paging;
mod parameters;
pub mod pki;
mod policy;
mod printable;
mod query;
#[cfg(unix)]
mod ready_file;
mod refusal;
mod resource_access;
#[cfg(unix)]
mod run;
mod secrets;
mod server;
mod service;
mod session;
mod show;
mod signature;
mod sigv4;
mod state;
mod sts;
mod trust;
mod uuid;
mod x509;

pub use account::{
    ACCOUNT, DEEP_ROLE_ARN, INTERMEDIATE_ANCHOR_ARN, NO_SECRETS_ROLE_ARN, NO_TRUST_ROLE_ARN,
    PROFILE_ARN, REGION, ROLE_ARN, SECOND_ROLE_ARN, SHORT_LIVED_ROLE_ARN, SHORT_PROFILE_ARN,
    TRUST_ANCHOR_ARN, USER_ARN,
};
pub use aws_files::AwsFiles;
pub use config::{ConfigErrors, schema};
pub use emulator::{Emulator, Options};
pub use error::Error;
pub use fields::FieldError;
pub use log::RequestObserver;
pub use network::{Network, TlsMode};
pub use secrets::seed::SeedError;
