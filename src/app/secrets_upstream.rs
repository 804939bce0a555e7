//! The calls of the secrets cache, with the sessions of the roles of a daemon.

mod kept_errors;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use crate::output::error::Error;
use crate::secrets::endpoints::ServiceEndpoints;
use crate::secrets_cache::failure::{no_session, of_call, of_refusal, refused};
use crate::secrets_cache::{
    CallResult, CallScope, FetchedValue, ReadFailure, ReadItem, ReadRequest, ReadingRole,
    SessionState, Upstream, UpstreamFailure,
};
use kept_errors::KeptErrors;
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;
use roles_anywhere_client::aws::get_parameters_by_path::{PathDepth, PathRequest};
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretVersion};
use roles_anywhere_client::aws::parameter::{Decryption, Parameter};
use roles_anywhere_client::aws::secret_description::SecretDescription;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::diagnosis::Refusal;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::provider::parameter_store::ParameterStore;
use roles_anywhere_client::provider::secrets_manager::{SecretsManager, ServiceCallError};
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::StatusChannel;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::time::Deadline;

/// Secrets Manager and the Parameter Store, called with the sessions of roles that a reload replaces.
#[derive(Default)]
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct SecretsUpstream {
    roles: RefCell<Vec<Rc<UpstreamRole>>>,
    /// The last error of each item that was not read, if they are kept.
    errors: Option<RefCell<KeptErrors>>,
}

/// A role of a daemon, and how secrets are read with it.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct UpstreamRole {
    name: Option<Arc<str>>,
    role: Rc<ReadingRole>,
    provider: RolesAnywhere,
    channel: Arc<StatusChannel>,
    endpoints: ServiceEndpoints,
    ports: Ports,
}

impl UpstreamRole {
    /// Returns a role with its name in the configuration file, if it has one. Its sessions are those of
    /// `channel`; what has no Region is in `region`.
    pub fn new(
        name: Option<Arc<str>>,
        provider: RolesAnywhere,
        channel: Arc<StatusChannel>,
        (endpoints, region): (ServiceEndpoints, Region),
        ports: Ports,
    ) -> Self {
        let arn = provider.role().to_string();
        let role = ReadingRole {
            id: format!("{}={arn}", name.as_deref().unwrap_or_default()).into(),
            account: provider.role().account().into(),
            arn: arn.into(),
            region,
        };
        Self { name, role: Rc::new(role), provider, channel, endpoints, ports }
    }

    /// Returns the session, and the deadline of a call with it.
    async fn session(&self, limit: Duration) -> CallResult<(Arc<Session>, Deadline)> {
        let (clock, timer) = (&*self.ports.clock, &*self.ports.timer);
        let deadline = Deadline::new(clock.uptime(), limit);
        let status = self.channel.wait_for_session(clock, timer, limit).await;
        let session = status.usable(ClockReading::of(clock));
        let session = session.ok_or_else(|| {
            let is_late = deadline.remaining(clock.uptime()).is_zero();
            no_session(status.last_error.as_deref(), is_late)
        })?;
        Ok((Arc::clone(session), deadline))
    }

    /// Returns another session than `rejected`, which AWS does not accept, if there is one by `deadline`.
    async fn other_session(&self, rejected: &Session, deadline: Deadline) -> Option<Arc<Session>> {
        let (clock, timer) = (&*self.ports.clock, &*self.ports.timer);
        let limit = deadline.remaining(clock.uptime());
        let status = self.channel.wait_for_other_session(rejected, timer, limit).await;
        let session = status.usable(ClockReading::of(clock))?;
        let id = |session: &Session| session.credentials.access_key_id.clone();
        (id(session) != id(rejected)).then(|| Arc::clone(session))
    }

    fn secrets_manager(&self, region: &Region) -> RegionalEndpoint {
        self.endpoints.secrets_manager(region)
    }

    fn parameters<'a>(
        &'a self,
        at: &'a RegionalEndpoint,
        decryption: Decryption,
    ) -> ParameterStore<'a> {
        ParameterStore { at, provider: &self.provider, decryption }
    }
}

impl SecretsUpstream {
    /// Returns one for `roles`, of which the first is used if none is named.
    pub fn new(roles: Vec<UpstreamRole>) -> Self {
        let upstream = Self::default();
        upstream.replace_roles(roles);
        upstream
    }

    /// Returns one without roles, which keeps the last error of each item. There must be few.
    pub fn keeping_errors() -> Self {
        Self { errors: Some(RefCell::default()), ..Self::default() }
    }

    /// Returns the whole error of a read, if it was kept.
    pub fn error(&self, read: &ReadRequest, failure: &ReadFailure) -> Option<Arc<Error>> {
        let role = self.role(read.role.as_deref())?;
        let region = read.item.region().or(read.region.as_ref()).unwrap_or(&role.region);
        let errors = self.errors.as_ref()?.borrow();
        errors.find((&role.id, region, &read.item), failure)
    }

    /// Returns the failure of a call, and keeps its error if it was of an item.
    fn failed(
        &self,
        scope: &CallScope,
        item: Option<&ReadItem>,
        error: ServiceCallError,
    ) -> UpstreamFailure {
        let failed = of_call(&error);
        if let (Some(errors), Some(item)) = (&self.errors, item) {
            let (UpstreamFailure::Refused(failure)
            | UpstreamFailure::NoVersion(failure)
            | UpstreamFailure::Outage(_, failure)) = &failed;
            errors.borrow_mut().keep((scope, item), failure, error.into());
        }
        failed
    }

