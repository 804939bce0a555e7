//! The AWS shared credentials file, `~/.aws/credentials`.
//!
//! [`ini`] edits its text and [`conflicts`] finds what else a profile holds; both are pure. [`port`] is
//! how a file is read and written, and [`reconcile`] decides when, beside other programs that write it.

pub mod config_copy;
pub mod conflicts;
pub mod ini;
mod line;
mod merge;
pub mod port;
pub mod reconcile;
mod syntax;
pub mod values;

pub use ini::{ProfileError, ProfileName, ProfileNameError, replace};
pub use syntax::SyntaxError;
