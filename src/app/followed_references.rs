//! References that are followed in this process: their sessions come from the session cache, their values from
//! a cache of secrets.

use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, LocalBoxFuture, join_all, select};

use crate::app::App;
use crate::app::secrets_upstream::{SecretsUpstream, UpstreamRole};
use crate::app::session::{SessionClient, renewed, with_typed_password};
use crate::follow::cached_references::CachedReferences;
use crate::follow::source::{FollowedValues, ReferenceSource};
use crate::options::reference_roles::{ReferenceRole, ReferenceRoles};
use crate::options::session_plan::SessionPlan;
use crate::os::files::SystemFiles;
use crate::os::password::KeyPassword;
use crate::output::error::Error;
use crate::output::waiting::WaitDisplay;
use crate::secrets::reference::NamedReference;
use crate::secrets_cache::{CachePolicy, SecretsCache};
use crate::server::secrets::OfflinePlan;
use crate::session_cache::CacheLocation;
use crate::session_cache::renewal::Renewal;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::refresh::status::StatusChannel;

/// References that are followed in this process. [`FollowedReferences::run`] has to be polled beside the reads.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct FollowedReferences<'a> {
    app: &'a App,
    references: CachedReferences,
    cache: Rc<SecretsCache>,
    roles: Vec<FollowedRole>,
    /// The copies on disk that are kept current, and may stand in.
    offline: Option<OfflinePlan>,
    ports: Ports,
}

/// A role that references are read with.
struct FollowedRole {
    plan: SessionPlan,
    passwords: Arc<KeyPassword>,
    channel: Arc<StatusChannel>,
    ports: Ports,
}

impl App {
    /// Returns `references`, to be followed by a cache with `policy`. Opens and calls nothing. What is made
    /// before the first read of the references shares the passwords of keys that are typed for that.
    pub fn followed_references<'a>(
        &'a self,
        roles: &ReferenceRoles,
        references: &[NamedReference],
        policy: CachePolicy,
    ) -> Result<FollowedReferences<'a>, Error> {
        let named = roles.named(references, self.environment(), self.paths());
        let plan = named.lookups(references)?;
        let (mut followed, mut calling) = (Vec::new(), Vec::new());
        for name in plan.roles() {
            let role = named.role(name).map_err(Error::from)?;
            let (of_role, upstream) = FollowedRole::open(self, name, role);
            followed.push(of_role);
            calling.push(upstream);
        }
        let ports = SessionClient::open(self, &quiet(&roles.own().session)).ports();
        let (ttl, timer) = (policy.ttl, Arc::clone(&ports.timer));
        let upstream = Rc::new(SecretsUpstream::new(calling));
        let cache = Rc::new(SecretsCache::new(upstream as _, ports.clone(), policy, Vec::new()));
        let references =
            CachedReferences::new(references, plan, Rc::clone(&cache) as _, ttl, timer);
        let (roles, offline) = (followed, roles.offline().cloned());
        Ok(FollowedReferences { app: self, references, cache, roles, offline, ports })
    }
}

impl FollowedRole {
    /// Returns a role, and how secrets are read with it.
    fn open(app: &App, name: Option<&str>, role: &ReferenceRole) -> (Self, UpstreamRole) {
        let plan = quiet(&role.session);
        let client = app.key_passwords().share(SessionClient::open(app, &plan));
        let (passwords, ports) = (Arc::clone(client.passwords()), client.ports());
        let channel = Arc::new(StatusChannel::default());
        let upstream = UpstreamRole::new(
            name.map(Into::into),
            plan.provider.clone(),
            Arc::clone(&channel),
            (role.endpoints.clone(), role.region.clone()),
            ports.clone(),
        );
        // What renews the session reads the cache of sessions, and nothing else here does.
        let plan = SessionPlan { cache: role.session.cache.clone(), ..plan };
        (Self { plan, passwords, channel, ports }, upstream)
    }

    /// Keeps the session current.
    async fn keep(&self, files: &Arc<SystemFiles>) -> Infallible {
        let plan = Arc::new(with_typed_password(self.plan.clone(), self.passwords.typed()));
        let Self { channel, ports, .. } = self;
        let renewal = Renewal { channel, clock: &*ports.clock, timer: &*ports.timer };
        renewal.run(None, async || renewed(&plan, files, ports).await).await
    }
}

/// Returns the plan for calls beside a program: without the cache of sessions, and without the line for a person
/// who waits.
fn quiet(plan: &SessionPlan) -> SessionPlan {
    SessionPlan { cache: CacheLocation::Disabled, waiting: WaitDisplay::Nothing, ..plan.clone() }
}

impl FollowedReferences<'_> {
    /// Asks for the passwords of keys that have not been needed yet, and that a person has to type.
    pub fn ask_for_passwords(&self) -> Result<(), Error> {
        for role in &self.roles {
            let client = SessionClient::open(self.app, &role.plan);
            client.with_passwords(Arc::clone(&role.passwords)).ask_for_password()?;
        }
        Ok(())
    }

    /// Keeps sessions and values current, and the copies of these.
    pub async fn run(&self) -> Infallible {
        let files = self.app.files();
        let sessions = join_all(self.roles.iter().map(|role| role.keep(files)));
        let values = self.cache.keep_fresh(&|_| {});
        let sessions = async {
            sessions.await;
            // Without roles, there is nothing to keep.
            std::future::pending().await
        };
        let offline = self.offline.as_ref();
        let copies = offline.and_then(|plan| self.app.offline_copies_or_warning(plan, &self.ports));
        let copies = copies.map(Rc::new);
        self.cache.keep_copies(copies.clone().map(|copies| copies as _));
        let copies = async {
            match copies {
                Some(copies) => copies.keep().await,
                None => std::future::pending().await,
            }
        };
        match select(pin!(sessions), select(pin!(values), pin!(copies))).await {
            Either::Left((never, _)) => never,
            Either::Right((either, _)) => match either {
                Either::Left((never, _)) | Either::Right((never, _)) => never,
            },
        }
    }
}

impl ReferenceSource for FollowedReferences<'_> {
    fn read(&self) -> LocalBoxFuture<'_, Result<FollowedValues, Error>> {
        self.references.read()
    }

    fn changed(&self, limit: Duration) -> LocalBoxFuture<'_, ()> {
        self.references.changed(limit)
    }
}
