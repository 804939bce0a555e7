//! What its owner should mend about a credentials file; `update` says so and leaves it as it is.

use std::fmt;

/// Something that is wrong with a file that was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Caveat {
    /// Others than its owner can read it.
    Readable {
        /// Its permissions.
        mode: u32,
    },
    /// The profile holds the session token under its old name, too.
    OldToken,
}

impl fmt::Display for Caveat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Readable { mode } => {
                write!(f, "the credentials file can be read by others (mode {mode:04o})")
            }
            Self::OldToken => f.write_str(
                "the AWS CLI and boto3 take the profile's `aws_security_token` before the session token: remove that line",
            ),
        }
    }
}
