//! Why a call is denied: in plain words for the log, and in AWS's words for the client.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>

use std::fmt;

use super::evaluation::{AccessRequest, StatementRef};
use super::policies::NamedPolicy;
use super::statement::{Effect, Mismatch};

/// Why a call is denied. Its `Display` is for the log: it names the statement that decided, or the
/// policies that lack one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denial {
    /// A statement denies it.
    Explicit {
        /// The kind of policy that the statement is in.
        layer: Layer,
        /// The statement.
        statement: StatementRef,
    },
    /// No statement of these policies allows it.
    NoAllow {
        /// The kind of policy that lacks a statement.
        layer: Layer,
        /// The names of the policies of that kind; there may be none.
        policies: Vec<String>,
        /// The statement that comes nearest to allowing it.
        near_miss: Option<NearMiss>,
    },
}

/// The policies of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// The permissions of the caller's role or user.
    Identity,
    /// The policies that limit the caller's session.
    Session,
    /// The policy of the resource.
    Resource,
    /// The trust policy of the role that is assumed.
    Trust,
}

/// An Allow for the action that is not about this call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NearMiss {
    statement: StatementRef,
    reason: String,
}

impl NearMiss {
    /// Returns the Allow that comes nearest, of those for the action.
    pub(super) fn find(policies: &[NamedPolicy<'_>], request: &AccessRequest<'_>) -> Option<Self> {
        let allows = policies.iter().flat_map(|(name, policy)| {
            let allows = policy.statements.iter().filter(|found| found.effect == Effect::Allow);
            allows.map(move |statement| (*name, statement))
        });
        let mut nearest: Option<(u8, Self)> = None;
        for (name, statement) in allows {
            let (nearness, reason) = match statement.applies(request) {
                Ok(_) | Err(Mismatch::Action) => continue,
                Err(Mismatch::Resource) => (0, "it is for another resource".to_owned()),
                Err(Mismatch::Principal) => (1, "it is for another principal".to_owned()),
                Err(Mismatch::Condition(condition)) => {
                    let values = request.context().values(&condition.key);
                    (2, condition_reason(&condition.name, &condition.key, values))
                }
            };
            if nearest.as_ref().is_none_or(|(found, _)| *found < nearness) {
                let statement = StatementRef::new(name, statement);
                nearest = Some((nearness, Self { statement, reason }));
            }
        }
        nearest.map(|(_, near_miss)| near_miss)
    }
}

fn condition_reason(operator: &str, key: &str, values: &[String]) -> String {
    let found = if values.is_empty() {
        "the request does not have this key".to_owned()
    } else {
        // Values come from the client: no control characters for a terminal.
        let values: Vec<String> =
            values.iter().map(|value| format!("`{}`", value.escape_debug())).collect();
        format!("the request has {}", values.join(", "))
    };
    format!("its condition {operator} on {key} is not met: {found}")
}

impl Layer {
    /// Returns what AWS's messages call it.
    const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity-based policy",
            Self::Session => "session policy",
            Self::Resource => "resource-based policy",
            Self::Trust => "role trust policy",
        }
    }
}

impl Denial {
    /// Returns what the client reads, such as `User: ARN is not authorized to perform: ACTION on
    /// resource: RESOURCE because no identity-based policy allows the ACTION action`.
    pub(crate) fn message(&self, request: &AccessRequest<'_>) -> String {
        let reason = match self {
            Self::Explicit { layer, .. } => {
                let article = match layer {
                    Layer::Identity => "an",
                    Layer::Session | Layer::Resource => "a",
                    Layer::Trust => "the",
                };
                format!("with an explicit deny in {article} {}", layer.name())
            }
            Self::NoAllow { layer, .. } => {
                format!("because no {} allows the {} action", layer.name(), request.action)
            }
        };
        format!("{} {reason}", Self::message_without_reason(request))
    }

    /// Returns the message of an operation that does not say why, such as STS's `AssumeRole`. One
    /// without a resource names none.
    pub(crate) fn message_without_reason(request: &AccessRequest<'_>) -> String {
        let AccessRequest { principal, action, resource, .. } = request;
        let message = format!("User: {} is not authorized to perform: {action}", principal.name());
        if *resource == "*" { message } else { format!("{message} on resource: {resource}") }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explicit { statement, .. } => write!(formatter, "denied by {statement}"),
            Self::NoAllow { layer, policies, .. } if policies.is_empty() => {
                write!(formatter, "there is no {}", layer.name())
            }
            Self::NoAllow { policies, near_miss, .. } => {
                write!(formatter, "no statement of {} allows it", policies.join(", "))?;
                match near_miss {
                    Some(NearMiss { statement, reason }) => {
                        write!(formatter, "; {statement} does not because {reason}")
                    }
                    None => Ok(()),
                }
            }
        }
    }
}
