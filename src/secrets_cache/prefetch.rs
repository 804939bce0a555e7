//! What is read when the cache starts.

mod failure;
mod items;

pub use failure::{PrefetchFailure, ReportPrefetchFailure};
pub use items::{Prefetch, PrefetchItems};

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use failure::{PrefetchOfRole, ReportedOutages};

use super::SecretsCache;
use super::decision::LastFailure;
use super::entry::CallSpan;
use super::outcome::CallTimes;
use super::policy::CALL_LIMIT;
use super::read::{ReadFailure, ReadItem};
use super::refusal::RefusedPart;
use super::upstream::{CallScope, UpstreamFailure};
use super::value::FetchedValue;
use roles_anywhere_client::aws::batch_get_secret_value::MAX_SECRETS;
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretRequest};
use roles_anywhere_client::aws::json_protocol::JsonOperation;
use roles_anywhere_client::aws::parameter::{Decryption, ParameterId, ParameterRequest};
use roles_anywhere_client::aws::secret_description::SecretDescription;

/// The bounds of the time after which it is tried again what failed in an outage.
const PAUSE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(1));

impl SecretsCache {
    /// Reads what is to be read at the start; what fails in an outage, again later.
    pub(super) async fn prefetch(&self, report: ReportPrefetchFailure<'_>) -> Infallible {
        loop {
            let prefetch = self.prefetch.borrow().clone();
            let reading = pin!(self.prefetch_all(prefetch, report));
            let changed = pin!(self.prefetch_changed.notified());
            match select(reading, changed).await {
                Either::Left((never, _)) => match never {},
                Either::Right(_) => {}
            }
        }
    }

    async fn prefetch_all(
        &self,
        mut pending: Vec<Prefetch>,
        report: ReportPrefetchFailure<'_>,
    ) -> Infallible {
        let (mut pause, longest) = PAUSE;
        let reported = ReportedOutages::default();
        while !pending.is_empty() {
            pending = self.prefetch_once(pending, (&reported, report)).await;
            if !pending.is_empty() {
                self.ports.timer.sleep(pause).await;
                pause = longest.min(2 * pause);
            }
        }
        std::future::pending().await
    }

