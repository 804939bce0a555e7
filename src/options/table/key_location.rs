//! Where a value is in the configuration file.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use roles_anywhere_client::text::disclosure::{Sensitivity, shown};

/// The location of a value in the configuration file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyLocation {
    /// The file.
    pub file: Arc<Path>,
    /// Its table as messages show it: `role.backup`; empty for the keys above the first table.
    pub table: Arc<str>,
    /// Its key: `certificate`.
    pub key: &'static str,
    /// The line of the key, from 1.
    pub line: u32,
    /// The column of the key in characters, from 1.
    pub column: u32,
}

impl KeyLocation {
    /// Returns the heading of its table in backticks, its file and its line.
    pub fn quoted_table(&self) -> impl fmt::Display {
        format!("`[{}]` in {}:{}", self.table, FileName(&self.file), self.line)
    }
}

/// Writes `role.backup.certificate (/etc/roles-anywhere/config.toml:12)`.
impl fmt::Display for KeyLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.table.is_empty() {
            write!(f, "{}.", self.table)?;
        }
        write!(f, "{} ({}:{})", self.key, FileName(&self.file), self.line)
    }
}

/// The name of a configuration file in messages.
#[derive(Clone, Copy, Debug)]
pub struct FileName<'a>(pub &'a Path);

impl fmt::Display for FileName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It exists, as it was read; what looks like a key is not shown nevertheless.
        let path = self.0.to_string_lossy();
        f.write_str(shown(&path, Sensitivity::Public, || true).value().unwrap_or("the file"))
    }
}
