//! Where variables come from, and which of them win.

use std::fmt;
use std::sync::Arc;

use crate::options::table::{FileName, KeyLocation, OptionSpec};

/// Where a variable comes from.
#[derive(Clone, Debug)]
pub enum VariableOrigin {
    /// An option whose value is `NAME=…`.
    Flag(&'static OptionSpec),
    /// A line of a file of `--env-file`.
    EnvFile {
        /// The file, as a message may show it.
        file: Arc<str>,
        /// The line, from 1.
        line: u32,
    },
    /// `[exec.NAME]` of the configuration file.
    ConfigFile(Arc<KeyLocation>),
    /// A container definition of ECS.
    TaskDefinition {
        /// The element: `secrets[2]`.
        element: Arc<str>,
        /// The file, as a message may show it.
        file: Arc<str>,
    },
    /// A member of the value of a reference of `--from`.
    Member {
        /// The reference, as a message may show it.
        reference: Arc<str>,
        /// The name of the member, as a message may show it.
        key: Arc<str>,
    },
    /// The environment of the caller.
    Inherited,
}

/// A source of variables; a later one replaces the values of those before it. Two values of one source
/// collide.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum VariableSource {
    /// The environment of the caller.
    Inherited,
    /// All `--from`.
    From,
    /// The container definition.
    TaskDefinition,
    /// `[exec.NAME]`.
    ConfigFile,
    /// All `--env-file`.
    EnvFile,
    /// `--env` and `--file`.
    CommandLine,
}

impl VariableOrigin {
    /// Returns the source that it belongs to.
    pub fn source(&self) -> VariableSource {
        match self {
            Self::Flag(_) => VariableSource::CommandLine,
            Self::EnvFile { .. } => VariableSource::EnvFile,
            Self::ConfigFile(_) => VariableSource::ConfigFile,
            Self::TaskDefinition { .. } => VariableSource::TaskDefinition,
            Self::Member { .. } => VariableSource::From,
            Self::Inherited => VariableSource::Inherited,
        }
    }
}

/// Writes `--env`, `app.env:3` or `exec.web.env in /etc/roles-anywhere/config.toml:12`.
impl fmt::Display for VariableOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(option) => write!(f, "`{option}`"),
            Self::EnvFile { file, line } => write!(f, "line {line} of {file}"),
            Self::ConfigFile(location) => {
                let KeyLocation { file, table, key, line, .. } = &**location;
                write!(f, "`{table}.{key}` in {}:{line}", FileName(file))
            }
            Self::TaskDefinition { element, file } => write!(f, "`{element}` in {file}"),
            Self::Member { reference, key } => write!(f, "member {key} of `{reference}`"),
            Self::Inherited => f.write_str("the environment"),
        }
    }
}
