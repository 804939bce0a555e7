//! Where the value of an option comes from.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::{FileName, KeyLocation, OptionSpec};

/// Where the value of an option comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// The command line.
    Flag(&'static OptionSpec),
    /// An environment variable of that name.
    Variable(&'static OptionSpec, &'static str),
    /// The configuration file.
    File(&'static OptionSpec, Arc<KeyLocation>),
    /// Nothing was given.
    Default(&'static OptionSpec),
}

impl Origin {
    /// Returns the first of the variables of an option that has some.
    pub fn variable(option: &'static OptionSpec) -> Self {
        option.variables().next().map_or(Self::Default(option), |name| Self::Variable(option, name))
    }

    /// Returns the option.
    pub fn option(&self) -> &'static OptionSpec {
        match self {
            Self::Flag(option)
            | Self::Variable(option, _)
            | Self::File(option, _)
            | Self::Default(option) => option,
        }
    }

    /// Returns the flag, the variable, or the key with its file and line.
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Flag(option) | Self::Default(option) => option.name.into(),
            Self::Variable(_, name) => (*name).into(),
            Self::File(_, location) => format!("{} in {}", key(location), line(location)).into(),
        }
    }

    /// Returns [`Origin::name`] with backticks around the flag, the variable or the key.
    pub fn quoted(&self) -> impl fmt::Display {
        match self {
            Self::File(_, location) => format!("`{}` in {}", key(location), line(location)),
            _ => format!("`{self}`"),
        }
    }

    /// Returns whether it is on the command line.
    pub fn is_flag(&self) -> bool {
        matches!(self, Self::Flag(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default(option) => write!(f, "the default of {option}"),
            Self::Flag(_) | Self::Variable(..) | Self::File(..) => f.write_str(&self.name()),
        }
    }
}

/// Returns the whole name of a key: `role.backup.timeout`.
fn key(KeyLocation { table, key, .. }: &KeyLocation) -> String {
    if table.is_empty() { (*key).to_owned() } else { format!("{table}.{key}") }
}

/// Returns the file and the line of a key: `/etc/roles-anywhere/config.toml:12`.
fn line(location: &KeyLocation) -> String {
    format!("{}:{}", FileName(&location.file), location.line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::table::transport::TIMEOUT;
    use std::path::Path;

    #[test]
    fn is_named_as_it_was_given() {
        let file: Arc<Path> = Path::new("/etc/roles-anywhere/config.toml").into();
        let location =
            KeyLocation { file, table: "role.backup".into(), key: "timeout", line: 12, column: 1 };
        let rows = [
            (Origin::Flag(&TIMEOUT), "--timeout", "`--timeout`"),
            (Origin::variable(&TIMEOUT), "ROLES_ANYWHERE_TIMEOUT", "`ROLES_ANYWHERE_TIMEOUT`"),
            (
                Origin::File(&TIMEOUT, Arc::new(location)),
                "role.backup.timeout in /etc/roles-anywhere/config.toml:12",
                "`role.backup.timeout` in /etc/roles-anywhere/config.toml:12",
            ),
        ];
        for (origin, name, quoted) in rows {
            assert_eq!(origin.name(), name);
            assert_eq!(origin.to_string(), name);
            assert_eq!(origin.quoted().to_string(), quoted);
        }
        let default = Origin::Default(&TIMEOUT);
        assert_eq!(default.name(), "--timeout");
        assert_eq!(default.quoted().to_string(), "`the default of --timeout`");
    }
}
