//! What cannot be taken over of the agent's configuration.

use std::fmt;

/// What cannot be taken over. It has no value of the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AgentMistake {
    /// A key that the agent does not know either.
    Unknown {
        /// The key, if it may be shown.
        key: Option<Box<str>>,
        /// The key that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A key that nothing here stands for.
    NoCounterpart {
        /// The key.
        key: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// A value that the agent does not take either.
    Value {
        /// The key.
        key: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// An entry without a required key.
    Missing {
        /// The key.
        key: &'static str,
    },
    /// Keys at the top beside `[capabilities]` or `[logging]`.
    BothForms,
}

impl AgentMistake {
    /// Returns the key as an excerpt of the file shows it.
    pub(super) fn key(&self) -> Option<Box<str>> {
        match self {
            Self::Unknown { key, .. } => key.clone(),
            Self::NoCounterpart { key, .. } | Self::Value { key, .. } => Some((*key).into()),
            Self::Missing { .. } | Self::BothForms => None,
        }
    }

    /// Returns the text beside the marker: what to do.
    pub fn label(&self) -> Option<String> {
        match self {
            Self::Unknown { nearest, .. } => {
                nearest.map(|nearest| format!("did you mean `{nearest}`?"))
            }
            Self::NoCounterpart { instead, .. } => Some((*instead).to_owned()),
            Self::BothForms => Some("move it into its table, as the agent requires too".to_owned()),
            Self::Value { .. } | Self::Missing { .. } => None,
        }
    }
}

impl fmt::Display for AgentMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { key: Some(key), .. } => {
                write!(f, "unknown key `{key}` in the configuration of the agent")
            }
            Self::Unknown { key: None, .. } => {
                f.write_str("unknown key (not shown, as it may be a secret)")
            }
            Self::NoCounterpart { key, .. } => {
                write!(f, "`{key}` has no counterpart in `[secrets]`")
            }
            Self::Value { key, expected } => {
                write!(f, "invalid value for `{key}`: expected {expected}")
            }
            Self::Missing { key } => write!(f, "missing key `{key}`"),
            Self::BothForms => f.write_str("keys above the first table cannot be used together with `[logging]` or `[capabilities]`"),
        }
    }
}
