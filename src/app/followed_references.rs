//! References that are followed in this process: their sessions come from the session cache, their values from
//! a cache of secrets.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, LocalBoxFuture, join_all, pending, select};
use tokio::sync::Notify;

use crate::app::App;
use crate::app::secrets_upstream::{SecretsUpstream, UpstreamRole};
use crate::app::session::{SessionClient, certificate_validity, renewed, with_typed_password};
use crate::daemon::{SessionReport, role_log};
use crate::follow::cached_references::{CachedReferences, ReadErrors};
use crate::follow::source::{FollowedValues, ReferenceSource};
use crate::options::reference_roles::{ReferenceRole, ReferenceRoles};
use crate::options::session_plan::SessionPlan;
use crate::os::files::SystemFiles;
use crate::os::password::KeyPassword;
use crate::output::error::Error;
use crate::output::log::Log;
use crate::output::waiting::WaitDisplay;
use crate::secrets::reference::NamedReference;
use crate::secrets_cache::{CachePolicy, ReadFailure, ReadRequest, SecretsCache};
use crate::session_cache::CacheLocation;
use crate::session_cache::renewal::Renewal;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::StatusChannel;

/// References that are followed in this process. [`FollowedWithRoles::run`] has to be polled beside the reads.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct FollowedWithRoles<'a> {
    references: CachedReferences,
    /// The roles that they are read with.
    roles: Vec<Rc<FollowedRole>>,
    reader: Rc<FollowingReader<'a>>,
}

/// What reads references, with sessions and values that outlive the list of references.
struct FollowingReader<'a> {
    app: &'a App,
    cache: Rc<SecretsCache>,
    ttl: Duration,
    errors: Rc<FollowedErrors>,
    are_replaced: Notify,
    ports: Ports,
}

/// The roles whose sessions are kept, and what their calls have last failed by.
struct FollowedErrors {
    upstream: Rc<SecretsUpstream>,
    roles: RefCell<Vec<Rc<FollowedRole>>>,
}

impl FollowedErrors {
    fn report_of(&self, role: Option<&str>) -> Option<Rc<SessionReport>> {
        let roles = self.roles.borrow();
        let role = roles.iter().find(|known| known.name.as_deref() == role)?;
        Some(Rc::clone(&role.report))
    }
}

impl ReadErrors for FollowedErrors {
    fn of_session(&self, role: Option<&str>) -> Option<Error> {
        self.report_of(role)?.error()
    }

    fn of_read(&self, read: &ReadRequest, failure: &ReadFailure) -> Option<Arc<Error>> {
        self.upstream.error(read, failure)
    }
}

/// A role that references are read with.
struct FollowedRole {
    name: Option<Arc<str>>,
    role: ReferenceRole,
    passwords: Arc<KeyPassword>,
    channel: Arc<StatusChannel>,
    report: Rc<SessionReport>,
    ports: Ports,
}

impl App {
    /// Returns `references`, to be followed by a cache with `policy`. Calls nothing, and opens nothing but the
    /// offline copies. What is made before the first read of the references shares the passwords of keys that are
    /// typed for that.
    pub(super) fn followed_with_roles<'a>(
        &'a self,
        roles: &ReferenceRoles,
        references: &[NamedReference],
        policy: CachePolicy,
    ) -> Result<FollowedWithRoles<'a>, Error> {
        let ports = SessionClient::open(self, &quiet(&roles.own().session)).ports();
        let upstream = Rc::new(SecretsUpstream::keeping_errors());
        let calling = Rc::clone(&upstream) as _;
        let cache = Rc::new(SecretsCache::new(calling, ports.clone(), policy, Vec::new()));
        let offline = roles.offline();
        let copies = offline.and_then(|setup| self.offline_copies_or_warning(setup, &ports));
        cache.keep_copies(copies.map(|copies| copies as _));
        let reader = FollowingReader {
            app: self,
            cache,
            ttl: policy.ttl,
            errors: Rc::new(FollowedErrors { upstream, roles: RefCell::default() }),
            are_replaced: Notify::new(),
            ports,
        };
        let followed = Rc::new(reader).following(roles, references)?;
        followed.use_roles();
        Ok(followed)
    }
}

