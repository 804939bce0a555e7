//! Mistakes in a policy, with their positions.

use std::fmt;

use thiserror::Error;

use crate::nearest::did_you_mean;

/// Every mistake of a policy, in the order of the document. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicyErrors(pub(super) Vec<PolicyError>);

impl PolicyErrors {
    /// Returns the mistakes.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, PolicyError> {
        self.0.iter()
    }

    pub(super) fn forget_positions(&mut self) {
        for error in &mut self.0 {
            error.position = None;
        }
    }
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyErrors {}

/// One mistake. It reads `3:5: Statement[1].Effect: expected …`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) struct PolicyError {
    /// The path of the element, such as `Statement[1].Condition.StringEquals`; empty for the whole document.
    pub(crate) path: String,
    /// The position in the text, if the policy was read from text.
    pub(crate) position: Option<Position>,
    /// The mistake.
    pub(crate) mistake: Mistake,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(formatter, "{position}: ")?;
        }
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        write!(formatter, "{}", self.mistake)
    }
}

/// A line and a column in a text, both counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}

/// A mistake in one element of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Mistake {
    #[error("not valid JSON: {0}")]
    Syntax(String),
    #[error("expected {expected}, not {found}")]
    Kind { expected: &'static str, found: &'static str },
    #[error("invalid value `{value}`: expected {expected}")]
    Value { value: String, expected: &'static str },
    #[error("this name is already used in the same object")]
    Duplicate,
    #[error("unknown element{}", did_you_mean(*.nearest))]
    Unknown { nearest: Option<&'static str> },
    #[error("unknown condition operator{}", did_you_mean(.nearest.as_deref()))]
    UnknownOperator { nearest: Option<String> },
    #[error("this key can have several values: use `ForAnyValue:` or `ForAllValues:`")]
    Quantifier,
    #[error("another statement has the same Sid")]
    SidUsed,
    #[error("`NotPrincipal` can be used with `Deny` only")]
    NotPrincipalAllows,
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("is empty")]
    Empty,
    #[error("`{0}` and `{1}` cannot be used together")]
    Both(&'static str, &'static str),
    #[error("not allowed in {0}")]
    NotAllowed(&'static str),
}
