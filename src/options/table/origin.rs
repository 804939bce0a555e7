//! Where the value of an option comes from.

use std::fmt;

use super::OptionSpec;

/// Where the value of an option comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// The command line.
    Flag(&'static OptionSpec),
    /// An environment variable of that name.
    Variable(&'static OptionSpec, &'static str),
    /// Nothing was given.
    Default(&'static OptionSpec),
}

impl Origin {
    /// Returns the first of the variables of an option that has some.
    pub fn variable(option: &'static OptionSpec) -> Self {
        option.variables().next().map_or(Self::Default(option), |name| Self::Variable(option, name))
    }

    /// Returns the option.
    pub fn option(self) -> &'static OptionSpec {
        match self {
            Self::Flag(option) | Self::Variable(option, _) | Self::Default(option) => option,
        }
    }

    /// Returns the flag or the variable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flag(option) | Self::Default(option) => option.name,
            Self::Variable(_, name) => name,
        }
    }

    /// Returns whether it is on the command line.
    pub fn is_flag(self) -> bool {
        matches!(self, Self::Flag(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default(option) => write!(f, "the default of {option}"),
            Self::Flag(_) | Self::Variable(..) => f.write_str(self.name()),
        }
    }
}
