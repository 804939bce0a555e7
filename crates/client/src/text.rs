//! Text for users: escaping, and what must not be shown.

pub(crate) mod base64;
pub mod disclosure;
pub mod escape;
pub mod path;
pub(crate) mod redact;
