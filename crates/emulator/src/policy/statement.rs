//! A statement of a policy, and whether it is about a call.

use super::condition::Condition;
use super::context::Context;
use super::evaluation::AccessRequest;
use super::pattern::{self, Glyph, Template};
use super::principal::{self, NamedAs, Principal, PrincipalPattern};

/// A statement that is understood whole.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    /// `Statement[1]`, or `Statement` if there is one that is not in a list.
    pub(super) path: String,
    pub(super) sid: Option<String>,
    pub(super) effect: Effect,
    /// `None` in identity policies.
    pub(super) principals: Option<Selection<PrincipalPattern>>,
    /// In lower case.
    pub(super) actions: Selection<Vec<Glyph>>,
    /// `None` in trust policies.
    pub(super) resources: Option<Selection<Template>>,
    pub(super) conditions: Vec<Condition>,
}

impl Statement {
    /// Returns whether it allows something to everyone without a condition.
    pub(super) fn is_public(&self) -> bool {
        let everyone = match &self.principals {
            Some(Selection::Only(principals)) => principals.contains(&PrincipalPattern::Anyone),
            Some(Selection::Except(_)) => true,
            None => false,
        };
        everyone && self.effect == Effect::Allow && self.conditions.is_empty()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// An element and its negation, such as `Action` and `NotAction`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selection<T> {
    Only(Vec<T>),
    Except(Vec<T>),
}

impl<T> Selection<T> {
    fn is_met(&self, matches: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Only(entries) => entries.iter().any(matches),
            Self::Except(entries) => !entries.iter().any(matches),
        }
    }
}

/// The first element that keeps a statement from a call, in the order in which they are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mismatch<'a> {
    Action,
    Resource,
    Principal,
    Condition(&'a Condition),
}

impl Statement {
    /// Returns how the statement names the caller if it is about this call, or why it is not.
    pub(super) fn applies(&self, request: &AccessRequest<'_>) -> Result<NamedAs, Mismatch<'_>> {
        let context = request.context();
        let action = request.action.to_ascii_lowercase();
        if !self.actions.is_met(|glyphs| pattern::matches(glyphs, &action)) {
            return Err(Mismatch::Action);
        }
        if !self.covers(request.resource, context) {
            return Err(Mismatch::Resource);
        }
        let named = self.names(request.principal).ok_or(Mismatch::Principal)?;
        match self.conditions.iter().find(|condition| !condition.holds(context)) {
            Some(condition) => Err(Mismatch::Condition(condition)),
            None => Ok(named),
        }
    }

    /// An entry with a variable that has no value matches no resource.
    fn covers(&self, resource: &str, context: &Context) -> bool {
        self.resources.as_ref().is_none_or(|resources| {
            resources.is_met(|template| {
                template.resolve(context).is_some_and(|glyphs| pattern::matches(&glyphs, resource))
            })
        })
    }

    fn names(&self, principal: &Principal) -> Option<NamedAs> {
        match &self.principals {
            None => Some(NamedAs::Caller),
            Some(Selection::Only(entries)) => {
                entries.iter().filter_map(|entry| entry.names(principal)).max()
            }
            Some(Selection::Except(entries)) => {
                (!principal::exempt(entries, principal)).then_some(NamedAs::Caller)
            }
        }
    }
}
