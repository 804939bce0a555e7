//! What tests of several crates share: fakes of the client's ports, and certificates.
//!
//! The fakes are compiled into the client, behind its feature `test-support`, because its own unit
//! tests use them too: from another crate they would implement the ports of a second copy of it.
//! Fakes of the program's own ports are in its `src/test_support.rs` for the same reason.

pub use roles_anywhere_client::test_support::*;
