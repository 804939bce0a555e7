//! The loop of a program that follows secrets and parameters.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use super::schedule::{Next, Schedule, Timing};
use super::source::{FollowedValues, ReferenceSource};
use crate::output::error::Error;
use crate::output::follow::StaleText;
use crate::output::log::events::{
    ACTION_DELAYED, FOLLOWED_READ_FAILED, FOLLOWED_READ_RECOVERED, LogEvent, REFERENCES_CHANGED,
    VALUES_CONFIRMED, VALUES_STALE, VALUES_UNUSABLE, VALUES_USABLE,
};
use crate::output::log::{Field, FieldValue as _, Log};
use crate::secrets_cache::OutageReason;
use roles_anywhere_client::secret::Entropy;
use roles_anywhere_client::time::Clock;

/// What consumes the values, and acts if that has changed.
pub trait Consumer {
    /// The new inputs of the consumer.
    type Change;

    /// Returns the new inputs; `None` if they are those of the last action. An error is that the values cannot be
    /// used.
    fn change(&self, values: &FollowedValues) -> Result<Option<Self::Change>, Error>;

    /// Acts on the change. If [`Consumer::change`] still returns one afterwards, this is called again: `retry_in`
    /// after its end at the earliest.
    fn act(&self, change: Self::Change, retry_in: Duration) -> impl Future<Output = ()>;
}

/// The ports of the loop. It waits by its source.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "nothing but ports")]
pub struct FollowPorts<'a> {
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Chooses the delays.
    pub entropy: &'a dyn Entropy,
    /// Takes the events.
    pub log: &'a dyn Log,
}

/// The longest wait for a change without a new read.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How often it is tried to read again when an action is due.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Follows `source`, and has `consumer` act on changes.
pub async fn follow(
    source: &dyn ReferenceSource,
    consumer: &impl Consumer,
    timing: Timing,
    ports: FollowPorts<'_>,
) -> Infallible {
    let mut follower = Follower::new(timing, ports);
    loop {
        let change = match source.read().await {
            Ok(values) => {
                let change = consumer.change(&values);
                let has_changed = change.as_ref().map(Option::is_some);
                follower.read(source.generation(), values, has_changed);
                change.unwrap_or_default()
            }
            Err(error) => {
                follower.reads.failed(&error, ports.log);
                None
            }
        };
        let now = ports.clock.uptime();
        let wait = match (follower.schedule.next(now), change) {
            (Next::Act, Some(change)) => {
                consumer.act(change, follower.schedule.interval_after(now)).await;
                follower.schedule.action_ended(now, ports.clock.uptime());
                continue;
            }
            (Next::WaitUntil(at), _) => at.saturating_sub(now).min(LONGEST_WAIT),
            // What was read before may have changed back.
            (Next::Act, None) => RETRY_INTERVAL,
            (Next::WaitForChange, _) => LONGEST_WAIT,
        };
        source.changed(wait).await;
    }
}

/// The state of the loop.
struct Follower<'a> {
    schedule: Schedule,
    /// What was read last.
    known: Option<FollowedValues>,
    /// The generation of that.
    generation: u64,
    reads: ReportedProblem,
    values: ReportedProblem,
    /// Why AWS did not confirm values, as it was reported.
    stale: BTreeSet<OutageReason>,
    ports: FollowPorts<'a>,
}

impl<'a> Follower<'a> {
    fn new(timing: Timing, ports: FollowPorts<'a>) -> Self {
        Self {
            schedule: Schedule::new(timing),
            known: None,
            generation: 0,
            reads: ReportedProblem::new(&FOLLOWED_READ_FAILED, &FOLLOWED_READ_RECOVERED),
            values: ReportedProblem::new(&VALUES_UNUSABLE, &VALUES_USABLE),
            stale: BTreeSet::new(),
            ports,
        }
    }

