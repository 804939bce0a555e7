//! IAM's policies: their documents, and the decision of several policies on one call.
//!
//! Nothing here knows of accounts, roles or services: callers pass policies, the principal, the
//! action, the resource and the request's context. Read [`Policy::parse`] and
//! [`Policies::authorize`] first.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

mod condition;
mod context;
mod denial;
mod document;
mod error;
mod evaluation;
mod keys;
mod parse;
mod pattern;
mod policies;
mod principal;
mod statement;

pub(crate) use context::Context;
pub(crate) use denial::Denial;
pub(crate) use error::{Mistake, PolicyError, PolicyErrors, Position};
pub(crate) use evaluation::{AccessRequest, StatementRef};
#[cfg(test)]
pub(crate) use keys::SET_HERE;
pub(crate) use policies::{NamedPolicy, Policies};
pub(crate) use principal::Principal;

use statement::Statement;

/// The kind of a policy, which decides the elements that it may and must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PolicyKind {
    /// A role's trust policy: `Principal`, and no `Resource`.
    Trust,
    /// A role's or user's permissions, or a session policy: `Resource`, and no `Principal`.
    Identity,
    /// The policy of a resource, such as a secret: `Principal` and `Resource`.
    Resource,
}

/// A policy that is understood whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    kind: PolicyKind,
    document: String,
    statements: Vec<Statement>,
    warnings: Vec<PolicyWarning>,
}

/// Something in a policy that is understood but has no effect in this emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicyWarning {
    /// The condition key, as the policy spells it. No request here has it, so it counts as absent.
    pub(crate) key: String,
    /// The key that was probably meant, if it is misspelt.
    pub(crate) nearest: Option<String>,
    /// The path of the element, such as `Statement[1].Condition.StringEquals`.
    pub(crate) path: String,
    /// The position in the text, if the policy was read from text.
    pub(crate) position: Option<Position>,
}

impl Policy {
    /// Reads a policy, or returns every mistake in it.
    pub(crate) fn parse(kind: PolicyKind, json: &str) -> Result<Self, PolicyErrors> {
        parse::policy(kind, json)
    }

    /// Reads a policy that has no text of its own, such as a TOML table; errors have a path and no
    /// position.
    pub(crate) fn from_value(
        kind: PolicyKind,
        value: &serde_json::Value,
    ) -> Result<Self, PolicyErrors> {
        Self::parse(kind, &value.to_string()).map(Self::without_positions).map_err(|mut errors| {
            errors.forget_positions();
            errors
        })
    }

    /// Returns the kind of the policy.
    pub(crate) const fn kind(&self) -> PolicyKind {
        self.kind
    }

    /// Returns the text that it was read from.
    pub(crate) fn document(&self) -> &str {
        &self.document
    }

    /// Returns whether it allows something to everyone without a condition.
    pub(crate) fn is_public(&self) -> bool {
        self.statements.iter().any(Statement::is_public)
    }

    /// Returns the condition keys that no request to this emulator has.
    pub(crate) fn warnings(&self) -> &[PolicyWarning] {
        &self.warnings
    }

    fn without_positions(mut self) -> Self {
        for warning in &mut self.warnings {
            warning.position = None;
        }
        self
    }
}

#[cfg(test)]
mod tests;
