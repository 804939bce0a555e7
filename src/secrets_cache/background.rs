//! What runs beside the readers: their calls, checks before the TTL ends, and the prefetch.

use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{LocalBoxFuture, pending, select};
use futures_util::stream::FuturesUnordered;

use super::SecretsCache;
use super::entry::ValueEntry;
use super::prefetch::ReportPrefetchFailure;
use super::queue::CALLS_AT_ONCE;
use super::upstream::SessionState;

/// How long a call is expected to take, to begin checks early if many are to end in time.
const EXPECTED_CALL: Duration = Duration::from_millis(200);

/// The bounds of the time after which the entries are examined again: an entry that was not read for long
/// may have been read meanwhile.
const TICK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

impl SecretsCache {
    /// Makes all calls, those of readers too, until it is dropped. `report` gets what was not read at the
    /// start.
    pub async fn keep_fresh(&self, report: ReportPrefetchFailure<'_>) -> Infallible {
        let mut calls: FuturesUnordered<LocalBoxFuture<'_, ()>> = FuturesUnordered::new();
        let mut lists = FuturesUnordered::new();
        let mut prefetch = pin!(self.prefetch(report));
        let mut next_examination = Duration::ZERO;
        loop {
            let now = self.ports.clock.uptime();
            if now >= next_examination {
                self.drop_refused();
                next_examination = now + self.check_due(now);
                lists.extend(self.due_lists().into_iter().map(|scope| self.compare_list(scope)));
            }
            loop {
                let Some(next) = self.queue.borrow_mut().next() else { break };
                calls.push(Box::pin(self.perform(next)));
            }
            let ended = pin!(async {
                // Without calls, there is no end of one to wait for.
                while calls.next().await.is_none() {
                    pending::<()>().await;
                }
            });
            let listed = pin!(async {
                while lists.next().await.is_some() {}
                pending::<()>().await;
            });
            let woken = pin!(self.queued.notified());
            let woken = select(woken, self.ports.timer.sleep(next_examination.saturating_sub(now)));
            let work = select(ended, select(listed, prefetch.as_mut()));
            select(work, woken).await;
        }
    }

    /// Drops what was read with roles that have no session any more, as AWS refuses another one.
    fn drop_refused(&self) {
        let mut roles: Vec<_> = Vec::new();
        for entry in self.entries.borrow().all() {
            if !roles.iter().any(|role| Rc::ptr_eq(role, &entry.scope.role)) {
                roles.push(Rc::clone(&entry.scope.role));
            }
        }
        for role in roles {
            if matches!(self.upstream.session(&role), SessionState::Refused(_)) {
                self.drop_role(&role);
            }
        }
        for arn in self.offline_copies().iter().flat_map(|copies| copies.roles()) {
            let role = self.upstream.role(Some(&arn));
            let is_refused =
                |role: &Rc<_>| matches!(self.upstream.session(role), SessionState::Refused(_));
            if let Some(role) = role.filter(is_refused) {
                self.drop_role(&role);
            }
        }
    }

    /// Makes the checks that are due, and returns the time until the entries are to be examined again.
    fn check_due(&self, now: Duration) -> Duration {
        let (shortest, longest) = TICK;
        let ttl = self.policy.get().ttl;
        // Without a TTL, nothing is checked.
        let tick = if ttl.is_zero() { longest } else { (ttl / 20).clamp(shortest, longest) };
        let mut next = now + tick;
        let entries = self.by_end_of_ttl(now);
        let ends: Vec<Duration> = entries.iter().map(|(end, _)| *end).collect();
        for ((_, entry), latest) in entries.into_iter().zip(latest_checks(&ends, ttl)) {
            let due = {
                let state = entry.state.borrow();
                if state.call.is_some() {
                    continue;
                }
                // After a failure, it is tried again at its own pace.
                if state.failure.is_none() {
                    latest.min(state.next_check)
                } else {
                    state.next_check
                }
            };
            if due > now {
                next = next.min(due);
                continue;
            }
            if self.outages.borrow_mut().allow_call(&entry.service, now) {
                drop(self.call_in_background(&entry));
            }
        }
        self.entries.borrow_mut().remove_useless(&self.policy.get(), now);
        next.saturating_sub(now).max(shortest.min(tick))
    }

    /// Returns the active entries by the time when their TTL ends.
    fn by_end_of_ttl(&self, now: Duration) -> Vec<(Duration, Rc<ValueEntry>)> {
        let ttl = self.policy.get().ttl;
        let with_end = |entry: Rc<ValueEntry>| {
            let end = entry.state.borrow().held.as_ref().map(|held| match held.copy {
                // AWS has to confirm it as soon as possible.
                Some(_) => Duration::ZERO,
                None => held.confirmed + ttl,
            });
            end.map(|end| (end, entry))
        };
        let mut entries: Vec<_> =
            self.active_entries(now).into_iter().filter_map(with_end).collect();
        entries.sort_by_key(|(end, _)| *end);
        entries
    }

    /// Returns the entries with a value that were read within the last two TTLs.
    pub(super) fn active_entries(&self, now: Duration) -> Vec<Rc<ValueEntry>> {
        let entries = self.entries.borrow();
        let is_active = |entry: &&Rc<ValueEntry>| {
            entry.was_read_within(2 * self.policy.get().ttl, now)
                && !self.policy.get().ttl.is_zero()
                && entry.state.borrow().held.is_some()
        };
        entries.all().iter().filter(is_active).map(Rc::clone).collect()
    }
}

/// Returns when checks have to begin so that each ends before its TTL, of which `ends` are the ends in their
/// order: none before half of its TTL, so that AWS is not called all the time if that is short.
fn latest_checks(ends: &[Duration], ttl: Duration) -> Vec<Duration> {
    let mut latest = Vec::with_capacity(ends.len());
    let mut of_later = Duration::MAX;
    for (position, end) in ends.iter().enumerate().rev() {
        let rounds = u32::try_from(position / CALLS_AT_ONCE + 1).unwrap_or(u32::MAX);
        let time = EXPECTED_CALL.saturating_mul(rounds).min(ttl / 2);
        // Those that end before it go first.
        of_later = of_later.min(end.saturating_sub(time));
        latest.push(of_later);
    }
    latest.reverse();
    latest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_begin_one_after_the_other_before_half_of_the_ttl() {
        let seconds = Duration::from_secs;
        let starts = |ends: &[Duration], ttl| -> Vec<f64> {
            let latest = latest_checks(ends, seconds(ttl));
            latest.iter().map(|start| (start.as_secs_f64() * 10.0).round() / 10.0).collect()
        };
        assert_eq!(starts(&[], 300), [0.0; 0]);
        assert_eq!(starts(&[seconds(300), seconds(400)], 300), [299.8, 399.8]);
        // 16 at a time.
        let ends = [seconds(300); 40];
        let expected = [[299.4; 16].as_slice(), &[299.4; 16], &[299.4; 8]].concat();
        assert_eq!(starts(&ends, 300), expected);
        // Those whose TTL ends earlier go before those that need the time.
        let ends = [[seconds(300); 16], [seconds(301); 16]].concat();
        assert_eq!(starts(&ends, 300), [[299.8; 16], [300.6; 16]].concat());
        let ends = vec![seconds(10); 1_000];
        assert_eq!(starts(&ends, 10), vec![5.0; 1_000]);
    }
}