    /// Takes what was read, and whether the inputs of the consumer have changed.
    fn read(&mut self, generation: u64, values: FollowedValues, has_changed: Result<bool, &Error>) {
        let log = self.ports.log;
        self.reads.ended(log);
        self.report_stale(&values);
        // Values of other references are no changes of these.
        let known = self.known.as_ref().filter(|_| generation == self.generation);
        let changed = known.map(|known| changed_names(known, &values));
        if let Some(names) = changed.as_ref().filter(|names| !names.is_empty()) {
            log.event(&REFERENCES_CHANGED, &[("names", &names.join(" "))]);
        }
        match has_changed {
            Err(error) => {
                self.values.failed(error, log);
                self.schedule.changed_back();
            }
            Ok(has_changed) => {
                self.values.ended(log);
                let is_new = changed.is_none_or(|names| !names.is_empty());
                match (has_changed, self.schedule.is_pending()) {
                    (false, _) => self.schedule.changed_back(),
                    (true, true) if !is_new => {}
                    (true, is_pending) => self.changed(!is_pending && is_new),
                }
            }
        }
        self.known = Some(values);
        self.generation = generation;
    }

    /// Reports which values AWS did not confirm in time, once for each reason, and the end of that.
    fn report_stale(&mut self, values: &FollowedValues) {
        let log = self.ports.log;
        let stale = || values.values.iter().filter_map(|it| Some((&*it.name, it.stale?.reason)));
        let reasons: BTreeSet<OutageReason> = stale().map(|(_, reason)| reason).collect();
        if let Some(reason) = reasons.difference(&self.stale).next() {
            let names: BTreeSet<&str> = stale().map(|(name, _)| name).collect();
            let names = names.into_iter().collect::<Vec<_>>().join(" ");
            let StaleText { reason, hint } = StaleText::of(*reason);
            log.event(&VALUES_STALE, &[("names", &names), ("reason", &reason), ("hint", &hint)]);
        } else if reasons.is_empty() && !self.stale.is_empty() {
            log.event(&VALUES_CONFIRMED, &[]);
        }
        self.stale = reasons;
    }

    /// Takes a change, which `is_first` of those about which nothing was done. Else it is another one, or the last
    /// action is to be done again.
    fn changed(&mut self, is_first: bool) {
        let FollowPorts { clock, entropy, log } = self.ports;
        self.schedule.changed(clock.uptime(), entropy.bits());
        if let Some(delay) = self.schedule.delay_by_brake().filter(|_| is_first) {
            log.event(&ACTION_DELAYED, &[("seconds", &whole_seconds(delay))]);
        }
    }
}

/// Returns a time in whole seconds, rounded up.
pub fn whole_seconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX)
}

/// A problem that is reported once for each reason.
struct ReportedProblem {
    occurs: &'static LogEvent,
    ended: &'static LogEvent,
    /// The reason, without what differs each time.
    reason: Option<Vec<String>>,
}

impl ReportedProblem {
    fn new(occurs: &'static LogEvent, ended: &'static LogEvent) -> Self {
        Self { occurs, ended, reason: None }
    }

    fn failed(&mut self, error: &Error, log: &dyn Log) {
        let (reason, hint) = error.log_fields();
        let problem = reason.problem();
        if self.reason != problem {
            self.reason = problem;
            let fields: [Field<'_>; 2] = [("reason", &reason), ("hint", &hint)];
            log.event(self.occurs, &fields);
        }
    }

    fn ended(&mut self, log: &dyn Log) {
        if self.reason.take().is_some() {
            log.event(self.ended, &[]);
        }
    }
}

/// Returns the names of what stands for other values than before, each once.
fn changed_names<'a>(before: &FollowedValues, now: &'a FollowedValues) -> Vec<&'a str> {
    let pairs = before.values.iter().zip(&now.values);
    let changed = pairs.filter(|(before, now)| !before.resolved.value.is_same(&now.resolved.value));
    let mut names: Vec<&str> = changed.map(|(_, now)| &*now.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests;
