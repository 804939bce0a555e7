//! All policies that one call is judged by, and what they come to together.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html>

use super::denial::{Denial, Layer};
use super::evaluation::{AccessRequest, Evaluation, StatementRef, evaluate, evaluate_principals};
use super::principal::{NamedAs, Principal};
use super::{Policy, PolicyKind};

/// A policy and what it is called in the log: a file's name, or `trust policy of ROLE`.
pub(crate) type NamedPolicy<'a> = (&'a str, &'a Policy);

/// The policies that a call is judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policies<'a> {
    /// The permissions of the caller's role or user.
    pub(crate) identity: &'a [NamedPolicy<'a>],
    /// The policies that limit the caller's session; empty if nothing limits it.
    pub(crate) session: &'a [NamedPolicy<'a>],
    /// The policy of the resource, if it has one: of a secret, or the trust policy of a role that is
    /// assumed.
    pub(crate) resource: Option<NamedPolicy<'a>>,
    /// The account that the resource is in.
    pub(crate) resource_account: &'a str,
}

impl Policies<'_> {
    /// Returns the statement that allows the call, or why it is denied.
    ///
    /// * An explicit Deny in any policy wins.
    /// * A service is judged by the resource's policy only.
    /// * In one account, permissions or the resource's policy are enough. A trust policy must allow
    ///   in any case: it is enough if it names the caller; if it names the account, permissions are
    ///   needed too.
    /// * To a resource of another account, both must allow.
    /// * Session policies must allow too, unless the resource's policy names the session itself.
    pub(crate) fn authorize(&self, request: &AccessRequest<'_>) -> Result<Permit, Denial> {
        let identity = evaluate(self.identity, request);
        let session = evaluate(self.session, request);
        let attached = self.resource.as_slice();
        let (named, resource) = evaluate_principals(attached, request);
        let resource_layer = match self.resource {
            Some((_, policy)) if policy.kind() == PolicyKind::Trust => Layer::Trust,
            _ => Layer::Resource,
        };
        let layers =
            [(Layer::Identity, identity), (Layer::Session, session), (resource_layer, resource)];
        for (layer, evaluation) in &layers {
            if let Evaluation::ExplicitDeny(statement) = evaluation {
                return Err(Denial::Explicit { layer: *layer, statement: statement.clone() });
            }
        }
        let [identity, session, resource] = layers.map(|(layer, evaluation)| match evaluation {
            Evaluation::Allowed(statement) => Ok(Permit::Statement(statement)),
            Evaluation::ExplicitDeny(_) | Evaluation::NoMatch => Err(Denial::NoAllow { layer }),
        });
        // Nothing is attached to the root user of an account, who may do anything in it.
        let root = matches!(request.principal, Principal::Root { .. });
        let identity = if root { Ok(Permit::Root) } else { identity };
        let session = if self.session.is_empty() { Ok(Permit::Root) } else { session };
        let same_account = request.principal.account() == Some(self.resource_account);
        if request.principal.account().is_none() {
            return resource;
        }
        if same_account && resource.is_ok() && named >= NamedAs::Role {
            if named == NamedAs::Role {
                session?;
            }
            return resource;
        }
        if !same_account || resource_layer == Layer::Trust {
            resource?;
        }
        let permit = identity?;
        session?;
        Ok(permit)
    }
}

/// What allows a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Permit {
    Statement(StatementRef),
    /// The caller is the root user of the account.
    Root,
}
