//! The evaluation of policies of one kind for one call.

use std::fmt;

use super::context::Context;
use super::policies::NamedPolicy;
use super::principal::{NamedAs, Principal};
use super::statement::{Effect, Statement};

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
    /// Returns a call. The keys of the principal are added to the context, unless they are there:
    /// `aws:PrincipalArn`, `aws:PrincipalAccount`, `aws:PrincipalType`, `aws:PrincipalIsAWSService`,
    /// `aws:PrincipalServiceName`, the `aws:username` of a user, and the false `aws:ViaAWSService`
    /// and, for a session, `aws:MultiFactorAuthPresent`. (`aws:userid` is the caller's to set.)
    pub(crate) fn new(
        principal: &'a Principal,
        action: &'a str,
        resource: &'a str,
        mut context: Context,
    ) -> Self {
        let is_service = matches!(principal, Principal::Service(_));
        context.set_default("aws:PrincipalIsAWSService", is_service.to_string());
        if let Some(account) = principal.account() {
            context.set_default("aws:PrincipalAccount", account);
            context.set_default("aws:ViaAWSService", "false");
        }
        match principal {
            Principal::Service(name) => {
                context.set_default("aws:PrincipalServiceName", name.as_str());
            }
            // A session has the ARN of its role, with the role's path.
            Principal::AssumedRole { role_arn, .. } => {
                context.set_default("aws:PrincipalArn", role_arn.as_str());
                context.set_default("aws:PrincipalType", "AssumedRole");
                context.set_default("aws:MultiFactorAuthPresent", "false");
            }
            // A long-term access key says nothing of a second factor.
            Principal::User { arn, name, .. } => {
                context.set_default("aws:PrincipalArn", arn.as_str());
                context.set_default("aws:PrincipalType", "User");
                context.set_default("aws:username", name.as_str());
            }
        }
        Self { principal, action, resource, context }
    }

    /// Returns the request context, the keys of the principal included.
    pub(crate) const fn context(&self) -> &Context {
        &self.context
    }
}

/// The result of the policies of one kind for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Evaluation {
    /// A statement allows it, and none denies it. Of several, the one that names the caller most
    /// directly.
    Allowed { statement: StatementRef, named: NamedAs },
    /// A statement denies it, whatever others say.
    ExplicitDeny(StatementRef),
    /// No statement is about it.
    NoMatch,
}

/// A statement, for people: `Statement[1] (Sid ReadSecrets) of secrets.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatementRef {
    /// The name of the policy, as in [`NamedPolicy`].
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

impl StatementRef {
    pub(super) fn new(policy: &str, statement: &Statement) -> Self {
        Self { policy: policy.to_owned(), path: statement.path.clone(), sid: statement.sid.clone() }
    }
}

/// Evaluates policies of one kind together: an explicit Deny in any of them wins.
pub(super) fn evaluate(policies: &[NamedPolicy<'_>], request: &AccessRequest<'_>) -> Evaluation {
    let mut evaluation = Evaluation::NoMatch;
    for (name, policy) in policies {
        for statement in &policy.statements {
            let Ok(named) = statement.applies(request) else { continue };
            let weaker = match &evaluation {
                Evaluation::Allowed { named: found, .. } => *found < named,
                _ => true,
            };
            match statement.effect {
                Effect::Deny => {
                    return Evaluation::ExplicitDeny(StatementRef::new(name, statement));
                }
                Effect::Allow if weaker => {
                    let statement = StatementRef::new(name, statement);
                    evaluation = Evaluation::Allowed { statement, named };
                }
                Effect::Allow => {}
            }
        }
    }
    evaluation
}
