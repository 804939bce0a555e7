//! Requests that wait until one of several values has another version.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select, select_all};

use super::question::{ListCondition, Question};
use crate::secrets_cache::ReadRequest;
use crate::server::secrets::SecretsEndpoint;
use crate::server::secrets::limit::Place;
use crate::server::secrets::read::ReadingClient;
use crate::server::secrets::reply::{self, EarlyResponse};

/// The time after which it is looked again for what does not exist.
const MISSING_INTERVAL: Duration = Duration::from_secs(30);

impl SecretsEndpoint {
    /// Waits until there is another answer than the client has, or until something cannot be read: what that is, the
    /// answer says. The error is the response if all versions are those that the client has, or if its token is not
    /// valid any more.
    pub(super) async fn wait_for_any(
        &self,
        reader: &ReadingClient<'_>,
        question: &Question,
        condition: &ListCondition,
        place: &mut Place<'_>,
    ) -> Result<(), EarlyResponse> {
        let is_refused = |read: &ReadRequest| self.check(reader, read).is_err();
        if question.reads().is_empty() || question.reads().iter().any(is_refused) {
            return Ok(());
        }
        if !place.wait(reader.client(), reader.rules.tokens.is_only_one()) {
            return Err(reply::too_many().into());
        }
        let known = question.known(condition).into_iter();
        let changes = known
            .map(|(request, version)| Box::pin(self.has_changed(request, version, condition.wait)));
        let has_changed = match select(select_all(changes), pin!(self.stopped())).await {
            Either::Left(((has_changed, ..), _)) => has_changed,
            Either::Right(_) => false,
        };
        self.authenticate(&self.rules(), reader.headers).await?;
        if has_changed { Ok(()) } else { Err(reply::unchanged().into()) }
    }

    /// Returns `true` as soon as a value has another version than `known`, or cannot be read, and `false` after
    /// `limit`. Without a version, the client knows that it does not exist.
    async fn has_changed(
        &self,
        request: &ReadRequest,
        known: Option<&str>,
        limit: Duration,
    ) -> bool {
        let (clock, timer) = (&self.ports.clock, &self.ports.timer);
        let until = clock.uptime() + limit;
        loop {
            let left = until.saturating_sub(clock.uptime());
            let version = known.unwrap_or_default();
            match self.cache.wait_for_change(request, version, left).await {
                Ok(changed) => return changed.is_some(),
                Err(failure) if known.is_none() && failure.is_missing() => {
                    let left = until.saturating_sub(clock.uptime());
                    if left.is_zero() {
                        return false;
                    }
                    timer.sleep(left.min(MISSING_INTERVAL)).await;
                }
                Err(_) => return true,
            }
        }
    }
}
