//! The roles whose credentials are served, and the routes that lead to them.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::api::imds::ImdsInstance;
use super::bodies::CredentialBodies;
use super::route_token::RouteToken;
use roles_anywhere_client::arn::RoleArn;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::{Refreshes, Status, StatusChannel};
use roles_anywhere_client::region::Region;

/// A role whose credentials are served.
pub struct ServedRole {
    pub(super) name: Option<Arc<str>>,
    pub(super) instance: ImdsInstance,
    pub(super) channel: Arc<StatusChannel>,
    /// The account and the role of its sessions.
    role: RoleArn,
    /// The role that it replaced at a reload, whose session is served until AWS has answered for this one.
    previous: RefCell<Option<Rc<Self>>>,
    /// Whether it was added at a reload. The server is ready without its first session.
    added_by_reload: bool,
    /// The bodies that were rendered last, and the session that they are of.
    bodies: RefCell<Option<(Arc<Session>, Rc<CredentialBodies>)>>,
}

impl ServedRole {
    /// Serves the session of `channel` as the credentials of `role`, in a Region.
    pub fn new(
        name: Option<Arc<str>>,
        (role, region): (&RoleArn, &Region),
        channel: Arc<StatusChannel>,
    ) -> Self {
        let instance = ImdsInstance::new(role, region);
        let (previous, bodies) = (RefCell::default(), RefCell::default());
        let role = role.clone();
        Self { name, instance, channel, role, previous, added_by_reload: false, bodies }
    }

    /// Returns the role as a reload adds it, in place of `previous` if there is that. If its sessions are
    /// of the same role of AWS, that one's session is served until AWS has answered for this one, so that
    /// no request fails meanwhile. The session of another role would give clients rights that the file
    /// no longer gives them.
    #[must_use]
    pub fn added(self, previous: Option<&Rc<Self>>) -> Self {
        let previous = previous.map(|role| role.previous().unwrap_or_else(|| Rc::clone(role)));
        let previous = previous.filter(|previous| previous.role == self.role);
        Self { previous: RefCell::new(previous), added_by_reload: true, ..self }
    }

    /// Returns the role that it replaced, if that one's session is still served.
    fn previous(&self) -> Option<Rc<Self>> {
        let mut previous = self.previous.borrow_mut();
        // The others have not got an answer of AWS.
        let Refreshes { succeeded, refused, unreachable: _, identity: _, local: _ } =
            self.channel.status().refreshes;
        if succeeded + refused > 0 {
            *previous = None;
        }
        previous.clone()
    }

    /// Returns the bodies of the session of the role that it replaced, if that one is still served.
    pub(super) fn previous_bodies(&self, now: ClockReading) -> Option<Rc<CredentialBodies>> {
        let previous = self.previous()?;
        let status = previous.channel.status();
        previous.render(status.usable(now))
    }

    /// Returns its status if that keeps the server from being ready: it has no session.
    pub(super) fn not_ready(&self, now: ClockReading) -> Option<Arc<Status>> {
        let status = self.channel.status();
        let is_starting = self.added_by_reload && status.refreshes == Refreshes::default();
        let has_session = status.usable(now).is_some() || self.previous_bodies(now).is_some();
        (!has_session && !is_starting).then_some(status)
    }

    /// Returns its name in the configuration file, if it is of one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the channel of its session.
    pub fn channel(&self) -> &Arc<StatusChannel> {
        &self.channel
    }

    /// Returns whether it keeps the bodies of a session.
    #[cfg(test)]
    pub(super) fn is_rendered(&self) -> bool {
        self.bodies.borrow().is_some()
    }

    /// Returns the bodies of `session`, or of no session.
    pub(super) fn render(&self, session: Option<&Arc<Session>>) -> Option<Rc<CredentialBodies>> {
        let mut rendered = self.bodies.borrow_mut();
        let Some(session) = session else {
            *rendered = None;
            return None;
        };
        match &*rendered {
            Some((known, bodies)) if Arc::ptr_eq(known, session) => Some(Rc::clone(bodies)),
            _ => {
                let bodies = Rc::new(CredentialBodies::new(session, &self.instance));
                *rendered = Some((Arc::clone(session), Rc::clone(&bodies)));
                Some(bodies)
            }
        }
    }
}

impl fmt::Debug for ServedRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.instance.role_arn)
    }
}

/// A route of container credentials.
#[derive(Clone, Debug)]
pub struct ContainerRoute {
    /// The role that it hands out.
    pub role: Rc<ServedRole>,
    /// The token that it requires.
    pub token: Rc<RouteToken>,
}

/// The roles that are served, and by which routes. A request is answered by those of its start.
#[derive(Clone, Debug, Default)]
pub struct ServedRoles {
    /// All roles, in the order of the metrics.
    pub all: Vec<Rc<ServedRole>>,
    /// The role of instance metadata; without one it does not exist.
    pub imds: Option<Rc<ServedRole>>,
    /// The routes of container credentials. The name of the token's route tells them apart.
    pub container: Vec<ContainerRoute>,
}

impl ServedRoles {
    /// Returns the name of the role of a route of container credentials, if it has one.
    pub fn role_of_route(&self, name: Option<&str>) -> Option<&str> {
        self.container_route(name).and_then(|route| route.role.name())
    }

    /// Returns the route of container credentials with a name, or the one without.
    pub(super) fn container_route(&self, name: Option<&str>) -> Option<&ContainerRoute> {
        self.container.iter().find(|route| route.token.name() == name)
    }
}
