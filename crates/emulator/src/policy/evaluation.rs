//! What a set of policies says to one call.

use std::fmt;

use super::Policy;
use super::context::Context;
use super::principal::{NamedAs, Principal};
use super::statement::Effect;

/// A call that is to be judged.
#[derive(Debug, Clone)]
pub(crate) struct AccessRequest<'a> {
    pub(crate) principal: &'a Principal,
    /// Such as `secretsmanager:GetSecretValue`.
    pub(crate) action: &'a str,
    /// An ARN, or `*` for an operation that has no resource.
    pub(crate) resource: &'a str,
    context: Context,
}

impl<'a> AccessRequest<'a> {
    /// Returns a call. The keys that follow from the principal are added to the context:
    /// `aws:PrincipalArn`, `aws:PrincipalAccount`, `aws:PrincipalType`,
    /// `aws:PrincipalIsAWSService`, `aws:PrincipalServiceName`.
    pub(crate) fn new(
        principal: &'a Principal,
        action: &'a str,
        resource: &'a str,
        mut context: Context,
    ) -> Self {
        if let Principal::Service(name) = principal {
            context.set_default("aws:PrincipalServiceName", name.as_str());
        }
        let service = matches!(principal, Principal::Service(_));
        context.set_default("aws:PrincipalIsAWSService", service.to_string());
        let identity = match principal {
            Principal::Service(_) => None,
            // A session counts as its role, with the role's path.
            Principal::AssumedRole { role_arn, .. } => Some((role_arn.clone(), "AssumedRole")),
            Principal::User { arn, .. } => Some((arn.clone(), "User")),
            Principal::Root { .. } => Some((principal.arn(), "Account")),
        };
        if let Some((arn, principal_type)) = identity {
            context.set_default("aws:PrincipalArn", arn);
            context.set_default("aws:PrincipalType", principal_type);
        }
        if let Some(account) = principal.account() {
            context.set_default("aws:PrincipalAccount", account);
        }
        Self { principal, action, resource, context }
    }

    /// Returns the request context, the keys of the principal included.
    pub(crate) const fn context(&self) -> &Context {
        &self.context
    }
}

/// What policies say to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Evaluation {
    /// A statement allows it, and none denies it.
    Allowed(StatementRef),
    /// A statement denies it, whatever others say.
    ExplicitDeny(StatementRef),
    /// No statement is about it.
    NoMatch,
}

/// A statement, for people: `Statement[1] (Sid ReadSecrets) of secrets.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatementRef {
    /// What the caller calls the policy.
    pub(crate) policy: String,
    /// Such as `Statement[1]`.
    pub(crate) path: String,
    /// The statement's `Sid`.
    pub(crate) sid: Option<String>,
}

impl fmt::Display for StatementRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.path)?;
        if let Some(sid) = &self.sid {
            write!(formatter, " (Sid {sid})")?;
        }
        write!(formatter, " of {}", self.policy)
    }
}

/// Evaluates policies of one kind together: an explicit Deny in any of them wins.
///
/// Each comes with what it is called in [`StatementRef`].
pub(crate) fn evaluate(policies: &[(&str, &Policy)], request: &AccessRequest<'_>) -> Evaluation {
    evaluate_principals(policies, request).1
}

/// Evaluates, and returns how the strongest Allow names the caller.
pub(super) fn evaluate_principals(
    policies: &[(&str, &Policy)],
    request: &AccessRequest<'_>,
) -> (NamedAs, Evaluation) {
    let mut strongest: Option<(NamedAs, StatementRef)> = None;
    for (name, policy) in policies {
        for statement in &policy.statements {
            let Some(named) = statement.applies(request) else { continue };
            let reference = StatementRef {
                policy: (*name).to_owned(),
                path: statement.path.clone(),
                sid: statement.sid.clone(),
            };
            match statement.effect {
                Effect::Deny => return (named, Evaluation::ExplicitDeny(reference)),
                Effect::Allow if strongest.as_ref().is_none_or(|(found, _)| *found < named) => {
                    strongest = Some((named, reference));
                }
                Effect::Allow => {}
            }
        }
    }
    match strongest {
        Some((named, reference)) => (named, Evaluation::Allowed(reference)),
        None => (NamedAs::Account, Evaluation::NoMatch),
    }
}
