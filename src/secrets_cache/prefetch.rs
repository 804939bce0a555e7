//! What is read when the cache starts.

use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::SecretsCache;
use super::entry::CallSpan;
use super::outcome::CallTimes;
use super::policy::CALL_LIMIT;
use super::read::{OutageReason, ReadItem};
use super::upstream::{CallScope, ReadingRole, UpstreamFailure};
use super::value::FetchedValue;
use roles_anywhere_client::aws::batch_get_secret_value::MAX_SECRETS;
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretRequest};
use roles_anywhere_client::aws::json_protocol::JsonOperation;
use roles_anywhere_client::aws::parameter::{Decryption, Parameter, ParameterId, ParameterRequest};
use roles_anywhere_client::aws::secret_description::SecretDescription;

/// What is read when the cache starts, so that its first reader does not wait.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Prefetch {
    /// The role that reads it, as in [`ReadRequest`](super::ReadRequest).
    pub role: Option<Arc<str>>,
    /// What is read.
    pub items: PrefetchItems,
}

/// Secrets or parameters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PrefetchItems {
    /// A secret.
    Secret(SecretId),
    /// The secrets with a tag, and with a value of it if one is given.
    Tag {
        /// The key.
        key: String,
        /// The value.
        value: Option<String>,
    },
    /// A parameter.
    Parameter(ParameterId),
    /// The secrets and the parameters below a path, such as `/prod`.
    Path(String),
}

/// The bounds of the time after which it is tried again what failed in an outage.
const PAUSE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(1));

impl SecretsCache {
    /// Reads what is to be read at the start; what fails in an outage, again later.
    pub(super) async fn prefetch(&self) -> Infallible {
        loop {
            let prefetch = self.prefetch.borrow().clone();
            let (reading, changed) =
                (pin!(self.prefetch_all(prefetch)), pin!(self.prefetch_changed.notified()));
            match select(reading, changed).await {
                Either::Left((never, _)) => match never {},
                Either::Right(_) => {}
            }
        }
    }

    async fn prefetch_all(&self, mut pending: Vec<Prefetch>) -> Infallible {
        let (mut pause, longest) = PAUSE;
        while !pending.is_empty() {
            pending = self.prefetch_once(pending).await;
            if !pending.is_empty() {
                self.ports.timer.sleep(pause).await;
                pause = longest.min(2 * pause);
            }
        }
        std::future::pending().await
    }

    /// Reads what is `pending`, secrets 20 at a time. Returns what is to be tried again.
    async fn prefetch_once(&self, mut pending: Vec<Prefetch>) -> Vec<Prefetch> {
        let mut again = Vec::new();
        pending.sort_by(|one, other| one.role.cmp(&other.role));
        for of_role in pending.chunk_by(|one, other| one.role == other.role) {
            let name = &of_role[0].role;
            let Some(role) = self.upstream.role(name.as_deref()) else { continue };
            let (mut secrets, mut failed) = (Vec::new(), Vec::new());
            for Prefetch { items, .. } in of_role {
                match items {
                    PrefetchItems::Secret(id) => secrets.push(id.clone()),
                    items => failed.extend(self.prefetch_items(&role, items.clone()).await),
                }
            }
            failed.extend(self.prefetch_secrets(&role, secrets).await);
            again.extend(failed.into_iter().map(|items| Prefetch { role: name.clone(), items }));
        }
        again
    }

    /// Returns what is to be tried again.
    async fn prefetch_items(
        &self,
        role: &Rc<ReadingRole>,
        items: PrefetchItems,
    ) -> Vec<PrefetchItems> {
        let scope = CallScope { role: Rc::clone(role), region: role.region.clone() };
        match &items {
            PrefetchItems::Secret(id) => self.prefetch_secrets(role, vec![id.clone()]).await,
            PrefetchItems::Parameter(id) => {
                let request = ParameterRequest::latest(id.clone());
                let item = ReadItem::Parameter(request, Decryption::Decrypted);
                match self.prefetch_one(role, item).await {
                    Err(()) => vec![items],
                    Ok(()) => Vec::new(),
                }
            }
            PrefetchItems::Tag { key, value } => match self.list(&scope, None).await {
                Ok(listed) => {
                    let has_tag = |secret: &SecretDescription| {
                        let mut tags = secret.tags.iter().filter(|tag| tag.key == *key);
                        tags.any(|tag| value.as_ref().is_none_or(|value| tag.value == *value))
                    };
                    self.prefetch_secrets(role, ids(&listed, has_tag)).await
                }
                Err(failure) => if_outage(&failure, items),
            },
            PrefetchItems::Path(path) => {
                let path = format!("{}/", path.trim_end_matches('/'));
                let mut again = Vec::new();
                match self.list(&scope, Some(&path)).await {
                    Ok(listed) => {
                        again.extend(self.prefetch_secrets(role, ids(&listed, |_| true)).await);
                    }
                    Err(failure) => again.extend(if_outage(&failure, items.clone())),
                }
                // The paths of parameters start with a slash.
                if path.starts_with('/') {
                    again.extend(self.prefetch_parameters(&scope, &path, &items).await);
                }
                again
            }
        }
    }

