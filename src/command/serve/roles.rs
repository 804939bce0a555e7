//! The roles that `serve` serves: their refreshers, their routes and the tokens of these. A reload
//! replaces them while requests are answered.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::app::daemon::NewRefresher;
use crate::command::serve::Serve;
use crate::daemon::{
    DaemonContext, RefresherSet, Role, RoleChanges, RunningRole, StartRole, StatusLine,
    replace_roles,
};
use crate::options::session_plan::{NamedSession, SessionPlan};
use crate::output::error::Error;
use crate::output::log::events::{
    CONTAINER_CREDENTIALS_DISABLED, CONTAINER_TOKEN_RENEWAL_FAILED, DEFAULT_CREDENTIALS_DISABLED,
    INSTANCE_METADATA_DISABLED,
};
use crate::output::log::{Field, Log};
use crate::server::{
    ContainerRoute, Endpoints, Offer, OpenTokenFile, RouteToken, ServedRole, ServedRoles, TokenFile,
};
use roles_anywhere_client::refresh::status::StatusChannel;

/// The roles that are served, and the default ones of both kinds of credentials.
#[derive(Clone, Debug)]
pub struct RoleSelection {
    /// The roles. Their names are distinct.
    pub roles: Vec<Role<SessionPlan>>,
    /// The index of the role of `/credentials`, if there is one.
    pub container: Option<usize>,
    /// The index of the role of instance metadata, if there is one.
    pub imds: Option<usize>,
}

/// Opens the token file of a role, or of `/credentials`; `None` if there is none. An error if another
/// process uses it.
pub(super) type OpenToken<'a> = &'a dyn Fn(Option<&str>) -> Result<Option<OpenTokenFile>, Error>;

/// The roles of a running `serve`.
pub(super) struct RunningRoles<'a> {
    plan: &'a Serve,
    endpoints: Rc<Endpoints>,
    log: Arc<dyn Log>,
    status: Arc<StatusLine>,
    open_token: OpenToken<'a>,
    refreshers: RefresherSet,
    running: RefCell<Vec<RunningRole<SessionPlan, Rc<ServedRole>>>>,
    replaced: Notify,
    /// The index of the role of `/credentials`, which secrets are read with if none is named.
    default: Cell<Option<usize>>,
    /// The tokens of the routes, and their files.
    tokens: RefCell<Vec<(Rc<RouteToken>, PathBuf)>>,
}

impl<'a> RunningRoles<'a> {
    /// Returns no roles, served by `endpoints`.
    pub(super) fn new(
        plan: &'a Serve,
        endpoints: Rc<Endpoints>,
        context: &DaemonContext<'_>,
        open_token: OpenToken<'a>,
    ) -> Self {
        let (log, status) = (Arc::clone(&context.log), Arc::clone(&context.status));
        let (refreshers, running) = (RefresherSet::default(), RefCell::default());
        let (replaced, tokens) = (Notify::new(), RefCell::default());
        Self {
            plan,
            endpoints,
            log,
            status,
            open_token,
            refreshers,
            running,
            replaced,
            default: Cell::default(),
            tokens,
        }
    }

    /// Returns the refreshers of the roles.
    pub(super) fn refreshers(&self) -> &RefresherSet {
        &self.refreshers
    }

    /// Returns the channels of the roles.
    pub(super) fn channels(&self) -> Vec<Arc<StatusChannel>> {
        self.running.borrow().iter().map(|it| Arc::clone(it.state.channel())).collect()
    }

    /// Completes when the roles are replaced, or at once if they were since it was last called.
    pub(super) async fn replaced(&self) {
        self.replaced.notified().await;
    }

    /// Returns the roles, the default one first.
    pub(super) fn by_default(&self) -> Vec<(Role<SessionPlan>, Arc<StatusChannel>)> {
        let running = self.running.borrow();
        let of = |it: &RunningRole<SessionPlan, Rc<ServedRole>>| {
            (it.role.clone(), Arc::clone(it.state.channel()))
        };
        let mut roles: Vec<_> = running.iter().map(of).collect();
        if let Some(index) = self.default.get().filter(|index| *index < roles.len()) {
            roles[..=index].rotate_right(1);
        }
        roles
    }

