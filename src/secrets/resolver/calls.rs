//! The calls of one role.

use std::sync::Arc;

use futures_util::future::join_all;

use super::RoleAccess;
use crate::output::error::Error;
use crate::secrets::lookup::{Call, LookupItem, LookupPlan};
use crate::secrets_cache::failure::{of_call, refused};
use crate::secrets_cache::{ReadFailure, UpstreamFailure};
use crate::session_cache::{ServedFrom, ServedSession};
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretRequest, SecretVersion};
use roles_anywhere_client::aws::json_protocol::{JsonOperation, JsonResponseError};
use roles_anywhere_client::aws::parameter::{Decryption, Parameter, ParameterRequest};
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::diagnosis::{Cause, Refusal};
use roles_anywhere_client::provider::parameter_store::{MissingParameter, ParameterStore};
use roles_anywhere_client::provider::secrets_manager::{SecretsManager, ServiceCallError};

/// What a lookup found.
#[derive(Debug)]
pub enum Found {
    /// A version of a secret.
    Secret(SecretVersion),
    /// A version of a parameter.
    Parameter(Parameter),
}

/// Why lookups found nothing: of one, or of all those of a call.
#[derive(Clone, Debug)]
pub struct CallFailure {
    /// Whether AWS says that there is no such secret, parameter or version. A denied call may have the
    /// same reason, but AWS does not say so.
    pub is_missing: bool,
    /// Whether it is an outage, or AWS refuses what was looked up.
    pub failure: UpstreamFailure,
    /// The error.
    pub error: Arc<Error>,
}

impl From<ServiceCallError> for CallFailure {
    fn from(error: ServiceCallError) -> Self {
        let is_missing = match &error {
            ServiceCallError::Refused(refusal) => is_not_found(refusal),
            _ => false,
        };
        Self { is_missing, failure: of_call(&error), error: Arc::new(error.into()) }
    }
}

impl From<Box<Refusal>> for CallFailure {
    fn from(refusal: Box<Refusal>) -> Self {
        ServiceCallError::Refused(refusal).into()
    }
}

impl From<Box<MissingParameter>> for CallFailure {
    fn from(missing: Box<MissingParameter>) -> Self {
        let failure = refused(ReadFailure::Unreadable);
        Self { is_missing: true, failure, error: Arc::new((*missing).into()) }
    }
}

fn is_not_found(refusal: &Refusal) -> bool {
    refusal.service_error.code.as_deref() == Some("ResourceNotFoundException")
}

/// The results of some lookups, by index.
type Results = Vec<(usize, Result<Found, CallFailure>)>;

/// How many calls are on their way at the same time: each may need a connection of its own.
const SIDE_BY_SIDE: usize = 8;

/// The calls of a plan that a role makes.
pub(super) struct RoleCalls<'a> {
    pub(super) access: &'a RoleAccess<'a>,
    pub(super) plan: &'a LookupPlan,
}