    /// Calls with other roles from now on. What was read with a role that is gone is not served any more.
    pub fn replace_roles(&self, roles: Vec<UpstreamRole>) {
        *self.roles.borrow_mut() = roles.into_iter().map(Rc::new).collect();
    }

    fn find(&self, role: &ReadingRole) -> Option<Rc<UpstreamRole>> {
        self.roles.borrow().iter().find(|known| known.role.id == role.id).cloned()
    }

    /// Makes a call with the session of a role, which may be one for an item. If AWS does not accept the session,
    /// it is replaced, and the call is made once more.
    async fn call<T>(
        &self,
        (scope, item): (&CallScope, Option<&ReadItem>),
        limit: Duration,
        call: impl AsyncFn(&UpstreamRole, &Session, Deadline) -> Result<T, ServiceCallError>,
    ) -> CallResult<T> {
        let role = self.find(&scope.role);
        let role = role.ok_or_else(|| refused(ReadFailure::UnknownRole))?;
        let (session, deadline) = role.session(limit).await?;
        let result = match call(&role, &session, deadline).await {
            Err(refusal @ ServiceCallError::SessionRefused(_)) => {
                match role.other_session(&session, deadline).await {
                    Some(other) => call(&role, &other, deadline).await,
                    None => Err(refusal),
                }
            }
            result => result,
        };
        result.map_err(|error| self.failed(scope, item, error))
    }
}

impl Upstream for SecretsUpstream {
    fn role(&self, role: Option<&str>) -> Option<Rc<ReadingRole>> {
        let roles = self.roles.borrow();
        let is_it = |known: &&Rc<UpstreamRole>| {
            role.is_none_or(|role| *known.role.arn == *role || known.name.as_deref() == Some(role))
        };
        roles.iter().find(is_it).map(|known| Rc::clone(&known.role))
    }

    fn session(&self, role: &ReadingRole) -> SessionState {
        let Some(role) = self.find(role) else {
            return SessionState::Refused(ReadFailure::UnknownRole);
        };
        let status = role.channel.status();
        // The status is read for each request: most have no refusal.
        match &status.refusal {
            Some(error) if status.usable(ClockReading::of(&*role.ports.clock)).is_none() => {
                SessionState::Refused(ReadFailure::NoSession { code: error.code() })
            }
            _ => SessionState::Usable,
        }
    }

    fn get<'a>(
        &'a self,
        scope: &'a CallScope,
        item: &'a ReadItem,
        limit: Duration,
    ) -> LocalBoxFuture<'a, CallResult<FetchedValue>> {
        Box::pin(self.call((scope, Some(item)), limit, async move |role, session, deadline| {
            let (region, ports, provider) = (&scope.region, &role.ports, &role.provider);
            match item {
                ReadItem::Secret(request) => {
                    let secrets = SecretsManager { at: &role.secrets_manager(region), provider };
                    let secret = secrets.get_secret_value(request, session, ports, deadline);
                    secret.await.map(FetchedValue::Secret)
                }
                ReadItem::Parameter(request, decryption) => {
                    let at = role.endpoints.parameter_store(region);
                    let parameters = role.parameters(&at, *decryption);
                    let parameter = parameters.get_parameter(request, session, ports, deadline);
                    parameter.await.map(FetchedValue::Parameter)
                }
            }
        }))
    }

    fn describe<'a>(
        &'a self,
        scope: &'a CallScope,
        secret: &'a SecretId,
        limit: Duration,
    ) -> LocalBoxFuture<'a, CallResult<SecretDescription>> {
        Box::pin(self.call((scope, None), limit, async move |role, session, deadline| {
            let at = &role.secrets_manager(&scope.region);
            let secrets = SecretsManager { at, provider: &role.provider };
            secrets.describe_secret(secret, session, &role.ports, deadline).await
        }))
    }

    fn batch_get<'a>(
        &'a self,
        scope: &'a CallScope,
        secrets: &'a [SecretId],
        limit: Duration,
    ) -> LocalBoxFuture<'a, CallResult<Vec<CallResult<SecretVersion>>>> {
        Box::pin(self.call((scope, None), limit, async move |role, session, deadline| {
            let at = &role.secrets_manager(&scope.region);
            let manager = SecretsManager { at, provider: &role.provider };
            let found = manager.batch_get_secret_value(secrets, session, &role.ports, deadline);
            let of_each =
                |found: Result<_, Box<Refusal>>| found.map_err(|refusal| of_refusal(&refusal));
            Ok(found.await?.into_iter().map(of_each).collect())
        }))
    }

    fn list_secrets<'a>(
        &'a self,
        scope: &'a CallScope,
        prefix: Option<&'a str>,
        limit: Duration,
    ) -> LocalBoxFuture<'a, CallResult<Vec<SecretDescription>>> {
        Box::pin(self.call((scope, None), limit, async move |role, session, deadline| {
            let at = &role.secrets_manager(&scope.region);
            let secrets = SecretsManager { at, provider: &role.provider };
            secrets.list_secrets(prefix, session, &role.ports, deadline).await
        }))
    }

    fn parameters_below<'a>(
        &'a self,
        scope: &'a CallScope,
        path: &'a str,
        limit: Duration,
    ) -> LocalBoxFuture<'a, CallResult<Vec<Parameter>>> {
        Box::pin(self.call((scope, None), limit, async move |role, session, deadline| {
            let at = role.endpoints.parameter_store(&scope.region);
            let parameters = role.parameters(&at, Decryption::Decrypted);
            let request = PathRequest { path: path.to_owned(), depth: PathDepth::AllLevels };
            parameters.get_parameters_by_path(&request, session, &role.ports, deadline).await
        }))
    }
}

#[cfg(test)]
mod tests;