    /// Returns what is served.
    pub(super) fn served(&self) -> Rc<ServedRoles> {
        self.endpoints.roles()
    }

    /// Returns the tokens of the routes, and their files.
    pub(super) fn tokens(&self) -> Vec<(Rc<RouteToken>, PathBuf)> {
        self.tokens.borrow().clone()
    }

    /// Opens the token files of `selection`, before its roles are served. An error if the user named a
    /// file and it cannot be used, or if nothing could be served without it. If another file cannot be
    /// written, its route does not exist, and the log says why.
    pub(super) fn open_tokens(&self, selection: &RoleSelection) -> Result<(), Error> {
        self.log_routes_without_role(selection);
        if self.plan.token_file == TokenFile::Disabled && self.plan.policy.offer.has_container() {
            self.log.event(&CONTAINER_CREDENTIALS_DISABLED, &[]);
        }
        for name in self.missing_tokens(selection) {
            let opened = (self.open_token)(name.as_deref())?;
            let Some(OpenTokenFile { path, store }) = opened else { continue };
            let token = RouteToken::new(name, store);
            match self.plan.token_file {
                TokenFile::At { .. } => self.endpoints.renew_token(&token)?,
                // Without a token there would be nothing to serve.
                TokenFile::In(_) if self.plan.policy.offer == Offer::Container => {
                    self.endpoints.renew_token(&token)?;
                }
                _ => self.endpoints.rotate_token(&token),
            }
            self.keep_token(token, path);
        }
        Ok(())
    }

    /// Ends the tokens, and removes their files.
    pub(super) fn withdraw_tokens(&self) {
        self.tokens.take().iter().for_each(|(token, _)| self.endpoints.withdraw_token(token));
    }

