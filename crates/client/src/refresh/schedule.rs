//! When a daemon refreshes: a pure decision from the current session, the last failure and the clocks.

use std::time::Duration;

use crate::credentials::Freshness;
use crate::refresh::clock_reading::ClockReading;

/// When a session becomes due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// The remaining share of its lifetime, in thousandths.
    due: i64,
}

impl Policy {
    /// Makes a session due at a `random` point between 60 % and 50 % of its lifetime left.
    ///
    /// The jitter keeps the hosts of a fleet from calling at the same time. Half of an hour is enough
    /// for an outage of AWS, and botocore refreshes only in the last 15 minutes.
    pub(crate) fn jittered(random: u64) -> Self {
        Self { due: 500 + i64::try_from(random % 101).unwrap_or(0) }
    }

    /// Returns the freshness of a session with this many remaining seconds of its lifetime.
    pub(crate) fn decide(self, seconds_left: i64, lifetime_seconds: i64) -> Freshness {
        match seconds_left {
            ..=0 => Freshness::Expired,
            left if left <= self.due_at(lifetime_seconds) => Freshness::Due,
            _ => Freshness::Fresh,
        }
    }

    /// Returns the remaining seconds at which a session with this lifetime becomes due.
    fn due_at(self, lifetime_seconds: i64) -> i64 {
        lifetime_seconds.saturating_mul(self.due) / 1_000
    }
}

/// The kind of a failure, which decides when to retry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum FailureKind {
    /// The network, throttling, or a failure of AWS or of this machine: a retry may succeed.
    Transient,
    /// AWS refused: its configuration must change.
    Refused,
    /// The certificate or the key: their files must change.
    Identity,
}

/// What to do next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// Fetch now.
    Fetch,
    /// Do nothing for this long.
    Wait(Duration),
}

/// The current session and the last failure, from which follows when to refresh.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    policy: Policy,
    current: Option<CurrentSession>,
    failed: Option<Failed>,
    rejected: Option<Rejected>,
    identities: Identities,
    last_reading: Option<ClockReading>,
    starts: StartTimes,
}

/// The starts of refreshes, by uptime.
#[derive(Clone, Copy, Debug, Default)]
struct StartTimes {
    /// The start of the refresh in flight, or of the last one.
    latest: Duration,
    /// The start of the last one that succeeded.
    succeeded: Option<Duration>,
}

/// Numbers of the identities, counted as they are loaded.
#[derive(Clone, Copy, Debug, Default)]
struct Identities {
    newest: u64,
    /// The identity of the fetch in flight, or of the last one.
    fetching: u64,
    /// The identity of the current session.
    current: u64,
}

#[derive(Clone, Copy, Debug)]
struct CurrentSession {
    received: ClockReading,
    lifetime_seconds: i64,
}

#[derive(Clone, Copy, Debug)]
struct Failed {
    kind: FailureKind,
    /// The number of failures of this kind in a row before this one.
    count: u32,
    at: Duration,
    /// When to retry, by uptime.
    retry: Duration,
    /// AWS's `Retry-After`.
    retry_after: Duration,
}

/// A session that AWS did not accept although it had not expired.
#[derive(Clone, Copy, Debug)]
struct Rejected {
    /// Whether it is the current one.
    is_current: bool,
    /// The number of such sessions before it, each soon after the one before.
    count: u32,
    /// When that was reported, by uptime.
    at: Duration,
    /// When it is to be replaced, by uptime.
    replace: Duration,
}

