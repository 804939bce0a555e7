//! The emulator from outside: over TLS, through its control API, and as a program.

#![expect(clippy::disallowed_methods, reason = "a test is its own edge")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, as the test does")]

mod access_keys;
#[cfg(unix)]
mod aws_side;
mod client;
#[cfg(unix)]
mod command_line;
#[cfg(unix)]
mod completions;
mod config;
mod faults;
mod http;
mod network;
#[cfg(unix)]
mod parameters;
mod program;
mod secret_reads;
mod secret_writes;
mod secrets;
#[cfg(unix)]
mod served;
mod sessions;
mod signer;
mod sts;
