//! When to act on changes: after a quiet period, at a random time within the splay, and not too often.

use std::time::Duration;

/// The times between a change and the action.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timing {
    /// How long to wait for further changes. Each prolongs the wait, up to six times this in all.
    pub quiet_period: Duration,
    /// The longest random delay after the quiet period.
    pub splay: Duration,
}

impl Timing {
    /// The splay of an action unless another is given.
    pub const SPLAY: Duration = Duration::from_secs(10);

    /// Returns the least time between the end of an action and the next one, which doubles with each action
    /// that follows within twice this time.
    fn shortest_interval(self) -> Duration {
        self.quiet_period * SHORTEST_INTERVAL
    }

    /// Returns the most that the time between two actions doubles to.
    fn longest_interval(self) -> Duration {
        self.quiet_period * LONGEST_INTERVAL
    }
}

/// The longest wait for further changes, in quiet periods.
const LONGEST_WAIT: u32 = 6;
/// The shortest time between two actions, in quiet periods.
const SHORTEST_INTERVAL: u32 = 2;
/// The longest time between two actions that changes have to wait for, in quiet periods.
const LONGEST_INTERVAL: u32 = 120;

/// When to act. Times are those of one monotonic clock.
#[derive(Clone, Debug)]
pub struct Schedule {
    timing: Timing,
    pending: Option<PendingChanges>,
    last_action: Option<LastAction>,
}

/// What to do now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// Nothing before the next change.
    WaitForChange,
    /// Nothing before this time, unless there is another change.
    WaitUntil(Duration),
    /// Act.
    Act,
}

/// Changes that were not acted on.
#[derive(Clone, Copy, Debug)]
struct PendingChanges {
    first: Duration,
    latest: Duration,
    delay: Duration,
}

#[derive(Clone, Copy, Debug)]
struct LastAction {
    ended: Duration,
    /// The least time until the next action.
    interval: Duration,
}

impl Schedule {
    /// Returns the schedule of a program that was not acted on yet.
    pub fn new(timing: Timing) -> Self {
        Self { timing, pending: None, last_action: None }
    }

    /// Takes a change: what is consumed differs from what it was at the last action, and from what it was
    /// before. `random` chooses the delay.
    pub fn changed(&mut self, now: Duration, random: u64) {
        match &mut self.pending {
            Some(pending) => pending.latest = now,
            None => {
                let delay = part_of(self.timing.splay, random);
                self.pending = Some(PendingChanges { first: now, latest: now, delay });
            }
        }
    }

    /// Forgets the changes: what is consumed is again as it was at the last action.
    pub fn changed_back(&mut self) {
        self.pending = None;
    }

    /// Returns the least time between the end of an action that begins at `began` and the next one.
    pub fn interval_after(&self, began: Duration) -> Duration {
        match self.last_action {
            Some(last) if began.saturating_sub(last.ended) < last.interval * 2 => {
                (last.interval * 2).min(self.timing.longest_interval())
            }
            _ => self.timing.shortest_interval(),
        }
    }

    /// Takes an action that began and ended at these times, whether it has succeeded or not.
    pub fn action_ended(&mut self, began: Duration, ended: Duration) {
        let interval = self.interval_after(began);
        self.pending = None;
        self.last_action = Some(LastAction { ended, interval });
    }

    /// Returns whether there are changes that were not acted on.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Returns what to do.
    pub fn next(&self, now: Duration) -> Next {
        let Some(due) = self.due() else { return Next::WaitForChange };
        match due.max(self.earliest()) {
            at if at <= now => Next::Act,
            at => Next::WaitUntil(at),
        }
    }

    /// Returns by how much the pending action is late because the one before it was a short time ago.
    pub fn delay_by_brake(&self) -> Option<Duration> {
        let delay = self.earliest().checked_sub(self.due()?)?;
        (!delay.is_zero()).then_some(delay)
    }

    /// Returns when the pending changes are due, without regard to the last action.
    fn due(&self) -> Option<Duration> {
        let PendingChanges { first, latest, delay } = self.pending?;
        let quiet = self.timing.quiet_period;
        Some((latest + quiet).min(first + quiet * LONGEST_WAIT) + delay)
    }

    /// Returns the earliest time of an action.
    fn earliest(&self) -> Duration {
        self.last_action.map(|last| last.ended + last.interval).unwrap_or_default()
    }
}

/// Returns a random part of a time.
fn part_of(time: Duration, random: u64) -> Duration {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(random % nanoseconds.saturating_add(1))
}

#[cfg(test)]
mod tests;
