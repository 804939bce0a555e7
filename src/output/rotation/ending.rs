//! What a run has done, and what one would do.

use std::fmt::Write as _;

use super::{RotationStep, RotationStrategy};
use roles_anywhere_client::time::Timestamp;

/// How a run has ended that did not fail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ending {
    /// The secret was rotated.
    Rotated {
        /// The version that is the current one now.
        version: String,
    },
    /// The rotation of an interrupted run had only to be tidied up.
    WasRotated {
        /// The version that is the current one.
        version: String,
    },
    /// The current version is not old enough.
    HeldBack {
        /// When it was made.
        created: Timestamp,
        /// When it is old enough.
        due: Timestamp,
    },
    /// The pending version was removed.
    Aborted,
    /// There is no pending version.
    NothingToAbort,
}

impl Ending {
    /// Returns it in one line for people.
    pub fn text(&self, secret: &str) -> String {
        match self {
            Self::Rotated { version } => {
                format!("rotated `{secret}`: AWSCURRENT is the version {version}\n")
            }
            Self::WasRotated { version } => format!(
                "`{secret}` was rotated by an interrupted run: AWSCURRENT is the version {version}\n"
            ),
            Self::HeldBack { created, due } => {
                format!("`{secret}` is not rotated: its version of {created} is due on {due}\n")
            }
            Self::Aborted => {
                format!("the rotation of `{secret}` is aborted: AWSCURRENT is unchanged\n")
            }
            Self::NothingToAbort => format!("`{secret}` has no pending version\n"),
        }
    }
}

/// A step that a run would make, in words.
pub type PlannedStep = (RotationStep, String);

/// Returns what a run would do: its steps, and the actions that policies have to allow.
pub fn plan(
    secret: &str,
    strategy: Option<RotationStrategy>,
    steps: &[PlannedStep],
    actions: &[(String, String)],
) -> String {
    let mut text = match strategy {
        Some(strategy) => format!("`{secret}`, strategy {}:\n", strategy.as_str()),
        None => format!("`{secret}`:\n"),
    };
    for (step, words) in steps {
        // To write to a text does not fail.
        let _ = writeln!(text, "  {:<7} {words}", step.as_str());
    }
    if steps.is_empty() {
        text.push_str("  nothing to do\n");
    }
    text.push_str("IAM actions:\n");
    let width = actions.iter().map(|(action, _)| action.len()).max().unwrap_or_default();
    for (action, resource) in actions {
        let _ = writeln!(text, "  {action:<width$}  {resource}");
    }
    text
}
