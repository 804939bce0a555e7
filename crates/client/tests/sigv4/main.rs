//! The signature against vectors that other code made, and against AWS's own crate.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests may panic and read files"
)]

mod canonical;
mod vectors;
