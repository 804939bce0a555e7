//! The AWS shared credentials file, `~/.aws/credentials`, and the configuration file beside it.
//!
//! [`ini`] edits the text of the former, and [`conflicts`] finds what else a profile holds. [`config_copy`]
//! leaves the credentials out of the latter. They are pure. [`port`] is how a file is read and written, and
//! [`reconcile`] decides when, beside other programs that write it.

pub mod config_copy;
pub mod conflicts;
pub mod ini;
pub mod key_comment;
mod line;
mod merge;
pub mod port;
mod profile_credentials;
pub mod reconcile;
mod syntax;
pub mod values;

pub use ini::{ProfileError, ProfileName, ProfileNameError, replace};
pub use profile_credentials::ProfileCredentials;
pub use syntax::SyntaxError;