/// The shortest time between the starts of two refreshes that succeed. It limits the calls if AWS
/// returns sessions that expire at once, if a clock is wrong, or if files change all the time.
pub(crate) const SHORTEST_INTERVAL: Duration = Duration::from_secs(5);
/// The longest backoff after a transient failure: AWS may be back at any time.
const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// The first and the longest backoff after a refusal. An administrator must change the configuration
/// at AWS, which takes minutes; earlier calls are of no use.
const REFUSED_BACKOFF: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(900));
/// The backoff after a failure of the identity; a change of its files ends it at once.
const IDENTITY_BACKOFF: Duration = Duration::from_secs(60);
/// The longest backoff while no session is valid.
const EXPIRED_MAX_BACKOFF: Duration = Duration::from_secs(120);
/// The longest accepted `Retry-After`, so that no response can stop a daemon for a day.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(900);
/// The difference of the clocks, in seconds, from which on the machine counts as having slept. NTP and
/// rounding cause smaller ones.
const SLEEP_THRESHOLD: u64 = 15;

impl Schedule {
    /// Returns a schedule without a session: the first refresh is due at once.
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            current: None,
            failed: None,
            rejected: None,
            identities: Identities::default(),
            last_reading: None,
            starts: StartTimes::default(),
        }
    }

    /// Returns what to do at `now`.
    ///
    /// If the machine slept, or its clock was set, an earlier backoff ends: after sleep, the
    /// machine may be in another network.
    pub(crate) fn next(&mut self, now: ClockReading) -> Next {
        if self.last_reading.is_some_and(|last| slept(last, now)) {
            self.failed = None;
        }
        self.last_reading = Some(now);
        let freshness = self.freshness(now);
        let mut earliest = self.retry(freshness).max(self.earliest());
        if freshness == Freshness::Fresh && self.identities.current == self.identities.newest {
            let Some(rejected) = self.rejected.filter(|rejected| rejected.is_current) else {
                return Next::Wait(self.until_due(now));
            };
            earliest = earliest.max(rejected.replace);
        }
        match earliest.saturating_sub(now.uptime) {
            Duration::ZERO => Next::Fetch,
            wait => Next::Wait(wait),
        }
    }

    /// Returns when the backoff after the last failure ends, by uptime.
    fn retry(&self, freshness: Freshness) -> Duration {
        let Some(failed) = self.failed else { return Duration::ZERO };
        let longest = match freshness {
            Freshness::Expired => EXPIRED_MAX_BACKOFF.max(failed.retry_after),
            Freshness::Due | Freshness::Fresh => Duration::MAX,
        };
        failed.retry.min(failed.at.saturating_add(longest))
    }

    /// Returns the earliest start of the next refresh for any reason, by uptime.
    pub(crate) fn earliest(&self) -> Duration {
        self.starts.succeeded.map_or(Duration::ZERO, |start| start + SHORTEST_INTERVAL)
    }

    /// Returns the freshness of the current session at `now`; without one, it has expired.
    pub(crate) fn freshness(&self, now: ClockReading) -> Freshness {
        let Some(current) = self.current else { return Freshness::Expired };
        self.policy.decide(current.seconds_left(now), current.lifetime_seconds)
    }

    /// Records that a fetch with the newest identity begins at `now`.
    pub(crate) fn began(&mut self, now: ClockReading) {
        self.identities.fetching = self.identities.newest;
        self.starts.latest = now.uptime;
    }

    /// Records that a session, valid for `lifetime_seconds`, was received at `now`.
    pub(crate) fn succeeded(&mut self, lifetime_seconds: i64, now: ClockReading) {
        self.current = Some(CurrentSession { received: now, lifetime_seconds });
        self.failed = None;
        if let Some(rejected) = &mut self.rejected {
            rejected.is_current = false;
        }
        self.identities.current = self.identities.fetching;
        self.starts.succeeded = Some(self.starts.latest);
    }

    /// Records a failure at `now`. The retry is spread by `random`, and comes no earlier than AWS's
    /// `retry_after`. A failure with an identity that has been replaced since delays nothing.
    pub(crate) fn failed(
        &mut self,
        kind: FailureKind,
        retry_after: Option<Duration>,
        random: u64,
        now: ClockReading,
    ) {
        if self.identities.fetching != self.identities.newest {
            return;
        }
        let before = self.failed.filter(|failed| failed.kind == kind);
        let count = before.map_or(0, |failed| failed.count.saturating_add(1));
        let retry_after = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
        let retry = now.uptime + backoff(kind, count, random).max(retry_after);
        self.failed = Some(Failed { kind, count, at: now.uptime, retry, retry_after });
    }

    /// Records a new identity. It is used at once, even during a backoff, but not within
    /// [`SHORTEST_INTERVAL`] of the last refresh that succeeded.
    pub(crate) fn renewed(&mut self) {
        self.identities.newest += 1;
        self.failed = None;
    }

    /// Records that a caller found no session. It shortens the backoff to 5 s after the failure, or
    /// to 15 s after a refusal, so that a caller does not wait for all of it.
    pub(crate) fn requested(&mut self, now: ClockReading) {
        if self.freshness(now) != Freshness::Expired {
            return;
        }
        if let Some(failed) = &mut self.failed {
            let shortened = match failed.kind {
                FailureKind::Refused => Duration::from_secs(15),
                FailureKind::Transient | FailureKind::Identity => Duration::from_secs(5),
            };
            failed.retry = failed.retry.min(failed.at + shortened.max(failed.retry_after));
        }
    }

    /// Records that AWS does not accept the current session, although it has not expired. It is replaced at
    /// once; if AWS does not accept the next ones either, after the backoff of a refusal, spread by `random`. Returns whether that
    /// was not known yet.
    pub(crate) fn rejected(&mut self, random: u64, now: ClockReading) -> bool {
        let (_, longest) = REFUSED_BACKOFF;
        let last = self.rejected.filter(|last| now.uptime.saturating_sub(last.at) < 2 * longest);
        if last.is_some_and(|last| last.is_current) {
            return false;
        }
        let count = last.map_or(0, |last| last.count.saturating_add(1));
        let wait = count.checked_sub(1).map(|nth| backoff(FailureKind::Refused, nth, random));
        let replace = now.uptime + wait.unwrap_or_default();
        self.rejected = Some(Rejected { is_current: true, count, at: now.uptime, replace });
        true
    }

    /// Ends all backoffs, as a person may have mended the cause.
    pub(crate) fn end_backoff(&mut self) {
        self.failed = None;
        if let Some(rejected) = &mut self.rejected {
            rejected.replace = Duration::ZERO;
        }
    }

    fn until_due(&self, now: ClockReading) -> Duration {
        let Some(current) = self.current else { return Duration::ZERO };
        let seconds = current.seconds_left(now) - self.policy.due_at(current.lifetime_seconds);
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }
}

