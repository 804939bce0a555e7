//! One `ListSecrets` for many secrets: it may bring their checks forward.
//!
//! What it returns is up to 5 minutes old, so it never confirms a value.

use std::collections::HashMap;
use std::time::Duration;

use super::SecretsCache;
use super::key::CURRENT;
use super::policy::{CALL_LIMIT, DENIED_FOR};
use super::read::ReadItem;
use super::upstream::{CallResult, CallScope, UpstreamFailure};
use super::value::FetchedValue;
use roles_anywhere_client::aws::json_protocol::JsonOperation;
use roles_anywhere_client::aws::secret_description::SecretDescription;

/// From how many secrets on that are refreshed, they are listed.
const LEAST_SECRETS: usize = 20;

/// The most secrets of a list for each that is refreshed: a longer list costs more calls than it saves.
const LISTED_PER_SECRET: usize = 10;

/// How old a list may be.
const LIST_AGE: Duration = Duration::from_mins(5);

/// The least time between two lists.
const SHORTEST_INTERVAL: Duration = Duration::from_mins(1);

/// When secrets are listed next, by role and Region.
pub(super) type NextLists = HashMap<(Box<str>, Box<str>), Duration>;

impl SecretsCache {
    /// Returns where secrets are to be listed now.
    pub(super) fn due_lists(&self) -> Vec<CallScope> {
        let now = self.ports.clock.uptime();
        let mut counts: Vec<(CallScope, usize)> = Vec::new();
        for entry in self.active_entries(now) {
            if !matches!(entry.state.borrow().item, ReadItem::Secret(_)) {
                continue;
            }
            match counts.iter_mut().find(|(scope, _)| *scope == entry.scope) {
                Some((_, count)) => *count += 1,
                None => counts.push((entry.scope.clone(), 1)),
            }
        }
        let interval = self.policy.get().ttl.max(SHORTEST_INTERVAL);
        let mut next = self.next_lists.borrow_mut();
        let mut due = Vec::new();
        for (scope, _) in counts.into_iter().filter(|(_, count)| *count >= LEAST_SECRETS) {
            // The first one is between two checks of the first entries.
            let at = next.entry(key(&scope)).or_insert(now + interval / 2);
            if *at <= now {
                *at = now + interval;
                due.push(scope);
            }
        }
        due
    }

    /// Lists the secrets, and brings the checks forward of those that have another version.
    pub(super) async fn compare_list(&self, scope: CallScope) {
        let listed = self.list(&scope, None).await;
        let now = self.ports.clock.uptime();
        match listed {
            Ok(listed) => {
                let compared = self.bring_forward(&scope, &listed, now);
                if listed.len() > LISTED_PER_SECRET * compared {
                    self.next_lists.borrow_mut().insert(key(&scope), now + DENIED_FOR);
                }
            }
            Err(UpstreamFailure::Refused(_) | UpstreamFailure::NoVersion(_)) => {
                self.next_lists.borrow_mut().insert(key(&scope), now + DENIED_FOR);
            }
            Err(UpstreamFailure::Outage(..)) => {}
        }
        self.queued.notify_one();
    }

    pub(super) async fn list(
        &self,
        scope: &CallScope,
        prefix: Option<&str>,
    ) -> CallResult<Vec<SecretDescription>> {
        let listed = self.upstream.list_secrets(scope, prefix, CALL_LIMIT).await;
        self.statistics.borrow_mut().count_call(JsonOperation::ListSecrets, &listed);
        listed
    }

    /// Returns how many current versions were compared.
    fn bring_forward(
        &self,
        scope: &CallScope,
        listed: &[SecretDescription],
        now: Duration,
    ) -> usize {
        let listed: HashMap<&str, &SecretDescription> =
            listed.iter().map(|secret| (secret.arn.as_str(), secret)).collect();
        let mut compared = 0;
        for entry in self.active_entries(now).iter().filter(|entry| entry.scope == *scope) {
            let mut state = entry.state.borrow_mut();
            let ReadItem::Secret(request) = &state.item else { continue };
            let is_current = request.version_id.is_none() && request.version_stage.is_none();
            let Some(held) = state.held.as_ref().filter(|_| is_current) else { continue };
            let FetchedValue::Secret(secret) = held.value.content() else { continue };
            let Some(listed) = listed.get(secret.arn.as_str()) else { continue };
            compared += 1;
            let current = listed
                .secret_versions_to_stages
                .iter()
                .find(|(_, stages)| stages.iter().any(|stage| stage == CURRENT));
            let is_other = current.is_some_and(|(id, _)| Some(id) != secret.version_id.as_ref());
            // Otherwise the list may be of the time before.
            let is_settled = now.saturating_sub(held.changed) >= LIST_AGE;
            if is_other && is_settled {
                state.next_check = state.next_check.min(now);
            }
        }
        compared
    }
}

fn key(scope: &CallScope) -> (Box<str>, Box<str>) {
    (scope.role.id.as_ref().into(), scope.region.as_str().into())
}
