//! The decision on a call by all policies together.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>

use super::denial::{Denial, Layer, NearMiss};
use super::evaluation::{AccessRequest, Evaluation, StatementRef, evaluate};
use super::principal::NamedAs;
use super::{Policy, PolicyKind};

/// A policy and its name in the log: a file's name, or `trust policy of ROLE`.
pub(crate) type NamedPolicy<'a> = (&'a str, &'a Policy);

/// The policies that a call is judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policies<'a> {
    /// The permissions of the caller's role.
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
    /// * In one account, permissions or the resource's policy are enough. If that policy names the
    ///   account, it leaves the decision to the permissions.
    /// * A trust policy must allow in any case. If it names the caller, it is enough in one account;
    ///   if it names the account, permissions are needed too.
    /// * To a resource of another account, both must allow.
    /// * Session policies must allow too, unless the resource's policy names the session itself, or
    ///   anyone.
    pub(crate) fn authorize(&self, request: &AccessRequest<'_>) -> Result<StatementRef, Denial> {
        let attached = if self.has_trust_policy() { Layer::Trust } else { Layer::Resource };
        let [identity, session, resource] = [Layer::Identity, Layer::Session, attached]
            .map(|layer| (layer, evaluate(self.of(layer), request)));
        for (layer, evaluation) in [&identity, &session, &resource] {
            if let Evaluation::ExplicitDeny(statement) = evaluation {
                return Err(Denial::Explicit { layer: *layer, statement: statement.clone() });
            }
        }
        let Some(account) = request.principal.account() else {
            return self.permit(resource, request);
        };
        let limits = |session| match self.session {
            [] => Ok(()),
            _ => self.permit(session, request).map(|_| ()),
        };
        let same_account = account == self.resource_account;
        if let (_, Evaluation::Allowed { named, statement }) = &resource
            && same_account
            && *named > NamedAs::Account
        {
            if *named == NamedAs::Role {
                limits(session)?;
            }
            return Ok(statement.clone());
        }
        if !same_account || self.has_trust_policy() {
            self.permit(resource, request)?;
        }
        let statement = self.permit(identity, request)?;
        limits(session)?;
        Ok(statement)
    }

    fn has_trust_policy(&self) -> bool {
        self.resource.is_some_and(|(_, policy)| policy.kind() == PolicyKind::Trust)
    }

    /// Returns the statement of a layer that allows the call, or why nothing does.
    fn permit(
        &self,
        (layer, evaluation): (Layer, Evaluation),
        request: &AccessRequest<'_>,
    ) -> Result<StatementRef, Denial> {
        match evaluation {
            Evaluation::Allowed { statement, .. } => Ok(statement),
            Evaluation::ExplicitDeny(statement) => Err(Denial::Explicit { layer, statement }),
            Evaluation::NoMatch => {
                let policies = self.of(layer);
                Err(Denial::NoAllow {
                    layer,
                    policies: policies.iter().map(|(name, _)| (*name).to_owned()).collect(),
                    near_miss: NearMiss::find(policies, request),
                })
            }
        }
    }

    fn of(&self, layer: Layer) -> &[NamedPolicy<'_>] {
        match layer {
            Layer::Identity => self.identity,
            Layer::Session => self.session,
            Layer::Resource | Layer::Trust => self.resource.as_slice(),
        }
    }
}