impl CurrentSession {
    fn seconds_left(self, now: ClockReading) -> i64 {
        (self.lifetime_seconds - now.seconds_since(self.received)).max(0)
    }
}

/// Returns whether the machine slept between two readings, or its wall clock was set.
fn slept(last: ClockReading, now: ClockReading) -> bool {
    let by_wall = last.wall.seconds_until(now.wall);
    let awake = now.uptime.saturating_sub(last.uptime).as_secs();
    by_wall.abs_diff(i64::try_from(awake).unwrap_or(i64::MAX)) > SLEEP_THRESHOLD
}

/// Returns the backoff after failure number `count` in a row, counted from 0.
///
/// A transient failure backs off with full jitter, as AWS recommends; a refusal keeps at least half of
/// its backoff.
fn backoff(kind: FailureKind, count: u32, random: u64) -> Duration {
    match kind {
        FailureKind::Transient => {
            let ceiling = Duration::from_secs(2).saturating_mul(1 << count.min(5));
            share(ceiling.min(MAX_BACKOFF), random).max(Duration::from_millis(200))
        }
        FailureKind::Refused => {
            let (first, longest) = REFUSED_BACKOFF;
            let whole = first.saturating_mul(1 << count.min(4)).min(longest);
            whole / 2 + share(whole / 2, random)
        }
        FailureKind::Identity => IDENTITY_BACKOFF,
    }
}

