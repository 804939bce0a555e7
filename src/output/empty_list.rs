//! A list without entries: an error if it would be written as variables, else a note beside the table.

use std::fmt;

use crate::output::error::Error;
use roles_anywhere_client::aws::get_parameters_by_path::PathDepth;
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::text::disclosure::{DisplayValue, Sensitivity, shown};

/// There is nothing of what was asked for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there are no {entries} in {region}")]
pub struct EmptyListError {
    /// What was asked for.
    pub entries: ListedEntries,
    /// The Region.
    pub region: Region,
}

/// The entries of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ListedEntries {
    /// Parameters.
    Parameters {
        /// The path above them.
        path: String,
        /// How deep they are below it.
        depth: PathDepth,
    },
    /// Secrets.
    Secrets {
        /// What their names start with.
        prefix: Option<String>,
    },
}

impl fmt::Display for ListedEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameters { path, depth: PathDepth::OneLevel } => {
                write!(f, "parameters directly below {}", Named(path, "the path"))
            }
            Self::Parameters { path, depth: PathDepth::AllLevels } => {
                write!(f, "parameters below {}", Named(path, "the path"))
            }
            Self::Secrets { prefix: Some(prefix) } => {
                let prefix = Named(prefix, "the prefix");
                write!(f, "secrets with a name that starts with {prefix}")
            }
            Self::Secrets { prefix: None } => f.write_str("secrets"),
        }
    }
}

/// A value, or what it is if it may not be shown.
struct Named<'a>(&'a str, &'static str);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match shown(self.0, Sensitivity::Public, || false) {
            DisplayValue::Value(value) => write!(f, "`{value}`"),
            DisplayValue::Hidden(_) => f.write_str(self.1),
        }
    }
}

impl EmptyListError {
    fn hint(&self) -> &'static str {
        match self.entries {
            ListedEntries::Parameters { depth: PathDepth::OneLevel, .. } => {
                "check the path and `--region`, or pass `--recursive` for all levels below it"
            }
            ListedEntries::Parameters { depth: PathDepth::AllLevels, .. } => {
                "check the path and `--region`; `parameter get` reads a parameter by its name"
            }
            ListedEntries::Secrets { prefix: Some(_) } => {
                "check the prefix, which is case-sensitive, and `--region`"
            }
            ListedEntries::Secrets { prefix: None } => "check `--region`",
        }
    }

    /// Returns the note beside an empty table, without a newline.
    pub fn note(self) -> String {
        let error = Error::from(self);
        let hints = error.printed_hints();
        format!("note: {}\n  hint: {}", error.reasons().join(": "), hints.join("; "))
    }
}

impl From<EmptyListError> for Error {
    fn from(error: EmptyListError) -> Self {
        let hint = error.hint();
        Self::new(ErrorKind::Refused, error).hint(hint)
    }
}
