//! Reads what references stand for: all roles and Regions side by side, and all failures at once.

mod calls;
mod consistency;

pub use calls::{CallFailure, Found};

use futures_util::future::join_all;

use super::endpoints::ServiceEndpoints;
use super::lookup::LookupPlan;
use super::reference::{NamedReference, Reference};
use super::value::{self, Resolved};
use crate::output::error::Error;
use crate::output::references::{ResolveErrors, ValueError};
use crate::session_cache::SessionCache;
use calls::RoleCalls;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::time::Deadline;

/// How the references of a role are read.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct RoleAccess<'a> {
    /// A role of the configuration file; `None` for that of the command.
    pub role: Option<&'a str>,
    /// Its sessions.
    pub sessions: &'a SessionCache<'a>,
    /// Where the services are.
    pub endpoints: &'a ServiceEndpoints,
    /// The ports.
    pub ports: &'a Ports,
    /// When to give up.
    pub deadline: Deadline,
}

/// What the lookups of a plan found.
#[derive(Debug)]
pub struct LookupResults<'a> {
    /// By lookup; `None` if its role has no session.
    pub found: Vec<Option<Result<Found, CallFailure>>>,
    /// The session of each role, in the order of the roles.
    pub sessions: Vec<Session>,
    /// The roles without a session.
    pub session_errors: Vec<(Option<&'a str>, Error)>,
}

/// Reads what is looked up. `roles` are those that `plan` uses; of any other, only the session is made.
pub async fn read<'a>(plan: &LookupPlan, roles: &[RoleAccess<'a>]) -> LookupResults<'a> {
    let calls: Vec<_> = roles.iter().map(|access| RoleCalls { access, plan }).collect();
    let reads = join_all(calls.iter().map(RoleCalls::read)).await;
    let (mut found, mut sessions, mut session_errors) = (Vec::new(), Vec::new(), Vec::new());
    found.resize_with(plan.lookups().len(), || None);
    for (access, read) in roles.iter().zip(reads) {
        match read {
            Ok((results, session)) => {
                sessions.push(session);
                for (index, result) in results {
                    found[index] = Some(result);
                }
            }
            Err(error) => session_errors.push((access.role, error)),
        }
    }
    consistency::unify(plan, &mut found);
    LookupResults { found, sessions, session_errors }
}

/// What references stand for, and the sessions that they were read with.
#[derive(Debug, Default)]
pub struct Resolution {
    /// The values, in the order of the references.
    pub values: Vec<Resolved>,
    /// The session of each role, in the order of the roles.
    pub sessions: Vec<Session>,
}

/// Returns what `references` stand for. `plan` is that of the same references, and `roles` are as for [`read`].
///
/// Nothing is returned unless all references are resolved.
pub async fn resolve(
    references: &[NamedReference],
    plan: &LookupPlan,
    roles: &[RoleAccess<'_>],
) -> Result<Resolution, ResolveErrors> {
    resolve_with(references, (plan, roles), |_| {}).await
}

/// As [`resolve`]; `change` gets what was found before it is used.
pub async fn resolve_with<'a>(
    references: &[NamedReference],
    (plan, roles): (&LookupPlan, &[RoleAccess<'a>]),
    change: impl FnOnce(&mut LookupResults<'a>),
) -> Result<Resolution, ResolveErrors> {
    let mut results = read(plan, roles).await;
    change(&mut results);
    let LookupResults { found, sessions, session_errors } = results;
    let mut failures = ResolveErrors::of(references.len());
    for (role, error) in session_errors {
        failures.add_session(role, error);
    }
    let mut values = Vec::with_capacity(references.len());
    for (index, named) in references.iter().enumerate() {
        // Without a session, there is one failure for all of its references.
        let Some(found) = &found[plan.lookup_of(index)] else { continue };
        let named = (index, named);
        match found {
            Ok(found) => match value_of(&named.1.reference, found) {
                Ok(value) => values.push(value),
                Err(error) => failures.add(named, error.of(&named.1.reference)),
            },
            Err(CallFailure { is_missing, error, .. }) => {
                match Resolved::fallback_of(&named.1.reference).filter(|_| *is_missing) {
                    Some(value) => values.push(value),
                    None => failures.add_call(named, error),
                }
            }
        }
    }
    if failures.is_empty() { Ok(Resolution { values, sessions }) } else { Err(failures) }
}

fn value_of(reference: &Reference, found: &Found) -> Result<Resolved, ValueError> {
    match found {
        Found::Secret(secret) => value::of_secret(reference, secret),
        Found::Parameter(parameter) => value::of_parameter(reference, parameter),
    }
}

#[cfg(test)]
mod tests;
