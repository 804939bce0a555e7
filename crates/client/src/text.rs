//! Text that people read: what is escaped, what is not shown.

pub(crate) mod base64;
pub mod disclosure;
pub mod escape;
pub mod path;
pub mod redact;
