//! Sessions kept on disk between runs.

use std::path::PathBuf;

/// Where sessions are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// They are not.
    Nowhere,
    /// In this directory, which belongs to this user alone; it is made where there is none.
    Directory(PathBuf),
}