impl<'a> FollowingReader<'a> {
    fn following(
        self: Rc<Self>,
        roles: &ReferenceRoles,
        references: &[NamedReference],
    ) -> Result<FollowedWithRoles<'a>, Error> {
        let named = roles.named(references, self.app.environment(), self.app.paths());
        let plan = named.lookups(references)?;
        let mut followed = Vec::new();
        for name in plan.roles() {
            let role = named.role(name).map_err(Error::from)?;
            followed.push(match self.usable_role(name) {
                Some(known) => known,
                None => {
                    let report = self.errors.report_of(name).unwrap_or_default();
                    Rc::new(FollowedRole::open((self.app, report), name, role))
                }
            });
        }
        let cache = (Rc::clone(&self.cache) as _, Rc::clone(&self.errors) as _);
        let timer = Arc::clone(&self.ports.timer);
        let references = CachedReferences::new(references, plan, cache, self.ttl, timer);
        Ok(FollowedWithRoles { references, roles: followed, reader: self })
    }

    /// Returns a role that is kept, unless its last session could not be had: another attempt need not wait for
    /// its pause.
    fn usable_role(&self, name: Option<&str>) -> Option<Rc<FollowedRole>> {
        let roles = self.errors.roles.borrow();
        let known = roles.iter().find(|role| role.name.as_deref() == name)?;
        known.channel.status().last_error.is_none().then(|| Rc::clone(known))
    }

    /// Keeps the sessions of the roles current.
    async fn keep_sessions(&self, log: &Arc<dyn Log>) -> Infallible {
        let mut kept: Vec<(Rc<FollowedRole>, LocalBoxFuture<'_, Infallible>)> = Vec::new();
        loop {
            let roles = self.errors.roles.borrow().clone();
            let has = |role: &Rc<FollowedRole>| roles.iter().any(|other| Rc::ptr_eq(role, other));
            kept.retain(|(role, _)| has(role));
            for role in &roles {
                if !kept.iter().any(|(known, _)| Rc::ptr_eq(known, role)) {
                    let keeping = Rc::clone(role).keep(self.app.files(), log);
                    kept.push((Rc::clone(role), Box::pin(keeping)));
                }
            }
            let keeping = join_all(kept.iter_mut().map(|(_, keeping)| keeping.as_mut()));
            let keeping = async {
                keeping.await;
                // Without roles, there is nothing to keep.
                pending::<()>().await;
            };
            select(pin!(keeping), pin!(self.are_replaced.notified())).await;
        }
    }

    /// Keeps sessions and values current, and the copies of these.
    async fn run(&self, log: &Arc<dyn Log>) -> Infallible {
        let sessions = self.keep_sessions(log);
        let values = self.cache.keep_fresh(&|_| {});
        let copies = self.app.keep_offline_copies();
        match select(pin!(sessions), select(pin!(values), pin!(copies))).await {
            Either::Left((never, _)) => never,
            Either::Right((either, _)) => match either {
                Either::Left((never, _)) | Either::Right((never, _)) => never,
            },
        }
    }
}

impl FollowedRole {
    fn open(
        (app, report): (&App, Rc<SessionReport>),
        name: Option<&str>,
        role: &ReferenceRole,
    ) -> Self {
        let plan = quiet(&role.session);
        let client = app.key_passwords().share(SessionClient::open(app, &plan));
        let (passwords, ports) = (Arc::clone(client.passwords()), client.ports());
        let (name, role) = (name.map(Into::into), role.clone());
        let channel = Arc::new(StatusChannel::default());
        Self { name, role, passwords, channel, report, ports }
    }

