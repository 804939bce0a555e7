//! What is wrong with a credentials file and left to its owner: `update` only warns.

use std::fmt;

use crate::credentials_file::conflicts::Conflict;
use crate::credentials_file::reconcile::NotSettled;

/// A problem of a file that was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FileWarning {
    /// Other users can read it.
    Readable {
        /// Its permissions.
        mode: u32,
    },
    /// Clients will use other credentials than those that were written.
    Conflict(Conflict),
    /// Another program may still write to the file that was replaced.
    Unfinished(NotSettled),
}

impl fmt::Display for FileWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Readable { mode } => {
                write!(
                    f,
                    "the credentials file is readable by other users (mode {mode:04o}): run `chmod go= FILE`"
                )
            }
            Self::Conflict(conflict) => conflict.fmt(f),
            Self::Unfinished(reason) => write!(
                f,
                "another program is still writing the credentials file that was replaced, and what it writes now is lost: {reason}"
            ),
        }
    }
}