/// Returns a random share of `whole`.
fn share(whole: Duration, random: u64) -> Duration {
    whole.mul_f64((random % 1_001) as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn at(seconds: u64) -> ClockReading {
        let wall = Timestamp::from_unix(1_440_938_160);
        ClockReading {
            wall: wall.after(i64::try_from(seconds).unwrap()),
            uptime: Duration::from_secs(seconds),
            counts_sleep: false,
        }
    }

    /// The same, after the machine slept for `asleep` of these seconds.
    fn slept_for(asleep: u64, seconds: u64) -> ClockReading {
        ClockReading { uptime: Duration::from_secs(seconds - asleep), ..at(seconds) }
    }

    fn holding(lifetime_seconds: i64) -> Schedule {
        let mut schedule = Schedule::new(Policy::jittered(0));
        schedule.succeeded(lifetime_seconds, at(0));
        schedule
    }

    const fn wait(seconds: u64) -> Next {
        Next::Wait(Duration::from_secs(seconds))
    }

    #[test]
    fn freshness_depends_on_the_remaining_share() {
        let half = Policy::jittered(0);
        for (left, lifetime_seconds, freshness) in [
            (3_600, 3_600, Freshness::Fresh),
            (1_801, 3_600, Freshness::Fresh),
            (1_800, 3_600, Freshness::Due),
            (1, 3_600, Freshness::Due),
            (0, 3_600, Freshness::Expired),
            (-5, 3_600, Freshness::Expired),
            (450, 900, Freshness::Due),
            (451, 900, Freshness::Fresh),
            (1, 1, Freshness::Fresh),
            (0, 0, Freshness::Expired),
        ] {
            assert_eq!(
                half.decide(left, lifetime_seconds),
                freshness,
                "{left} of {lifetime_seconds}"
            );
        }
        assert_eq!(Policy::jittered(100).decide(2_160, 3_600), Freshness::Due);
        assert_eq!(Policy::jittered(100).decide(2_161, 3_600), Freshness::Fresh);
    }

    #[test]
    fn fetches_at_once_and_then_at_half_the_lifetime() {
        assert_eq!(Schedule::new(Policy::jittered(0)).next(at(0)), Next::Fetch);
        let mut schedule = holding(3_600);
        assert_eq!(schedule.next(at(0)), wait(1_800));
        assert_eq!(schedule.next(at(1_799)), wait(1));
        assert_eq!(schedule.next(at(1_800)), Next::Fetch);
    }

    #[test]
    fn never_leaves_less_than_25_minutes_of_an_hour() {
        for random in 0..=100 {
            let mut schedule = Schedule::new(Policy::jittered(random));
            schedule.succeeded(3_600, at(0));
            let Next::Wait(wait) = schedule.next(at(0)) else { panic!("it is fresh") };
            assert!((1_440..=1_800).contains(&wait.as_secs()), "{wait:?}");
        }
    }

    #[test]
    fn backs_off_by_the_kind_of_failure() {
        let seconds = |failure, count, random| backoff(failure, count, random).as_secs();
        assert_eq!(backoff(FailureKind::Transient, 0, 0), Duration::from_millis(200));
        assert_eq!(seconds(FailureKind::Transient, 0, 1_000), 2);
        assert_eq!(seconds(FailureKind::Transient, 3, 1_000), 16);
        assert_eq!(seconds(FailureKind::Transient, u32::MAX, 1_000), 60);
        assert_eq!(seconds(FailureKind::Refused, 0, 0), 30);
        assert_eq!(seconds(FailureKind::Refused, 0, 1_000), 60);
        assert_eq!(seconds(FailureKind::Refused, u32::MAX, 1_000), 900);
        assert_eq!(seconds(FailureKind::Identity, 0, 500), 60);
    }

    #[test]
    fn a_new_identity_is_used_at_once() {
        let mut schedule = holding(3_600);
        schedule.renewed();
        assert_eq!(schedule.next(at(6)), Next::Fetch);
        schedule.began(at(6));
        schedule.failed(FailureKind::Transient, None, 1_000, at(6));
        assert_eq!(schedule.next(at(6)), wait(2));
        assert_eq!(schedule.next(at(8)), Next::Fetch);
        schedule.succeeded(3_600, at(8));
        assert_eq!(schedule.next(at(8)), wait(1_800));

        let mut locked = Schedule::new(Policy::jittered(0));
        locked.failed(FailureKind::Identity, None, 0, at(0));
        assert_eq!(locked.next(at(1)), wait(59));
        locked.renewed();
        assert_eq!(locked.next(at(1)), Next::Fetch);
    }

    #[test]
    fn an_identity_loaded_during_a_fetch_is_used_next() {
        let mut schedule = holding(3_600);
        schedule.began(at(5));
        schedule.renewed();
        schedule.succeeded(3_600, at(11));
        assert_eq!(schedule.next(at(11)), Next::Fetch);
        schedule.began(at(11));
        schedule.renewed();
        schedule.failed(FailureKind::Refused, None, 1_000, at(12));
        assert_eq!(schedule.next(at(12)), Next::Fetch);
        schedule.began(at(12));
        schedule.succeeded(3_600, at(13));
        assert_eq!(schedule.next(at(13)), wait(1_800));
    }

    #[test]
    fn refreshes_that_succeed_start_five_seconds_apart() {
        // Sessions of one second are due at once, and so are rotated identities.
        for lifetime_seconds in [1, 2, 3_600] {
            let mut schedule = Schedule::new(Policy::jittered(0));
            schedule.began(at(100));
            schedule.succeeded(lifetime_seconds, at(102));
            schedule.renewed();
            schedule.requested(at(103));
            assert_eq!(schedule.next(at(103)), wait(2), "{lifetime_seconds}");
            assert_eq!(schedule.next(at(105)), Next::Fetch, "{lifetime_seconds}");
        }
    }

    #[test]
    fn neither_sleep_nor_a_set_clock_shortens_the_interval() {
        let mut schedule = Schedule::new(Policy::jittered(0));
        schedule.next(at(100));
        schedule.began(at(100));
        schedule.succeeded(3_600, at(100));
        let jumped = ClockReading { wall: at(90_000).wall, ..at(101) };
        assert_eq!(schedule.next(jumped), wait(4));
    }

    #[test]
    fn a_failure_keeps_its_own_backoff() {
        let mut schedule = holding(10);
        schedule.began(at(5));
        schedule.failed(FailureKind::Transient, None, 0, at(5));
        assert_eq!(schedule.next(at(5)), Next::Wait(Duration::from_millis(200)));
    }

    #[test]
    fn obeys_retry_after_up_to_a_limit() {
        let mut schedule = Schedule::new(Policy::jittered(0));
        let retry_after = Some(Duration::from_secs(30));
        schedule.failed(FailureKind::Transient, retry_after, 0, at(0));
        schedule.requested(at(6));
        assert_eq!(schedule.next(at(6)), wait(24));
        schedule.failed(FailureKind::Transient, Some(Duration::from_secs(86_400)), 0, at(30));
        assert_eq!(schedule.next(at(30)), wait(900));
    }

    #[test]
    fn backs_off_less_while_no_session_is_valid() {
        let mut schedule = holding(3_600);
        for _ in 0..9 {
            schedule.failed(FailureKind::Refused, None, 1_000, at(3_000));
        }
        assert_eq!(schedule.next(at(3_000)), wait(900));
        assert_eq!(schedule.next(at(3_600)), Next::Fetch);
    }

    #[test]
    fn a_caller_without_a_session_shortens_the_backoff() {
        for (failure, seconds) in
            [(FailureKind::Transient, 5), (FailureKind::Refused, 15), (FailureKind::Identity, 5)]
        {
            let mut schedule = Schedule::new(Policy::jittered(0));
            for _ in 0..9 {
                schedule.failed(failure, None, 1_000, at(0));
            }
            schedule.requested(at(1));
            assert_eq!(schedule.next(at(1)), wait(seconds - 1), "{failure:?}");
            assert_eq!(schedule.next(at(seconds)), Next::Fetch, "{failure:?}");
        }
    }

    #[test]
    fn a_caller_with_a_session_shortens_nothing() {
        let mut schedule = holding(3_600);
        schedule.failed(FailureKind::Refused, None, 1_000, at(2_000));
        schedule.requested(at(2_030));
        assert_eq!(schedule.next(at(2_030)), wait(30));
    }

    #[test]
    fn sessions_that_aws_does_not_accept_are_replaced_less_and_less_often() {
        let mut schedule = Schedule::new(Policy::jittered(0));
        let mut replace = |start: u64| {
            schedule.began(at(start));
            schedule.succeeded(43_200, at(start));
            schedule.rejected(1_000, at(start + 1));
            // The other readers of the same session.
            schedule.rejected(1_000, at(start + 2));
            let Next::Wait(wait) = schedule.next(at(start + 2)) else { panic!("at once") };
            start + 2 + wait.as_secs()
        };
        let mut starts = vec![0];
        for _ in 0..7 {
            starts.push(replace(*starts.last().unwrap()));
        }
        assert_eq!(starts, [0, 5, 66, 187, 428, 909, 1_810, 2_711]);
        // After half an hour without one, the next one is the first again.
        assert_eq!(replace(6_000), 6_005);
    }

    #[test]
    fn a_failure_does_not_end_that_a_session_is_to_be_replaced() {
        let mut schedule = holding(3_600);
        schedule.rejected(0, at(10));
        assert_eq!(schedule.next(at(10)), Next::Fetch);
        schedule.began(at(10));
        schedule.failed(FailureKind::Transient, None, 1_000, at(11));
        assert_eq!(schedule.next(at(11)), wait(2));
        assert_eq!(schedule.next(at(13)), Next::Fetch);
        schedule.began(at(13));
        schedule.succeeded(3_600, at(13));
        assert_eq!(schedule.next(at(13)), wait(1_800));
    }

    #[test]
    fn a_request_of_a_person_ends_each_backoff() {
        for failure in [FailureKind::Transient, FailureKind::Refused, FailureKind::Identity] {
            let mut schedule = holding(3_600);
            schedule.failed(failure, Some(Duration::from_secs(600)), 1_000, at(2_000));
            assert!(matches!(schedule.next(at(2_001)), Next::Wait(_)), "{failure:?}");
            schedule.end_backoff();
            assert_eq!(schedule.next(at(2_001)), Next::Fetch, "{failure:?}");
        }
        // A session that is not due is not replaced.
        let mut schedule = holding(3_600);
        schedule.end_backoff();
        assert_eq!(schedule.next(at(10)), wait(1_790));
    }

    #[test]
    fn a_machine_that_slept_refreshes_at_once() {
        let mut schedule = holding(3_600);
        assert_eq!(schedule.next(at(10)), wait(1_790));
        assert_eq!(schedule.next(slept_for(7_200, 7_215)), Next::Fetch);
        assert_eq!(schedule.freshness(slept_for(7_200, 7_215)), Freshness::Expired);

        let mut failing = Schedule::new(Policy::jittered(0));
        failing.next(at(0));
        failing.failed(FailureKind::Refused, None, 1_000, at(0));
        assert_eq!(failing.next(slept_for(20, 25)), Next::Fetch);
    }

    #[test]
    fn a_clock_that_is_set_back_prolongs_nothing() {
        let schedule = holding(3_600);
        let set_back = ClockReading { wall: at(0).wall.after(-9_000), ..at(3_600) };
        assert_eq!(schedule.freshness(set_back), Freshness::Expired);
    }
}