    /// Reads what is `pending`, secrets 20 at a time. Returns what is to be tried again.
    async fn prefetch_once(
        &self,
        mut pending: Vec<Prefetch>,
        (reported, report): (&ReportedOutages, ReportPrefetchFailure<'_>),
    ) -> Vec<Prefetch> {
        let mut again = Vec::new();
        pending.sort_by(|one, other| one.role.cmp(&other.role));
        for of_role in pending.chunk_by(|one, other| one.role == other.role) {
            let name = of_role[0].role.clone();
            let Some(role) = self.upstream.role(name.as_deref()) else {
                for Prefetch { role, items } in of_role.iter().cloned() {
                    let failure = ReadFailure::UnknownRole;
                    report(&PrefetchFailure { role, items, others: 0, outage: None, failure });
                }
                continue;
            };
            let of = PrefetchOfRole { name, role, reported, report };
            let (mut secrets, mut failed) = (Vec::new(), Vec::new());
            for Prefetch { items, .. } in of_role {
                match items {
                    PrefetchItems::Secret(id) => secrets.push(id.clone()),
                    items => failed.extend(self.prefetch_items(&of, items.clone()).await),
                }
            }
            failed.extend(self.prefetch_secrets(&of, secrets).await);
            let role = of.name;
            again.extend(failed.into_iter().map(|items| Prefetch { role: role.clone(), items }));
        }
        again
    }

    /// Returns what is to be tried again.
    async fn prefetch_items(
        &self,
        of: &PrefetchOfRole<'_>,
        items: PrefetchItems,
    ) -> Vec<PrefetchItems> {
        let scope = of.scope(&of.role.region);
        match &items {
            PrefetchItems::Secret(id) => self.prefetch_secrets(of, vec![id.clone()]).await,
            PrefetchItems::Parameter(id) => {
                let request = ParameterRequest::latest(id.clone());
                let item = ReadItem::Parameter(request, Decryption::Decrypted);
                self.prefetch_one(of, item, items).await.into_iter().collect()
            }
            PrefetchItems::Tag { key, value } => match self.list(&scope, None).await {
                Ok(listed) => {
                    let has_tag = |secret: &SecretDescription| {
                        let mut tags = secret.tags.iter().filter(|tag| tag.key == *key);
                        tags.any(|tag| value.as_ref().is_none_or(|value| tag.value == *value))
                    };
                    self.prefetch_secrets(of, ids(&listed, has_tag)).await
                }
                Err(failure) => of.failed(items, failure).into_iter().collect(),
            },
            PrefetchItems::Path(path) => {
                let path = format!("{}/", path.trim_end_matches('/'));
                let mut again = Vec::new();
                match self.list(&scope, Some(&path)).await {
                    Ok(listed) => {
                        again.extend(self.prefetch_secrets(of, ids(&listed, |_| true)).await);
                    }
                    Err(failure) => again.extend(of.failed(items.clone(), failure)),
                }
                // The paths of parameters start with a slash.
                if path.starts_with('/') {
                    again.extend(self.prefetch_parameters(of, &path, &items).await);
                }
                again
            }
        }
    }

    /// Reads current versions, 20 at a time, and returns those to be tried again.
    async fn prefetch_secrets(
        &self,
        of: &PrefetchOfRole<'_>,
        mut ids: Vec<SecretId>,
    ) -> Vec<PrefetchItems> {
        ids.truncate(self.policy.get().max_entries);
        let region = |id: &SecretId| id.region().unwrap_or(&of.role.region).clone();
        ids.sort_by_key(|id| region(id).to_string());
        let mut again = Vec::new();
        for of_region in ids.chunk_by(|one, other| region(one) == region(other)) {
            let scope = of.scope(&region(&of_region[0]));
            for batch in of_region.chunks(MAX_SECRETS) {
                again.extend(match batch {
                    [_] => self.prefetch_one_by_one(of, batch).await,
                    _ => self.prefetch_batch(of, &scope, batch).await,
                });
            }
        }
        again
    }

    async fn prefetch_batch(
        &self,
        of: &PrefetchOfRole<'_>,
        scope: &CallScope,
        batch: &[SecretId],
    ) -> Vec<PrefetchItems> {
        let (in_flight, began) = (self.begin_call(), self.ports.clock.uptime());
        let removed = self.entries.borrow().removed_values();
        let found = self.upstream.batch_get(scope, batch, CALL_LIMIT).await;
        self.statistics.borrow_mut().count_call(JsonOperation::BatchGetSecretValue, &found);
        let found = match found {
            Ok(found) => found,
            // The role may not use the operation.
            Err(UpstreamFailure::Refused(_)) => return self.prefetch_one_by_one(of, batch).await,
            Err(outage) => {
                let items = batch.iter().map(|id| PrefetchItems::Secret(id.clone())).collect();
                return of.all_failed(items, outage);
            }
        };
        let span = CallSpan { began: in_flight.began, ended: self.next_number() };
        let mut again = Vec::new();
        for (id, found) in batch.iter().zip(found) {
            match found {
                Ok(secret) => {
                    let item = ReadItem::Secret(SecretRequest::current(id.clone()));
                    let fetched = FetchedValue::Secret(secret);
                    let times = CallTimes { span, began };
                    if !self.keep(scope, (&item, fetched), times, removed) {
                        let items = PrefetchItems::Secret(id.clone());
                        again.extend(self.prefetch_one(of, item, items).await);
                    }
                }
                Err(failure) => {
                    if let UpstreamFailure::Refused(_) = failure {
                        let item = ReadItem::Secret(SecretRequest::current(id.clone()));
                        self.remove_copy(scope, &item, RefusedPart::Whole);
                    }
                    again.extend(of.failed(PrefetchItems::Secret(id.clone()), failure));
                }
            }
        }
        again
    }

    async fn prefetch_one_by_one(
        &self,
        of: &PrefetchOfRole<'_>,
        ids: &[SecretId],
    ) -> Vec<PrefetchItems> {
        let mut again = Vec::new();
        for id in ids {
            let item = ReadItem::Secret(SecretRequest::current(id.clone()));
            again.extend(self.prefetch_one(of, item, PrefetchItems::Secret(id.clone())).await);
        }
        again
    }

    /// Reads an item. Returns `items`, which are the same, if it is to be tried again.
    async fn prefetch_one(
        &self,
        of: &PrefetchOfRole<'_>,
        item: ReadItem,
        items: PrefetchItems,
    ) -> Option<PrefetchItems> {
        let region = item.region().unwrap_or(&of.role.region).clone();
        let entry = self.entry_in(&of.role, &region, &item);
        if entry.state.borrow().held.as_ref().is_some_and(|held| held.copy.is_none()) {
            return None;
        }
        let call = self.call_in_background(&entry);
        let LastFailure { outage, failure, .. } = call.outcome().await.err()?;
        of.failed(
            items,
            match outage {
                Some(reason) => UpstreamFailure::Outage(reason, failure),
                None => UpstreamFailure::Refused(failure),
            },
        )
    }

    async fn prefetch_parameters(
        &self,
        of: &PrefetchOfRole<'_>,
        path: &str,
        items: &PrefetchItems,
    ) -> Vec<PrefetchItems> {
        let scope = &of.scope(&of.role.region);
        let (in_flight, began) = (self.begin_call(), self.ports.clock.uptime());
        let removed = self.entries.borrow().removed_values();
        let found = self.upstream.parameters_below(scope, path, CALL_LIMIT).await;
        self.statistics.borrow_mut().count_call(JsonOperation::GetParametersByPath, &found);
        let span = CallSpan { began: in_flight.began, ended: self.next_number() };
        let mut again = Vec::new();
        match found {
            Ok(parameters) => {
                for parameter in parameters.into_iter().take(self.policy.get().max_entries) {
                    let id = ParameterId::Name(parameter.name.clone());
                    let request = ParameterRequest::latest(id.clone());
                    let item = ReadItem::Parameter(request, Decryption::Decrypted);
                    let fetched = FetchedValue::Parameter(parameter);
                    let times = CallTimes { span, began };
                    if !self.keep(scope, (&item, fetched), times, removed) {
                        let items = PrefetchItems::Parameter(id);
                        again.extend(self.prefetch_one(of, item, items).await);
                    }
                }
            }
            Err(failure) => again.extend(of.failed(items.clone(), failure)),
        }
        again
    }

    /// Keeps a value that was read together with others; `removed` is how many values were removed before
    /// that. Returns whether it is kept: if others were removed since, it has to be read by itself.
    fn keep(
        &self,
        scope: &CallScope,
        (item, fetched): (&ReadItem, FetchedValue),
        times: CallTimes,
        removed: u64,
    ) -> bool {
        // If some were removed since, a later version of this one may be among them.
        if self.entries.borrow().removed_values() != removed {
            return false;
        }
        let entry = self.entry_in(&scope.role, &scope.region, item);
        // One that was refused since is not kept.
        drop(self.store(&entry, fetched, times));
        self.entries.borrow_mut().shrink_after(&entry, &self.policy.get());
        true
    }
}

fn ids(
    listed: &[SecretDescription],
    is_meant: impl Fn(&SecretDescription) -> bool,
) -> Vec<SecretId> {
    let arns = listed.iter().filter(|secret| is_meant(secret)).map(|secret| &secret.arn);
    arns.filter_map(|arn| arn.parse().ok()).collect()
}
