//! Reads what references stand for.

use crate::app::App;
use crate::app::offline_lookups::{OfflineLookups, SessionUse};
use crate::app::session::SessionClient;
use crate::options::reference_roles::{NamedRoles, ReferenceRole, ReferenceRoles};
use crate::output::error::Error;
use crate::output::references::ResolveErrors;
use crate::output::run::RunError;
use crate::secrets::lookup::LookupPlan;
use crate::secrets::reference::NamedReference;
use crate::secrets::resolver::{Resolution, RoleAccess, resolve_with};
use crate::secrets::value::Resolved;
use roles_anywhere_client::aws::endpoint::Service;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::http::Endpoint;
use roles_anywhere_client::ports::Ports;

/// The values of references, and the session of the command's role, which has read those of that role.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct ResolvedWithSession<'a> {
    /// The values, in the order of the references.
    pub values: Vec<Resolved>,
    /// What has made the session.
    pub client: SessionClient<'a>,
    /// The session.
    pub session: Session,
}

impl App {
    /// Returns what `references` stand for, in their order. Without references, nothing is opened.
    ///
    /// The session of each role that is used comes from the cache or from AWS.
    pub fn resolve_references(
        &self,
        roles: &ReferenceRoles,
        references: &[NamedReference],
    ) -> Result<Vec<Resolved>, Error> {
        let named = roles.named(references, self.environment(), self.paths());
        let lookups = Lookups::of(references, &named)?;
        let own =
            lookups.plan.roles().contains(&None).then(|| lookups.client(self, None, roles.own()));
        Ok(lookups.read(self, own.as_ref(), SessionUse::References)?.values)
    }

    /// As [`App::resolve_references`], with the session of the command's role, whether a reference is read
    /// with it or not.
    pub fn resolve_with_session<'a>(
        &'a self,
        roles: &'a ReferenceRoles,
        references: &[NamedReference],
    ) -> Result<ResolvedWithSession<'a>, Error> {
        let named = roles.named(references, self.environment(), self.paths());
        let lookups = Lookups::of(references, &named)?;
        let client = lookups.client(self, None, roles.own());
        let Resolution { values, sessions } =
            lookups.read(self, Some(&client), SessionUse::Credentials)?;
        let session = sessions.into_iter().next();
        let session = session.ok_or(RunError::Internal { what: "the role has no session" })?;
        Ok(ResolvedWithSession { values, client, session })
    }
}

/// The calls for references, and the roles that make them.
struct Lookups<'a> {
    references: &'a [NamedReference],
    roles: &'a NamedRoles<'a>,
    plan: LookupPlan,
}

/// A role that is used; its name is `None` for that of the command.
struct UsedRole<'a> {
    name: Option<&'a str>,
    role: &'a ReferenceRole,
    client: &'a SessionClient<'a>,
}

impl<'a> Lookups<'a> {
    fn of(
        references: &'a [NamedReference],
        roles: &'a NamedRoles<'a>,
    ) -> Result<Self, ResolveErrors> {
        let plan = roles.lookups(references)?;
        Ok(Self { references, roles, plan })
    }

    /// Returns the client of a role, for its calls.
    fn client<'c>(
        &self,
        app: &'c App,
        name: Option<&str>,
        role: &'c ReferenceRole,
    ) -> SessionClient<'c> {
        let client = SessionClient::open(app, &role.session);
        // The password of a key that several roles have is typed once.
        app.key_passwords().share(client.calling(self.endpoints(name, role)))
    }

    /// Returns the endpoints that a role calls.
    fn endpoints(&self, name: Option<&str>, role: &ReferenceRole) -> Vec<Endpoint> {
        let calls = self.plan.calls().iter().filter(|call| call.scope.role.as_deref() == name);
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for call in calls {
            let region = &call.scope.region;
            let at = match call.operation.service() {
                Service::Ssm => role.endpoints.parameter_store(region),
                _ => role.endpoints.secrets_manager(region),
            };
            if !endpoints.contains(&at.endpoint) {
                endpoints.push(at.endpoint);
            }
        }
        endpoints
    }

    /// Makes the calls. `own` is the client of the command's role, if that is used; `session_use` tells
    /// what its session is for.
    fn read(
        &self,
        app: &App,
        own: Option<&SessionClient<'_>>,
        session_use: SessionUse,
    ) -> Result<Resolution, Error> {
        let mut others = Vec::new();
        for name in self.plan.roles().into_iter().flatten() {
            let role = self.roles.role(Some(name)).map_err(Error::from)?;
            others.push((name, role, self.client(app, Some(name), role)));
        }
        let own = own.map(|client| UsedRole { name: None, role: self.roles.own(), client });
        let others = others.iter();
        let others = others.map(|(name, role, client)| UsedRole { name: Some(name), role, client });
        let used: Vec<UsedRole<'_>> = own.into_iter().chain(others).collect();
        let Some((first, others)) = used.split_first() else { return Ok(Resolution::default()) };
        first.client.block_on_several(async |ports, deadline| {
            others.iter().for_each(|other| other.client.trace_network());
            let others = others.iter().map(|other| other.client.ports());
            let ports: Vec<Ports> = std::iter::once(ports.clone()).chain(others).collect();
            let sessions: Vec<_> = used.iter().map(|used| used.client.sessions()).collect();
            let accesses = used.iter().zip(&sessions).zip(&ports);
            let accesses = accesses.map(|((used, sessions), ports)| RoleAccess {
                role: used.name,
                sessions,
                endpoints: &used.role.endpoints,
                ports,
                deadline,
            });
            let accesses: Vec<RoleAccess<'_>> = accesses.collect();
            let offline = self.roles.offline();
            let copies =
                offline.and_then(|setup| OfflineLookups::open(app, setup, self.roles, &ports[0]));
            let mut missing = Vec::new();
            let resolved = resolve_with(self.references, (&self.plan, &accesses), |results| {
                if let Some(copies) = &copies {
                    missing = copies.apply(&self.plan, results, session_use);
                }
            });
            resolved.await.map_err(|mut errors| {
                errors.map_session_errors(|name, error| {
                    match used.iter().find(|used| used.name == name) {
                        Some(used) => used.role.session.with_origins(error),
                        None => error,
                    }
                });
                missing.into_iter().fold(errors.into(), Error::hint)
            })
        })
    }
}
