//! Fakes of the ports and values for tests, of this crate and of those that use it.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on fails"
)]

pub mod blocking;
pub mod cert_builder;
pub mod clock;
pub mod entropy;
pub mod files;
pub mod parsers;
pub mod password;
pub mod ports;
pub mod service_fixture;
pub mod session;
pub mod simulation;
pub mod transport;