    /// Serves other roles from the next request on. Those that did not change keep their sessions;
    /// each request sees the old set or the new one.
    pub(super) fn replace(
        &self,
        selection: RoleSelection,
        new_refresher: &NewRefresher<'_>,
    ) -> RoleChanges {
        let mut running = self.running.borrow_mut();
        let is_reload = !running.is_empty();
        let start: StartRole<'_, SessionPlan, Rc<ServedRole>> = &|role, before| {
            let refresher = new_refresher(role);
            let (provider, channel) = (&role.plan.provider, refresher.channel());
            let names = (provider.role(), &provider.session.region);
            let served = ServedRole::new(role.name.clone(), names, Arc::clone(channel));
            let served = if is_reload { served.added(before) } else { served };
            (refresher, Rc::new(served))
        };
        let RoleSelection { roles, container, imds } = selection;
        self.default.set(container);
        self.status.set_roles(roles.iter().filter_map(|role| role.name.clone()));
        let is_same = SessionPlan::makes_the_sessions_of;
        let changes = replace_roles(&mut running, roles, &self.refreshers, is_same, start);
        let all: Vec<_> = running.iter().map(|it| Rc::clone(&it.state)).collect();
        let at = |index: Option<usize>| index.and_then(|index| all.get(index).cloned());
        let (main, imds) = (at(container), at(imds));
        let role = |name: Option<&str>| match name {
            None => main.clone(),
            name => all.iter().find(|role| role.name() == name).cloned(),
        };
        let tokens = self.tokens.borrow();
        let routes = tokens.iter().filter_map(|(token, _)| {
            Some(ContainerRoute { role: role(token.name())?, token: Rc::clone(token) })
        });
        let container = routes.collect();
        self.endpoints.replace_roles(ServedRoles { all, imds, container });
        self.replaced.notify_one();
        changes
    }

    /// Serves the roles of a reload: opens the tokens of new routes, and ends those of routes that are
    /// gone. A token file that cannot be used is no error: its route does not exist, and the log says why.
    pub(super) fn reload(
        &self,
        selection: RoleSelection,
        new_refresher: &NewRefresher<'_>,
    ) -> RoleChanges {
        self.log_routes_without_role(&selection);
        for name in self.missing_tokens(&selection) {
            match (self.open_token)(name.as_deref()) {
                Ok(None) => {}
                Ok(Some(OpenTokenFile { path, store })) => {
                    let token = RouteToken::new(name, store);
                    self.endpoints.rotate_token(&token);
                    self.keep_token(token, path);
                }
                Err(error) => {
                    let (reason, role) = (error.log_fields().0, name.as_deref());
                    let role = role.as_ref().map(|role| -> Field<'_> { ("role_name", role) });
                    let fields: Vec<Field<'_>> =
                        [("reason", &reason as _)].into_iter().chain(role).collect();
                    self.log.event(&CONTAINER_TOKEN_RENEWAL_FAILED, &fields);
                }
            }
        }
        let names: Vec<_> = selection.route_names().collect();
        let changes = self.replace(selection, new_refresher);
        let is_kept = |token: &RouteToken| names.iter().any(|it| it.as_deref() == token.name());
        let ended = |(token, _): &mut (Rc<RouteToken>, PathBuf)| !is_kept(token);
        let ended: Vec<_> = self.tokens.borrow_mut().extract_if(.., ended).collect();
        ended.iter().for_each(|(token, _)| self.endpoints.withdraw_token(token));
        changes
    }

    /// Returns the plans of the roles.
    pub(super) fn plans(&self) -> Vec<SessionPlan> {
        self.running.borrow().iter().map(|it| it.role.plan.clone()).collect()
    }

    /// Returns whether its roles are of a configuration file.
    pub(super) fn are_named(&self) -> bool {
        self.running.borrow().iter().all(|it| it.role.name.is_some())
    }

    /// Logs that instance metadata or `/credentials` is not served because no role of `selection` is the
    /// default one. At a reload, only what was served before is logged.
    fn log_routes_without_role(&self, selection: &RoleSelection) {
        let (offer, is_start) = (self.plan.policy.offer, self.running.borrow().is_empty());
        let had_imds = is_start || self.served().imds.is_some();
        if selection.imds.is_none() && had_imds && offer.has_imds() {
            self.log.event(&INSTANCE_METADATA_DISABLED, &[]);
        }
        let is_stored = is_start && self.plan.token_file != TokenFile::Disabled;
        let had_token = is_stored || self.tokens().iter().any(|(token, _)| token.name().is_none());
        if selection.container.is_none() && had_token && offer.has_container() {
            self.log.event(&DEFAULT_CREDENTIALS_DISABLED, &[]);
        }
    }

    /// Returns the names of the routes of `selection` that have no token yet.
    fn missing_tokens(&self, selection: &RoleSelection) -> Vec<Option<Arc<str>>> {
        let tokens = self.tokens.borrow();
        let mut names: Vec<_> = selection.route_names().collect();
        names.retain(|name| !tokens.iter().any(|(token, _)| token.name() == name.as_deref()));
        names
    }

    /// Keeps a token that could be written.
    fn keep_token(&self, token: RouteToken, path: PathBuf) {
        if token.exists() {
            self.tokens.borrow_mut().push((Rc::new(token), path));
            return;
        }
        let role = token.name();
        let role = role.as_ref().map(|role| -> Field<'_> { ("role_name", role) });
        self.log.event(&CONTAINER_CREDENTIALS_DISABLED, &role.into_iter().collect::<Vec<_>>());
    }
}

impl RoleSelection {
    /// Returns the roles of the sessions of a daemon. `/credentials` is the default role's, and instance
    /// metadata that of the first `--role`, else the default role's.
    pub(super) fn of(sessions: Vec<NamedSession>) -> Self {
        let default = sessions.iter().position(|session| session.is_default);
        let named = sessions.iter().position(|session| session.is_named);
        let role = |session: NamedSession| Role {
            name: session.name.map(|name| Arc::from(name.as_str())),
            plan: session.session,
        };
        Self {
            container: default.or(named),
            imds: named.or(default),
            roles: sessions.into_iter().map(role).collect(),
        }
    }

    /// Returns the names of the routes of container credentials; the one of `/credentials` is `None`.
    fn route_names(&self) -> impl Iterator<Item = Option<Arc<str>>> {
        let main = self.container.map(|_| None);
        main.into_iter().chain(self.roles.iter().filter_map(|role| role.name.clone()).map(Some))
    }
}