    /// Reads current versions, 20 at a time, and returns those to be tried again.
    async fn prefetch_secrets(
        &self,
        role: &Rc<ReadingRole>,
        mut ids: Vec<SecretId>,
    ) -> Vec<PrefetchItems> {
        ids.truncate(self.policy.get().max_entries);
        let region = |id: &SecretId| id.region().unwrap_or(&role.region).clone();
        ids.sort_by_key(|id| region(id).to_string());
        let mut again = Vec::new();
        for of_region in ids.chunk_by(|one, other| region(one) == region(other)) {
            let scope = CallScope { role: Rc::clone(role), region: region(&of_region[0]) };
            for batch in of_region.chunks(MAX_SECRETS) {
                let failed = match batch {
                    [_] => self.prefetch_one_by_one(role, batch).await,
                    _ => self.prefetch_batch(&scope, batch).await,
                };
                again.extend(failed.into_iter().map(PrefetchItems::Secret));
            }
        }
        again
    }

    async fn prefetch_batch(&self, scope: &CallScope, batch: &[SecretId]) -> Vec<SecretId> {
        let (began, number) = (self.ports.clock.uptime(), self.next_number());
        let removed = self.entries.borrow().removed_values();
        let found = self.upstream.batch_get(scope, batch, CALL_LIMIT).await;
        self.statistics.borrow_mut().count_call(JsonOperation::BatchGetSecretValue, &found);
        let found = match found {
            Ok(found) => found,
            Err(UpstreamFailure::Outage(..)) => return batch.to_vec(),
            // The role may not use the operation.
            Err(UpstreamFailure::Refused(_)) => {
                return self.prefetch_one_by_one(&scope.role, batch).await;
            }
        };
        let span = CallSpan { began: number, ended: self.next_number() };
        let mut again = Vec::new();
        for (id, found) in batch.iter().zip(found) {
            match found {
                Ok(secret) => {
                    let item = ReadItem::Secret(SecretRequest::current(id.clone()));
                    let fetched = FetchedValue::Secret(secret);
                    self.keep(scope, (&item, fetched), CallTimes { span, began }, removed);
                }
                Err(UpstreamFailure::Outage(..)) => again.push(id.clone()),
                Err(UpstreamFailure::Refused(_)) => {}
            }
        }
        again
    }

    async fn prefetch_one_by_one(&self, role: &Rc<ReadingRole>, ids: &[SecretId]) -> Vec<SecretId> {
        let mut again = Vec::new();
        for id in ids {
            let item = ReadItem::Secret(SecretRequest::current(id.clone()));
            if self.prefetch_one(role, item).await.is_err() {
                again.push(id.clone());
            }
        }
        again
    }

    /// Reads an item; an error if there is an outage.
    async fn prefetch_one(&self, role: &Rc<ReadingRole>, item: ReadItem) -> Result<(), ()> {
        let region = item.region().unwrap_or(&role.region).clone();
        let entry = self.entry_in(role, &region, &item);
        if entry.state.borrow().held.is_some() {
            return Ok(());
        }
        let call = self.call_in_background(&entry);
        match call.outcome().await {
            Err(failed) if failed.outage.is_some_and(OutageReason::concerns_all) => Err(()),
            _ => Ok(()),
        }
    }

    async fn prefetch_parameters(
        &self,
        scope: &CallScope,
        path: &str,
        items: &PrefetchItems,
    ) -> Vec<PrefetchItems> {
        let (began, number) = (self.ports.clock.uptime(), self.next_number());
        let removed = self.entries.borrow().removed_values();
        let found = self.upstream.parameters_below(scope, path, CALL_LIMIT).await;
        self.statistics.borrow_mut().count_call(JsonOperation::GetParametersByPath, &found);
        let span = CallSpan { began: number, ended: self.next_number() };
        match found {
            Ok(parameters) => {
                for parameter in parameters.into_iter().take(self.policy.get().max_entries) {
                    let Parameter { name, .. } = &parameter;
                    let request = ParameterRequest::latest(ParameterId::Name(name.clone()));
                    let item = ReadItem::Parameter(request, Decryption::Decrypted);
                    let fetched = FetchedValue::Parameter(parameter);
                    self.keep(scope, (&item, fetched), CallTimes { span, began }, removed);
                }
                Vec::new()
            }
            Err(failure) => if_outage(&failure, items.clone()),
        }
    }

    /// Keeps a value that was read together with others; `removed` is how many values were removed before
    /// that.
    fn keep(
        &self,
        scope: &CallScope,
        (item, fetched): (&ReadItem, FetchedValue),
        times: CallTimes,
        removed: u64,
    ) {
        // If some were removed since, a later version of this one may be among them.
        if self.entries.borrow().removed_values() != removed {
            return;
        }
        let entry = self.entry_in(&scope.role, &scope.region, item);
        self.store(&entry, fetched, times);
        self.shrink();
    }
}

fn ids(
    listed: &[SecretDescription],
    is_meant: impl Fn(&SecretDescription) -> bool,
) -> Vec<SecretId> {
    let arns = listed.iter().filter(|secret| is_meant(secret)).map(|secret| &secret.arn);
    arns.filter_map(|arn| arn.parse().ok()).collect()
}

fn if_outage(failure: &UpstreamFailure, items: PrefetchItems) -> Vec<PrefetchItems> {
    match failure {
        UpstreamFailure::Outage(reason, _) if reason.concerns_all() => vec![items],
        UpstreamFailure::Outage(..) | UpstreamFailure::Refused(_) => Vec::new(),
    }
}
