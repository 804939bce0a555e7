//! Reads what references stand for.

use crate::app::App;
use crate::app::key_passwords::KeyPasswords;
use crate::app::session::SessionClient;
use crate::options::reference_roles::{ReferenceRole, ReferenceRoles};
use crate::options::session_plan::SessionPlan;
use crate::output::error::Error;
use crate::secrets::lookup::LookupPlan;
use crate::secrets::reference::NamedReference;
use crate::secrets::resolver::{RoleAccess, resolve};
use crate::secrets::value::Resolved;
use roles_anywhere_client::aws::endpoint::Service;
use roles_anywhere_client::http::Endpoint;
use roles_anywhere_client::ports::Ports;

impl App {
    /// Returns what `references` stand for, in their order. Without references, nothing is opened.
    ///
    /// The session of each role that is used comes from the cache or from AWS.
    pub fn resolve_references(
        &self,
        roles: &ReferenceRoles,
        references: &[NamedReference],
    ) -> Result<Vec<Resolved>, Error> {
        let roles = roles.named(references, self.environment(), self.paths());
        let plan = roles.lookups(references)?;
        let mut used = Vec::new();
        for name in plan.roles() {
            let role = roles.role(name).map_err(Error::from)?;
            used.push((name, role, session_plan(name, role, &plan)));
        }
        // The password of a key that several roles have is typed once.
        let passwords = KeyPasswords::default();
        let open = |session| passwords.share(SessionClient::open(self, session));
        let clients: Vec<SessionClient<'_>> =
            used.iter().map(|(_, _, session)| open(session)).collect();
        let Some((first, others)) = clients.split_first() else { return Ok(Vec::new()) };
        first.block_on(async |ports, deadline| {
            others.iter().for_each(SessionClient::trace_network);
            let ports: Vec<Ports> = std::iter::once(ports.clone())
                .chain(others.iter().map(SessionClient::ports))
                .collect();
            let sessions: Vec<_> = clients.iter().map(SessionClient::sessions).collect();
            let accesses = used.iter().zip(&sessions).zip(&ports);
            let accesses = accesses.map(|(((name, role, _), sessions), ports)| RoleAccess {
                role: *name,
                sessions,
                endpoints: &role.endpoints,
                ports,
                deadline,
            });
            let accesses: Vec<RoleAccess<'_>> = accesses.collect();
            resolve(references, &plan, &accesses).await.map_err(|mut errors| {
                // The event loop does so for the first one.
                errors.map_session_errors(|name, error| match roles.role(name) {
                    Ok(role) if name != used[0].0 => role.session.with_origins(error),
                    _ => error,
                });
                errors.into()
            })
        })
    }
}

/// Returns how the session of a role is made, with the endpoints that are called with it: they are
/// connected to while it is made.
fn session_plan(name: Option<&str>, role: &ReferenceRole, plan: &LookupPlan) -> SessionPlan {
    let mut session = role.session.clone();
    session.next =
        session.provider.hops.first().map(|hop| hop.sts.endpoint.clone()).into_iter().collect();
    for call in plan.calls().iter().filter(|call| call.scope.role.as_deref() == name) {
        let region = &call.scope.region;
        let endpoint: Endpoint = match call.operation.service() {
            Service::Ssm => role.endpoints.parameter_store(region).endpoint,
            _ => role.endpoints.secrets_manager(region).endpoint,
        };
        if !session.endpoints.contains(&endpoint) {
            session.endpoints.push(endpoint.clone());
        }
        if !session.next.contains(&endpoint) {
            session.next.push(endpoint);
        }
    }
    session
}