impl RoleCalls<'_> {
    /// Returns what the role's lookups found, and its session, of which the error is.
    pub(super) async fn read(&self) -> Result<(Results, Session), Error> {
        let RoleAccess { role, sessions, ports, deadline, .. } = self.access;
        let calls = self.plan.calls().iter().filter(|call| call.scope.role.as_deref() == *role);
        let calls: Vec<Call> = calls.cloned().collect();
        let ServedSession { mut session, from, .. } = sessions.session(ports, *deadline).await?;
        let (mut results, mut refused) = self.run(&calls, &session).await;
        // A session that was cached may have been revoked, or belong to another clock.
        if !refused.is_empty() && from == ServedFrom::Cache {
            session = sessions.replace(&session, ports, *deadline).await?.session;
            let calls: Vec<Call> = refused.into_iter().map(|(call, _)| call).collect();
            let (others, refused_again) = self.run(&calls, &session).await;
            results.extend(others);
            refused = refused_again;
        }
        for (call, error) in refused {
            results.extend(failed(&call, error));
        }
        Ok((results, session))
    }

    /// Runs calls with a session. Those that refuse the session are returned with their errors.
    async fn run(
        &self,
        calls: &[Call],
        session: &Session,
    ) -> (Results, Vec<(Call, ServiceCallError)>) {
        let (mut results, mut refused, mut next) = (Vec::new(), Vec::new(), calls.to_vec());
        // The second time, what a failed call of several was to read is read one by one.
        while !next.is_empty() {
            for (call, outcome) in self.side_by_side(&std::mem::take(&mut next), session).await {
                match outcome {
                    Ok(found) => results.extend(found),
                    Err(error @ ServiceCallError::SessionRefused(_)) => refused.push((call, error)),
                    Err(error) if call.lookups.len() > 1 && is_of_one(&error) => {
                        next.extend(one_by_one(&call));
                    }
                    Err(error) => results.extend(failed(&call, error)),
                }
            }
        }
        (results, refused)
    }

    async fn side_by_side(
        &self,
        calls: &[Call],
        session: &Session,
    ) -> Vec<(Call, Result<Results, ServiceCallError>)> {
        let mut outcomes = Vec::with_capacity(calls.len());
        for some in calls.chunks(SIDE_BY_SIDE) {
            let results = join_all(some.iter().map(|call| self.send(call, session))).await;
            outcomes.extend(some.iter().cloned().zip(results));
        }
        outcomes
    }

    async fn send(&self, call: &Call, session: &Session) -> Result<Results, ServiceCallError> {
        let RoleAccess { sessions, endpoints, ports, deadline, .. } = self.access;
        let (provider, region, deadline) = (sessions.provider(), &call.scope.region, *deadline);
        if call.operation == JsonOperation::GetParameters {
            let at = &endpoints.parameter_store(region);
            let store = ParameterStore { at, provider, decryption: Decryption::Decrypted };
            let requests = self.parameters(call);
            let results = store.get_parameters(&requests, session, ports, deadline);
            let results = results.await?.into_iter().map(|result| match result {
                Ok(parameter) => Ok(Found::Parameter(parameter)),
                Err(missing) => Err(missing.into()),
            });
            return Ok(call.lookups.iter().copied().zip(results).collect());
        }
        let secrets = SecretsManager { at: &endpoints.secrets_manager(region), provider };
        let requests = self.secrets(call);
        if let [request] = requests[..] {
            let secret = secrets.get_secret_value(request, session, ports, deadline).await?;
            let index = call.lookups.iter().copied();
            return Ok(index.map(|index| (index, Ok(Found::Secret(secret.clone())))).collect());
        }
        let ids: Vec<SecretId> = requests.iter().map(|request| request.secret.clone()).collect();
        let results = secrets.batch_get_secret_value(&ids, session, ports, deadline).await?;
        let results = results.into_iter().map(|result| match result {
            Ok(secret) => Ok(Found::Secret(secret)),
            Err(refusal) => Err(refusal.into()),
        });
        Ok(call.lookups.iter().copied().zip(results).collect())
    }

    fn secrets(&self, call: &Call) -> Vec<&SecretRequest> {
        let items = call.lookups.iter().map(|index| &self.plan.lookups()[*index].item);
        items
            .filter_map(|item| match item {
                LookupItem::Secret(request) => Some(request),
                LookupItem::Parameter(_) => None,
            })
            .collect()
    }

    fn parameters(&self, call: &Call) -> Vec<ParameterRequest> {
        let items = call.lookups.iter().map(|index| &self.plan.lookups()[*index].item);
        items
            .filter_map(|item| match item {
                LookupItem::Parameter(request) => Some(request.clone()),
                LookupItem::Secret(_) => None,
            })
            .collect()
    }
}

/// Returns whether a call of several may have failed because of one of them, or of the operation: then
/// each is asked for by itself, and has an error of its own. Whatever fails for all would fail again.
fn is_of_one(error: &ServiceCallError) -> bool {
    match error {
        ServiceCallError::Refused(refusal) => !refusal.causes.iter().any(|cause| {
            matches!(cause, Cause::Throttled | Cause::AnotherServer | Cause::ServiceFailure)
        }),
        ServiceCallError::Response(JsonResponseError::LeftOut(_)) => true,
        _ => false,
    }
}

fn one_by_one(call: &Call) -> impl Iterator<Item = Call> + use<'_> {
    let operation = match call.operation {
        JsonOperation::BatchGetSecretValue => JsonOperation::GetSecretValue,
        operation => operation,
    };
    let scope = &call.scope;
    let of_one = move |index| Call { scope: scope.clone(), operation, lookups: vec![index] };
    call.lookups.iter().copied().map(of_one)
}

fn failed(call: &Call, error: ServiceCallError) -> Results {
    let error = CallFailure::from(error);
    let of = |index| (index, Err(error.clone()));
    call.lookups.iter().copied().map(of).collect()
}