    /// Returns how secrets are read with it.
    fn upstream(&self) -> UpstreamRole {
        let ReferenceRole { session, region, endpoints } = &self.role;
        UpstreamRole::new(
            self.name.clone(),
            session.provider.clone(),
            Arc::clone(&self.channel),
            (endpoints.clone(), region.clone()),
            self.ports.clone(),
        )
    }

    /// Returns the plan of its sessions. What renews them reads the cache of sessions, and nothing else here does.
    fn plan(&self) -> SessionPlan {
        let session = &self.role.session;
        SessionPlan { cache: session.cache.clone(), ..quiet(session) }
    }

    /// Keeps the session current.
    async fn keep(self: Rc<Self>, files: &Arc<SystemFiles>, log: &Arc<dyn Log>) -> Infallible {
        let plan = Arc::new(with_typed_password(self.plan(), self.passwords.typed()));
        let Self { name, channel, report, ports, .. } = &*self;
        let log = role_log(log, name.as_ref());
        let (clock, timer) = (&*ports.clock, &*ports.timer);
        let fetch = async || {
            let fetched = renewed(&plan, files, ports).await;
            if fetched.is_ok() && report.look_at_certificate(clock.now()) {
                let validity = certificate_validity(&plan, files, ports).await;
                validity.inspect(|validity| report.certificate(*validity, clock.now(), &*log));
            }
            fetched
        };
        let attempted = |fetched: &Result<Session, Error>, pause| {
            let is_valid = channel.status().valid(ClockReading::of(clock)).is_some();
            report.attempted(fetched, (is_valid, pause), &*log);
        };
        let renewal = Renewal { channel, clock, timer, attempted: &attempted };
        renewal.run(None, fetch).await
    }
}

/// Returns the plan for calls beside a program: without the cache of sessions, and without the line for a person
/// who waits.
fn quiet(plan: &SessionPlan) -> SessionPlan {
    SessionPlan { cache: CacheLocation::Disabled, waiting: WaitDisplay::Nothing, ..plan.clone() }
}

impl<'a> FollowedWithRoles<'a> {
    /// Returns other references, with the sessions and values of these.
    pub fn other(
        &self,
        roles: &ReferenceRoles,
        references: &[NamedReference],
    ) -> Result<Self, Error> {
        Rc::clone(&self.reader).following(roles, references)
    }

    /// Asks for the passwords of keys that have not been needed yet, and that a person has to type.
    pub fn ask_for_passwords(&self) -> Result<(), Error> {
        for role in &self.roles {
            let plan = role.plan();
            let client = SessionClient::open(self.reader.app, &plan);
            client.with_passwords(Arc::clone(&role.passwords)).ask_for_password()?;
        }
        Ok(())
    }

    /// Keeps sessions and values current, and the copies of these; also those of [`FollowedWithRoles::other`].
    /// Logs what keeps it from that.
    pub async fn run(&self, log: &Arc<dyn Log>) -> Infallible {
        self.reader.run(log).await
    }

    /// Reads with the roles of these references from now on.
    fn use_roles(&self) {
        let FollowedErrors { roles, upstream } = &*self.reader.errors;
        let mut used = roles.borrow_mut();
        let is_same = |(one, other): (&Rc<FollowedRole>, _)| Rc::ptr_eq(one, other);
        if used.len() == self.roles.len() && used.iter().zip(&self.roles).all(is_same) {
            return;
        }
        used.clone_from(&self.roles);
        upstream.replace_roles(used.iter().map(|role| role.upstream()).collect());
        self.reader.are_replaced.notify_one();
    }
}

impl ReferenceSource for FollowedWithRoles<'_> {
    fn read(&self) -> LocalBoxFuture<'_, Result<FollowedValues, Error>> {
        self.use_roles();
        self.references.read()
    }

    fn changed(&self, limit: Duration) -> LocalBoxFuture<'_, ()> {
        self.references.changed(limit)
    }
}
