//! Trust anchors of several Regions: which of them is asked, when, and for how long.
//!
//! The primary trust anchor is the one of the session; its fallbacks are asked if its Region cannot be
//! reached, times out, fails or throttles. If it refuses, no other one is asked: a trust anchor or a
//! profile that was disabled stays disabled.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::arn::TrustAnchorArn;
use crate::aws::create_session::SessionRequest;
use crate::aws::retry::RequestError;
use crate::credentials::Session;
use crate::identity::Identity;
use crate::ports::Ports;
use crate::provider::exchange::Exchange;
use crate::provider::{ProviderError, RolesAnywhere};
use crate::region::Region;
use crate::time::Deadline;

/// Which trust anchors are asked for a session, and in which order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// The primary one, then its fallbacks.
    PrimaryFirst,
    /// The fallbacks, then the primary one, which could not be reached a short time ago.
    FallbacksFirst,
    /// The primary one only: a fallback made the current session.
    PrimaryOnly,
}

/// A session, and what was learned about the trust anchors.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The session.
    pub session: Session,
    /// The trust anchor that made it.
    pub made_by: MadeBy,
    /// Why the primary trust anchor made none, if it was asked.
    pub primary_error: Option<Arc<ProviderError>>,
    /// Why an earlier session of the chain of roles could not be renewed. It is used while it is valid.
    pub renewal_error: Option<Arc<ProviderError>>,
}

/// The trust anchor that made a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MadeBy {
    /// The primary one.
    Primary(TrustAnchorArn),
    /// One of its fallbacks.
    Fallback(TrustAnchorArn),
}

impl MadeBy {
    /// Returns its ARN, which holds the Region.
    pub fn trust_anchor(&self) -> &TrustAnchorArn {
        let (Self::Primary(trust_anchor) | Self::Fallback(trust_anchor)) = self;
        trust_anchor
    }

    /// Returns whether it is a fallback.
    pub fn is_fallback(&self) -> bool {
        matches!(self, Self::Fallback(_))
    }
}

/// The error of a fallback.
#[derive(Debug)]
pub struct FallbackError {
    /// Its Region.
    pub region: Region,
    /// Why it made no session.
    pub source: ProviderError,
}

impl RolesAnywhere {
    /// Fetches a session with `identity` from the trust anchors in `order`, until one makes it.
    ///
    /// Refuses an identity that has expired or is not yet valid before anything is signed; AWS is asked
    /// for the time first, because this machine's clock may be wrong. If AWS refuses the signature and the
    /// clocks differ by four minutes or more, the request is signed again with AWS's time, and
    /// [`Session::clock_offset`] holds the difference.
    pub async fn exchange(
        &self,
        identity: &Identity,
        (order, clock_offset): (Order, i64),
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Fetched, ProviderError> {
        let candidates = self.candidates(order);
        let (mut primary_error, mut fallbacks) = (None, Vec::new());
        for (position, candidate) in candidates.iter().enumerate() {
            let (request, left) = (candidate.request(), candidates.len() - position);
            let deadline = match candidates.len() {
                1 => deadline,
                _ => share(deadline, *candidate, left, ports.clock.uptime()),
            };
            let exchange = Exchange { request, identity, ports, deadline };
            let error = match exchange.fetch(clock_offset).await {
                Ok(session) => {
                    let (made_by, primary_error) =
                        (candidate.made_by(), primary_error.map(Arc::new));
                    if let MadeBy::Fallback(trust_anchor) = &made_by {
                        ports.trace.show(format_args!("made by the fallback {trust_anchor}"));
                    }
                    return Ok(Fetched { session, made_by, primary_error, renewal_error: None });
                }
                Err(error) => error,
            };
            let region = request.region.clone();
            if candidates.len() > 1 {
                ports.trace.show(format_args!("no session from {region}: {error}"));
            }
            match candidate {
                Candidate::Primary(_) => {
                    let is_final = !error.allows_fallback();
                    primary_error = Some(error);
                    if is_final {
                        break;
                    }
                }
                Candidate::Fallback(_) => fallbacks.push(FallbackError { region, source: error }),
            }
        }
        let primary = primary_error.expect("the primary trust anchor is in every order");
        if fallbacks.is_empty() {
            return Err(primary);
        }
        let limit = deadline.limit();
        Err(ProviderError::EveryRegion { primary: Box::new(primary), fallbacks, limit })
    }

    /// Returns the request that `made_by` answered.
    pub fn request_of(&self, made_by: &MadeBy) -> &SessionRequest {
        let is_of = |request: &&SessionRequest| request.trust_anchor == *made_by.trust_anchor();
        self.fallbacks.iter().find(is_of).unwrap_or(&self.session)
    }

    /// Returns the trust anchors to ask, in this order.
    fn candidates(&self, order: Order) -> Vec<Candidate<'_>> {
        let primary = Candidate::Primary(&self.session);
        let fallbacks = self.fallbacks.iter().map(Candidate::Fallback);
        match order {
            Order::PrimaryFirst => std::iter::once(primary).chain(fallbacks).collect(),
            Order::FallbacksFirst => fallbacks.chain([primary]).collect(),
            Order::PrimaryOnly => vec![primary],
        }
    }
}

/// A trust anchor to ask, as the request to it.
#[derive(Clone, Copy)]
enum Candidate<'a> {
    Primary(&'a SessionRequest),
    Fallback(&'a SessionRequest),
}

impl<'a> Candidate<'a> {
    fn request(self) -> &'a SessionRequest {
        let (Self::Primary(request) | Self::Fallback(request)) = self;
        request
    }

    fn made_by(self) -> MadeBy {
        let trust_anchor = self.request().trust_anchor.clone();
        match self {
            Self::Primary(_) => MadeBy::Primary(trust_anchor),
            Self::Fallback(_) => MadeBy::Fallback(trust_anchor),
        }
    }
}

