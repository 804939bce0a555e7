//! Why a call is denied.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>

use std::fmt;

use super::evaluation::{AccessRequest, StatementRef};

/// Why a call is denied. Its `Display` is for the log: it names the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denial {
    /// A statement denies it.
    Explicit { layer: Layer, statement: StatementRef },
    /// No statement of these policies allows it.
    NoAllow { layer: Layer },
}

/// The policies of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    Identity,
    Session,
    Resource,
    Trust,
}

impl Layer {
    /// Returns the name in AWS's messages.
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
    /// Returns what the client reads: `User: ARN is not authorized to perform: ACTION on resource:
    /// RESOURCE because no identity-based policy allows the ACTION action`.
    pub(crate) fn message(&self, request: &AccessRequest<'_>) -> String {
        let action = request.action;
        let reason = match self {
            Self::Explicit { layer, .. } => {
                let article = if *layer == Layer::Identity { "an" } else { "a" };
                format!("with an explicit deny in {article} {}", layer.name())
            }
            Self::NoAllow { layer } => {
                format!("because no {} allows the {action} action", layer.name())
            }
        };
        format!("{} {reason}", Self::message_without_reason(request))
    }

    /// Returns the message of services that do not say why, such as STS for `AssumeRole`.
    pub(crate) fn message_without_reason(request: &AccessRequest<'_>) -> String {
        format!(
            "User: {} is not authorized to perform: {} on resource: {}",
            request.principal.arn(),
            request.action,
            request.resource
        )
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explicit { statement, .. } => write!(formatter, "denied by {statement}"),
            Self::NoAllow { layer } => {
                write!(formatter, "no statement of a {} allows it", layer.name())
            }
        }
    }
}
