//! The sessions before the last hop of a chain, as a process keeps them that runs for longer than one.
//!
//! A session ends by its own lifetime, not with the one that it was made with. So the sessions before
//! the last one are kept, and are renewed when they are needed and due.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::credentials::Session;
use crate::identity::Identity;
use crate::ports::Ports;
use crate::provider::fallback::{Fetched, MadeBy, Order};
use crate::provider::{ProviderError, RolesAnywhere};
use crate::time::{Deadline, Timestamp};

/// The sessions before the last hop: of the first role, then of each hop.
#[derive(Clone, Debug, Default)]
pub struct EarlierHops(Vec<Option<KeptSession>>);

/// A session that further ones are made with.
#[derive(Clone, Debug)]
struct KeptSession {
    session: Session,
    /// The trust anchor of the first session of the chain.
    made_by: MadeBy,
    /// Why an earlier session, which it was made with, could not be renewed.
    renewal_error: Option<Arc<ProviderError>>,
}

/// A session is renewed before it is used if less is left of it, in seconds, or less than half of its
/// lifetime.
const RENEWED_BEFORE_END: i64 = 20 * 60;

/// With less than that left, in seconds, a session may expire before AWS reads the request.
const EXPIRY_MARGIN: i64 = 2;

fn is_due(session: &Session, now: Timestamp) -> bool {
    session.seconds_left(now) <= RENEWED_BEFORE_END.min(session.lifetime_seconds / 2)
}

fn has_expired(session: &Session, now: Timestamp) -> bool {
    session.seconds_left(now) <= EXPIRY_MARGIN
}

impl RolesAnywhere {
    /// Fetches the session of the last hop with `identity`: with the sessions in `previous` that are
    /// not due, and with new ones in place of the others. Without hops, this is
    /// [`RolesAnywhere::exchange`].
    ///
    /// A session that is due and cannot be renewed is used as long as it is valid, and the result says
    /// why. Its renewal gets at most half of the time, so that the next hop has the other half. If AWS does not
    /// accept a kept session, the chain is made from its start, once. With [`Order::PrimaryOnly`], no
    /// kept session is used.
    pub async fn fetch_chain(
        &self,
        previous: &mut EarlierHops,
        (identity, order, clock_offset): (&Identity, Order, i64),
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Fetched, ProviderError> {
        let chain = RoleChain { provider: self, order, identity, clock_offset, ports, deadline };
        if order == Order::PrimaryOnly {
            // The kept ones stay in use if this one fails.
            let mut only = EarlierHops::default();
            let fetched = chain.session(self.hops.len(), &mut only).await?;
            *previous = only;
            return Ok(fetched);
        }
        let has_kept = !previous.0.is_empty();
        match chain.session(self.hops.len(), previous).await {
            Err(error) if error.refuses_previous_session() && has_kept => {
                ports.trace.show(format_args!("starting the chain of roles again: {error}"));
                *previous = EarlierHops::default();
                chain.session(self.hops.len(), previous).await
            }
            fetched => fetched,
        }
    }
}

struct RoleChain<'a> {
    provider: &'a RolesAnywhere,
    order: Order,
    identity: &'a Identity,
    clock_offset: i64,
    ports: &'a Ports,
    deadline: Deadline,
}

impl RoleChain<'_> {
    /// Makes the session after so many hops.
    async fn session(
        &self,
        hops: usize,
        previous: &mut EarlierHops,
    ) -> Result<Fetched, ProviderError> {
        let Self { provider, ports, deadline, .. } = *self;
        let Some(index) = hops.checked_sub(1) else {
            let Self { order, identity, clock_offset, .. } = *self;
            return provider.exchange(identity, (order, clock_offset), ports, deadline).await;
        };
        let before = self.previous(index, previous).await?;
        let previous = (&before.session, &before.made_by);
        let session = provider.assume(index, previous, ports, deadline).await?;
        Ok(Fetched { session, ..before })
    }

    /// Returns the session after so many hops, a kept one or a new one, which is kept then.
    fn previous<'b>(
        &'b self,
        hops: usize,
        previous: &'b mut EarlierHops,
    ) -> BoxFuture<'b, Result<Fetched, ProviderError>> {
        Box::pin(async move {
            let kept = previous.0.get(hops).cloned().flatten();
            let now = self.ports.clock.now();
            if let Some(kept) = kept.as_ref().filter(|kept| !is_due(&kept.session, now)) {
                return Ok(kept.fetched());
            }
            let deadline = match kept.as_ref().filter(|kept| !has_expired(&kept.session, now)) {
                Some(_) => self.half_of_the_time(),
                None => self.deadline,
            };
            match (RoleChain { deadline, ..*self }).session(hops, previous).await {
                Ok(fetched) => {
                    previous.keep(hops, &fetched);
                    Ok(fetched)
                }
                Err(error) => {
                    let now = self.ports.clock.now();
                    match kept.filter(|kept| !has_expired(&kept.session, now)) {
                        Some(kept) => {
                            self.ports.trace.show(format_args!(
                                "continuing with a session that could not be renewed: {error}"
                            ));
                            let renewal_error = Some(Arc::new(error));
                            Ok(Fetched { renewal_error, ..kept.fetched() })
                        }
                        None => Err(error),
                    }
                }
            }
        })
    }

    fn half_of_the_time(&self) -> Deadline {
        let now = self.ports.clock.uptime();
        Deadline::new(now, self.deadline.remaining(now) / 2)
    }
}

impl EarlierHops {
    fn keep(&mut self, hops: usize, fetched: &Fetched) {
        let Fetched { session, made_by, primary_error: _, renewal_error } = fetched.clone();
        if self.0.len() <= hops {
            self.0.resize(hops + 1, None);
        }
        self.0[hops] = Some(KeptSession { session, made_by, renewal_error });
    }
}

impl KeptSession {
    fn fetched(&self) -> Fetched {
        let Self { session, made_by, renewal_error } = self.clone();
        Fetched { session, made_by, primary_error: None, renewal_error }
    }
}

#[cfg(test)]
mod tests;