impl ProviderError {
    /// Returns whether another Region may answer: this one could not be reached in time, failed, or
    /// throttled. Not if it refused, if its certificate is not trusted, or if the identity is the cause.
    pub fn allows_fallback(&self) -> bool {
        match self {
            Self::Request(RequestError::Transport { source, .. }) => source.is_transient(),
            Self::Request(RequestError::Timeout { .. }) => true,
            Self::Refused { source, .. } => source.service_error.is_transient(),
            Self::EveryRegion { primary, .. } => primary.allows_fallback(),
            Self::Request(RequestError::Sign(_) | RequestError::AccessKey(_))
            | Self::Identity { .. }
            | Self::Response(_)
            | Self::NoIdentity => false,
        }
    }
}

/// Returns the deadline, at `now`, of the next of `left` trust anchors that are still to be asked: they
/// share the rest of the time equally, but half of it is for the primary one, and never more than half
/// of the whole.
fn share(whole: Deadline, of: Candidate<'_>, left: usize, now: Duration) -> Deadline {
    let remaining = whole.remaining(now);
    let equal = remaining / u32::try_from(left).unwrap_or(u32::MAX).max(1);
    let limit = match of {
        Candidate::Primary(_) if left > 1 => remaining / 2,
        Candidate::Primary(_) => equal.min(whole.limit() / 2),
        Candidate::Fallback(_) => equal,
    };
    Deadline::new(now, limit)
}

/// Which order the trust anchors are asked in, by what happened before.
///
/// All times are seconds by one clock of the caller: a daemon passes its uptime, the session cache the
/// wall clock, as its state outlives a process.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FallbackState(Option<PrimaryBackoff>);

/// How long the primary trust anchor is not asked first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PrimaryBackoff {
    /// The number of failures in a row before the last one.
    failures: u32,
    /// When it ends.
    until: i64,
}

/// The longest backoff after the first failure, in seconds; it doubles with each further one.
const FIRST_BACKOFF: i64 = 30;
/// The longest backoff, in seconds. A Region that is back serves again after that time at most.
const MAX_BACKOFF: i64 = 900;
/// The longest time that a process waits for the primary trust anchor while it has a valid session.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

impl FallbackState {
    /// Returns the state in which `backoff` was stored.
    pub fn restore(backoff: Option<PrimaryBackoff>) -> Self {
        Self(backoff)
    }

    /// Returns what has to be stored of it: nothing if the primary trust anchor is asked first.
    pub fn backoff(self) -> Option<PrimaryBackoff> {
        self.0
    }

    /// Returns the order in which the trust anchors are asked for a session that is needed at `now`.
    pub fn order(self, now: i64) -> Order {
        match self.until_probe(now) {
            Some(1..) => Order::FallbacksFirst,
            _ => Order::PrimaryFirst,
        }
    }

    /// Returns the seconds until the primary trust anchor is asked again although the session of a
    /// fallback is valid, 0 if that is due; `None` if a fallback made none, or the primary one refused
    /// since: its refusal counts when the next session is due.
    pub fn until_probe(self, now: i64) -> Option<i64> {
        let left = self.0?.until.saturating_sub(now);
        // The clock was set back: how long it has been cannot be known.
        Some(if left > MAX_BACKOFF { 0 } else { left.max(0) })
    }

    /// Returns the state after a session was fetched at `now`. `random` spreads the end of the backoff.
    #[must_use]
    pub fn fetched(self, fetched: &Fetched, now: i64, random: u64) -> Self {
        match (&fetched.made_by, &fetched.primary_error) {
            (MadeBy::Primary(_), _) => Self(None),
            (MadeBy::Fallback(_), Some(_)) => self.unreachable(now, random),
            // It was not asked.
            (MadeBy::Fallback(_), None) => self,
        }
    }

    /// Returns the state after no trust anchor made a session that was needed: none is worse than the
    /// others, as when this machine's own network is down.
    #[must_use]
    pub fn failed(self) -> Self {
        Self(None)
    }

    /// Returns the state after the primary trust anchor alone was asked at `now` and made no session.
    #[must_use]
    pub fn probe_failed(self, error: &ProviderError, now: i64, random: u64) -> Self {
        if error.allows_fallback() { self.unreachable(now, random) } else { Self(None) }
    }

    fn unreachable(self, now: i64, random: u64) -> Self {
        let failures = self.0.map_or(0, |backoff| backoff.failures.saturating_add(1));
        let longest = (FIRST_BACKOFF << failures.min(6)).min(MAX_BACKOFF);
        // At least half of it, so that a Region that is down is not asked all the time.
        let spread = u64::try_from(longest / 2).unwrap_or(0) + 1;
        let seconds = longest - i64::try_from(random % spread).unwrap_or(0);
        Self(Some(PrimaryBackoff { failures, until: now.saturating_add(seconds) }))
    }
}

/// Returns the timeout of a fetch in `order` by a process whose limit is `timeout`. One that has a valid
/// session does not wait long for another trust anchor.
pub fn fetch_timeout(order: Order, timeout: Duration) -> Duration {
    match order {
        Order::PrimaryFirst | Order::FallbacksFirst => timeout,
        Order::PrimaryOnly => PROBE_LIMIT.min(timeout / 2),
    }
}

#[cfg(test)]
mod tests;
